"""Marathon's client against a local server; one test at least for each trap of the `marathon` package."""

import json
from collections.abc import Callable

import pytest

from clients.errors import (
    Conflict,
    NotFound,
    ProtocolError,
    Refused,
    RemoteError,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from clients.http import Credentials, Timeouts
from clients.marathon import MarathonApi
from clients.tests.server import Hang, LocalServer, Reply, Reset, closed_port_url

QUICK = Timeouts(connect_s=1, read_s=0.2, total_s=5)
RESULT = {"version": "2024-05-01T12:00:00.000Z", "deploymentId": "97c136bf"}
LEADER = Reply({"leader": "marathon-1:8080"})
APP = {"id": "/prod/web", "instances": 1, "version": "2024-05-01T12:00:00.000Z"}


def api(*urls: str) -> MarathonApi:
    return MarathonApi(urls, name="marathon test", timeouts=QUICK)


class TestSeveralMasters:
    """Trap 1: the package sends a write that timed out again to the next server."""

    def test_a_write_goes_to_the_first_server_that_answers_a_read(
        self, server: LocalServer, other_server: LocalServer
    ) -> None:
        server.on(
            "GET", "/v2/leader", Reply({"message": "Could not determine the current leader"}, status=503)
        )
        other_server.on("GET", "/v2/leader", LEADER)
        other_server.on("PUT", "/v2/apps/prod/web", Reply(RESULT))

        assert api(server.url, other_server.url).put_app("/prod/web", {}) == RESULT
        assert server.calls("PUT") == []
        assert other_server.calls("PUT") == ["PUT /v2/apps/prod/web"]

    def test_a_server_without_a_leader_is_passed_over(
        self, server: LocalServer, other_server: LocalServer
    ) -> None:
        server.on("GET", "/v2/leader", Reply({"message": "There is no leader"}, status=404))
        other_server.on("GET", "/v2/leader", LEADER)
        other_server.on("PUT", "/v2/apps/prod/web", Reply(RESULT))

        api(server.url, other_server.url).put_app("/prod/web", {})
        assert server.calls("PUT") == []

    @pytest.mark.parametrize("silence", [Hang(), Reset()], ids=["time-out", "reset"])
    @pytest.mark.parametrize(
        "write",
        [
            lambda it: it.put_app("/prod/web", {}),
            lambda it: it.patch_app("/prod/web", {"instances": 2}),
            lambda it: it.restart_app("/prod/web"),
            lambda it: it.delete_app("/prod/web"),
            lambda it: it.kill_task("/prod/web", "t", scale=True),
            lambda it: it.delete_deployment("d", roll_back=True),
            lambda it: it.reset_delay("/prod/web"),
        ],
        ids=["put", "patch", "restart", "delete", "kill", "cancel", "reset-delay"],
    )
    def test_a_write_without_an_answer_is_sent_once(
        self,
        server: LocalServer,
        other_server: LocalServer,
        write: Callable[[MarathonApi], object],
        silence: Reply,
    ) -> None:
        for it in (server, other_server):
            it.on("GET", "/v2/leader", LEADER)
            for call in (
                "PUT /v2/apps/prod/web",
                "PATCH /v2/apps/prod/web",
                "POST /v2/apps/prod/web/restart",
                "DELETE /v2/apps/prod/web",
                "DELETE /v2/apps/prod/web/tasks/t",
                "DELETE /v2/deployments/d",
                "DELETE /v2/queue/prod/web/delay",
            ):
                method, _, path = call.partition(" ")
                it.on(method, path, silence)

        with pytest.raises(TimedOut):
            write(api(server.url, other_server.url))
        written = [call for it in (server, other_server) for call in it.calls() if not call.startswith("GET")]
        assert len(written) == 1

    def test_reads_and_then_writes_stay_with_the_server_that_answered(self, server: LocalServer) -> None:
        server.on("GET", "/v2/info", Reply({"version": "1.11.0"}))
        server.on("GET", "/v2/leader", LEADER)
        server.on("PUT", "/v2/apps/prod/web", Reply(RESULT))
        marathon = api(closed_port_url(), server.url)

        marathon.info()
        marathon.put_app("/prod/web", {})
        assert server.calls() == ["GET /v2/info", "GET /v2/leader", "PUT /v2/apps/prod/web"]

    def test_no_master_at_all_is_unavailable(self) -> None:
        with pytest.raises(Unavailable):
            api(closed_port_url(), closed_port_url()).put_app("/prod/web", {})


class TestBodies:
    """Trap 2: the package either drops what is empty or sends null for what is unset."""

    def test_empty_values_are_sent_as_they_are(self, server: LocalServer) -> None:
        server.on("PUT", "/v2/apps/prod/web", Reply(RESULT))
        definition = {"cmd": "sleep 1", "env": {}, "constraints": [], "user": ""}

        api(server.url).put_app("/prod/web", definition, force=True)

        (asked,) = server.asked
        assert asked.json == definition
        assert asked.query == {"force": ["true"], "partialUpdate": ["false"]}
        assert asked.headers["Content-Type"] == "application/json"

    def test_a_change_of_one_field_names_only_that_field(self, server: LocalServer) -> None:
        server.on("PATCH", "/v2/apps/prod/web", Reply(RESULT))

        api(server.url).patch_app("/prod/web", {"instances": 0})
        assert server.asked[0].json == {"instances": 0}


class TestReplies:
    """Trap 3: an unknown field of a reply is a TypeError in the package's models."""

    def test_unknown_fields_are_kept_out_of_the_way(self, server: LocalServer) -> None:
        task = {"id": "t", "appId": "/prod/web", "state": "TASK_RUNNING", "checkResult": {"x": 1}}
        app = {**APP, "tty": True, "resourceLimits": {"cpus": "unlimited"}, "tasks": [task]}
        server.on("GET", "/v2/apps/prod/web", Reply({"app": app}))

        assert api(server.url).app("/prod/web") == app

    @pytest.mark.parametrize(
        "body", [{}, [], {"app": {**APP, "instances": "one"}}, {"app": {"id": "/prod/web"}}, "<html>"]
    )
    def test_a_missing_or_wrong_field_is_refused_loudly(self, server: LocalServer, body: object) -> None:
        server.on("GET", "/v2/apps/prod/web", Reply(body))

        with pytest.raises(ProtocolError):
            api(server.url).app("/prod/web")

    def test_no_json_at_all_in_a_success_is_a_protocol_error(self, server: LocalServer) -> None:
        server.on("DELETE", "/v2/apps/prod/web", Reply(b"<html>hello</html>", content_type="text/html"))

        with pytest.raises(ProtocolError):
            api(server.url).delete_app("/prod/web")

    def test_a_forced_cancel_has_an_empty_reply(self, server: LocalServer) -> None:
        server.on("DELETE", "/v2/deployments/d1", Reply(b"", status=202))

        assert api(server.url).delete_deployment("d1", roll_back=False) is None
        assert server.asked[0].query == {"force": ["true"]}

    def test_a_delay_is_reset_by_an_empty_reply(self, server: LocalServer) -> None:
        server.on("DELETE", "/v2/queue/prod/web/delay", Reply(b"", status=204))

        api(server.url).reset_delay("/prod/web")
        assert server.calls() == ["DELETE /v2/queue/prod/web/delay"]

    def test_a_kill_that_shrinks_is_a_deployment_and_one_that_does_not_is_none(
        self, server: LocalServer
    ) -> None:
        server.on("DELETE", "/v2/apps/a/tasks/a.instance-1._app.1", Reply({"task": {}}), Reply(RESULT))

        marathon = api(server.url)
        assert marathon.kill_task("/a", "a.instance-1._app.1") is None
        assert marathon.kill_task("/a", "a.instance-1._app.1", scale=True) == RESULT
        assert [asked.query["scale"] for asked in server.asked] == [["false"], ["true"]]


LOCKED = "App is locked by one or more deployments. Override with the option '?force=true'."
NOT_VALID = {
    "message": "Object is not valid",
    "details": [
        {"path": "/healthChecks(0)/path", "errors": ["must start with /", "too short"]},
        {"path": "/", "errors": ["AppDefinition must either contain one of 'cmd' or 'args'"]},
    ],
}
HTML = b"<html><body><h2>HTTP ERROR 401</h2></body></html>"


class TestErrors:
    """Trap 4: the package's `error_details` may not exist; trap 6: its `scale_app` answers None."""

    def fail(self, server: LocalServer, reply: Reply) -> RemoteError:
        server.on("PUT", "/v2/apps/prod/web", reply)
        with pytest.raises(RemoteError) as caught:
            api(server.url).put_app("/prod/web", {})
        return caught.value

    def test_a_lock_names_the_deployments_that_hold_it(self, server: LocalServer) -> None:
        body = {"message": LOCKED, "deployments": [{"id": "d1"}, {"id": "d2"}]}
        error = self.fail(server, Reply(body, status=409))

        assert isinstance(error, Conflict)
        assert (error.message, error.deployments) == (LOCKED, ("d1", "d2"))

    def test_the_other_409_has_no_deployments(self, server: LocalServer) -> None:
        error = self.fail(server, Reply({"message": "An app with id [/a] already exists."}, status=409))

        assert isinstance(error, Conflict)
        assert error.deployments == ()

    def test_a_refusal_keeps_every_detail(self, server: LocalServer) -> None:
        error = self.fail(server, Reply(NOT_VALID, status=422))

        assert isinstance(error, Refused)
        assert error.message == "Object is not valid"
        assert error.details == (
            ("/healthChecks(0)/path", "must start with /"),
            ("/healthChecks(0)/path", "too short"),
            ("/", "AppDefinition must either contain one of 'cmd' or 'args'"),
        )

    def test_details_may_be_a_text(self, server: LocalServer) -> None:
        body = {"message": "Invalid JSON", "details": "Unexpected character"}
        error = self.fail(server, Reply(body, status=400))

        assert isinstance(error, Refused)
        assert error.details == (("/", "Unexpected character"),)

    def test_a_refusal_without_a_body_says_its_status(self, server: LocalServer) -> None:
        error = self.fail(server, Reply(b"", status=415))

        assert (type(error), error.message) == (Refused, "HTTP 415 Unsupported Media Type")

    def test_a_missing_password_is_html(self, server: LocalServer) -> None:
        error = self.fail(server, Reply(HTML, status=401, content_type="text/html"))

        assert (type(error), error.message) == (Unauthorized, "HTTP 401 Unauthorized")

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_a_server_error_is_unavailable(self, server: LocalServer, status: int) -> None:
        error = self.fail(server, Reply({"message": "boom"}, status=status, headers={"Retry-After": "7"}))

        assert isinstance(error, Unavailable)
        assert (error.message, error.retry_after_s) == ("boom", 7.0)

    def test_too_many_deployments_is_a_matter_of_time_not_of_rights(self, server: LocalServer) -> None:
        body = {"message": "Max number (100) of running deployments is achieved."}

        assert type(self.fail(server, Reply(body, status=403))) is Unavailable
        assert type(self.fail(server, Reply({"message": "Not Authorized"}, status=403))) is Unauthorized

    def test_scaling_a_missing_app_is_not_found(self, server: LocalServer) -> None:
        server.on(
            "PATCH", "/v2/apps/prod/web", Reply({"message": "App '/prod/web' does not exist"}, status=404)
        )

        with pytest.raises(NotFound, match="App '/prod/web' does not exist"):
            api(server.url).patch_app("/prod/web", {"instances": 2})

    def test_a_404_that_is_not_marathons_does_not_pass_for_a_missing_app(self, server: LocalServer) -> None:
        server.on("GET", "/v2/apps/prod/web", Reply(b"<h1>nginx</h1>", status=404, content_type="text/html"))

        with pytest.raises(ProtocolError, match="not Marathon's answer"):
            api(server.url).app("/prod/web")


def test_the_password_goes_with_each_call(server: LocalServer) -> None:
    server.on("GET", "/v2/info", Reply({"version": "1.11.0"}))

    MarathonApi([server.url], credentials=Credentials("ocean", "pw")).info()
    assert server.asked[0].headers["Authorization"].startswith("Basic ")


class TestLists:
    def test_apps_are_streamed_with_what_was_embedded(self, server: LocalServer) -> None:
        apps = [{**APP, "id": f"/app-{n}", "env": {"FILL": "x" * 1000}} for n in range(500)]
        server.on("GET", "/v2/apps", Reply({"apps": apps}))

        found = list(api(server.url).apps(embed=("apps.tasks", "apps.counts")))

        assert found == apps
        assert server.asked[0].query == {"embed": ["apps.tasks", "apps.counts"]}

    def test_apps_by_label_with_what_is_no_letter_escaped(self, server: LocalServer) -> None:
        server.on("GET", "/v2/apps", Reply({"apps": [APP]}))

        found = api(server.url).apps_labelled("TAG", ["b c", "job.a_1-x"], embed=("apps.tasks",))

        assert found == [APP]
        assert server.asked[0].query == {"embed": ["apps.tasks"], "label": ["TAG in (b\\ c,job.a_1-x)"]}

    def test_a_packed_answer_is_unpacked(self, server: LocalServer) -> None:
        import gzip

        packed = gzip.compress(json.dumps({"apps": [APP]}).encode())
        server.on("GET", "/v2/apps", Reply(packed, headers={"Content-Encoding": "gzip"}))

        assert list(api(server.url).apps()) == [APP]

    @pytest.mark.parametrize("body", [{}, {"message": "starting"}, {"apps": None}, []])
    def test_an_answer_without_the_list_does_not_pass_for_an_empty_one(
        self, server: LocalServer, body: object
    ) -> None:
        server.on("GET", "/v2/apps", Reply(body))

        with pytest.raises(ProtocolError):
            list(api(server.url).apps())

    def test_a_list_that_breaks_off_is_an_error(self, server: LocalServer) -> None:
        whole = json.dumps({"apps": [APP, APP]}).encode()
        server.on("GET", "/v2/apps", Reply(whole[:-20]))

        with pytest.raises(ProtocolError, match="broke off"):
            list(api(server.url).apps())

    def test_the_next_server_is_asked_when_the_first_is_away(self, server: LocalServer) -> None:
        server.on("GET", "/v2/apps", Reply({"apps": [APP]}))

        assert list(api(closed_port_url(), server.url).apps()) == [APP]

    def test_an_error_before_the_list_is_told_as_ever(self, server: LocalServer) -> None:
        server.on("GET", "/v2/apps", Reply({"message": "no leader"}, status=503))

        with pytest.raises(Unavailable, match="no leader"):
            list(api(server.url).apps())
