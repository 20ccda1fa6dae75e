"""apply, publish -f, diff: the plan first, and only what is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocean_cli.tests.conftest import Clock, Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply, job, operation, page, problem, said

JOB = f"jobs/{TAG}/"
WEB = """\
product_line: pdl.ocean_owt.inf_cop.xiaomi
service: shop
cluster: staging
name: web
spec:
  command: exec ./serve
  cpus: 0.2
"""
CPUS = {"field": "cpus", "change": "changed", "old": 0.1, "new": 0.2}
LEVEL = {"field": "env.LEVEL", "change": "added", "old": None, "new": "debug"}
INSTANCES = {"field": "instances", "change": "changed", "old": 3, "new": 5}


@pytest.fixture(autouse=True)
def files(home: Path) -> Path:
    (home / "web.yaml").write_text(WEB)
    return home


def row(
    found: dict[str, Any] | None, *changes: dict[str, Any], tag: str = TAG, **spec: Any
) -> dict[str, Any]:
    """A row of the console's plan."""
    return {
        "tag": tag,
        "job": found,
        "changes": list(changes),
        "spec": {"cpus": 0.2, "depends_on": [], **spec},
    }


def plans(fake: FakeOcean, *rows: dict[str, Any]) -> None:
    fake.on("POST", "jobs/plan/", {"jobs": list(rows)})


def publishes(fake: FakeOcean, tag: str = TAG, *, number: int = 7, state: str = "succeeded") -> None:
    fake.on("POST", f"jobs/{tag}/publish/", Reply(operation(id=number, target=tag), 202))
    ended = operation(state, id=number, target=tag, log=[said("Taken.")], error="No.")
    fake.on("GET", f"operations/{number}/", ended)


def writes(fake: FakeOcean) -> list[tuple[str, str]]:
    """What was written, in order."""
    return [(one.method, one.path) for one in fake.asked if one.method != "GET" and one.path != "jobs/plan/"]


class TestApply:
    def test_what_is_as_written_needs_nothing(self, ocean: Ocean, fake: FakeOcean) -> None:
        plans(fake, row(job()))
        ended = ocean("apply", "-f", "web.yaml")
        assert (ended.code, ended.out) == (0, "= 1 unchanged\nNothing to do.\n")
        assert writes(fake) == []

    def test_a_job_of_a_template_is_saved_with_its_template(
        self, ocean: Ocean, fake: FakeOcean, home: Path
    ) -> None:
        text = f"{WEB.partition('spec:')[0]}template: small\nparameters: {{level: info}}\n"
        (home / "web.yaml").write_text(text)
        plans(fake, row(job(), CPUS))
        fake.on("PATCH", JOB, job(version=4))
        publishes(fake)
        assert ocean("apply", "-f", "web.yaml", "--yes").code == 0
        [saved] = [one.body for one in fake.asked if one.method == "PATCH"]
        assert (saved["template"], saved["parameters"]) == ("small", {"level": "info"})

    def test_a_new_job_is_created_as_it_is_written_and_published(self, ocean: Ocean, fake: FakeOcean) -> None:
        plans(fake, row(None))
        fake.on("POST", "jobs/", Reply(job(), 201))
        publishes(fake)
        ended = ocean("apply", "-f", "web.yaml", "--yes", "--note", "first", "--reason", "release")
        assert (ended.code, ended.out) == (0, "+ create shop/web@staging (publish)\nDone.\n")
        assert writes(fake) == [("POST", "jobs/"), ("POST", f"{JOB}publish/")]
        created = fake.calls("POST", "jobs/")[0].body
        assert (created["spec"], created["note"]) == ({"command": "exec ./serve", "cpus": 0.2}, "first")
        assert fake.calls("POST", f"{JOB}publish/")[0].body == {"reason": "release"}

    def test_a_change_is_shown_field_by_field_and_saved_on_top_of_what_was_looked_at(
        self, ocean: Ocean, fake: FakeOcean
    ) -> None:
        plans(fake, row(job(version=4, running_version=4), CPUS, LEVEL))
        fake.on("PATCH", JOB, job(version=5))
        publishes(fake)
        ended = ocean("apply", "-f", "web.yaml", "-y")
        assert ended.out.splitlines() == [
            "~ change shop/web@staging (publish)",
            "    ~ cpus: 0.1 → 0.2",
            "    + env.LEVEL: debug",
            "Done.",
        ]
        [patch] = fake.calls("PATCH", JOB)
        assert patch.body == {"spec": {"cpus": 0.2, "depends_on": []}, "version": 4, "note": ""}

    def test_somebody_saved_between_plan_and_doing(self, ocean: Ocean, fake: FakeOcean) -> None:
        plans(fake, row(job(), CPUS))
        fake.on("PATCH", JOB, problem(409, "stale-version", "Version 3 has been saved since.", version=3))
        ended = ocean("apply", "-f", "web.yaml", "-y")
        assert ended.code == 5
        assert "The latest version is 3." in ended.err

    def test_what_was_saved_and_never_published_is_published(self, ocean: Ocean, fake: FakeOcean) -> None:
        plans(fake, row(job(version=3)))
        publishes(fake)
        ended = ocean("apply", "-f", "web.yaml", "-y")
        assert ended.out.startswith("~ publish shop/web@staging (version 3)\n")
        assert writes(fake) == [("POST", f"{JOB}publish/")]

    @pytest.mark.parametrize(("plan", "code"), [([CPUS], 10), ([], 0)])
    def test_the_plan_alone_says_by_its_exit_code_whether_there_is_something_to_do(
        self, ocean: Ocean, fake: FakeOcean, plan: list[dict[str, Any]], code: int
    ) -> None:
        plans(fake, row(job(), *plan))
        assert ocean("apply", "-f", "web.yaml", "--plan-only").code == code
        assert writes(fake) == []

    def test_the_plan_for_programs(self, ocean: Ocean, fake: FakeOcean) -> None:
        plans(fake, row(job(), CPUS))
        ended = ocean("apply", "-f", "web.yaml", "--plan-only", "--json")
        assert json.loads(ended.out) == [
            {"job": TAG, "action": "change", "changes": [CPUS], "publish": True, "instances": None}
        ]

    def test_without_a_yes_and_without_a_terminal_nothing_is_done(
        self, ocean: Ocean, fake: FakeOcean
    ) -> None:
        plans(fake, row(job(), CPUS))
        assert ocean("apply", "-f", "web.yaml").code == 2
        assert writes(fake) == []

    def test_the_number_of_instances_counts_only_where_it_is_written(
        self, ocean: Ocean, fake: FakeOcean, files: Path
    ) -> None:
        scaled = job(instances={"wanted": 9, "running": 9, "healthy": 9, "staging": 0})
        plans(fake, row(scaled))
        assert ocean("apply", "-f", "web.yaml", "--plan-only").code == 0
        (files / "web.yaml").write_text(f"{WEB}  instances: 3\n")
        ended = ocean("apply", "-f", "web.yaml", "--plan-only")
        assert (ended.code, ended.out) == (10, "~ scale shop/web@staging (9 → 3 instances)\n")
        assert ocean("apply", "-f", "web.yaml", "--plan-only", "--keep-instances").code == 0

    def test_a_scaling_beside_a_publish_comes_after_it(
        self, ocean: Ocean, fake: FakeOcean, files: Path
    ) -> None:
        (files / "web.yaml").write_text(f"{WEB}  instances: 3\n")
        scaled = job(instances={"wanted": 9, "running": 9, "healthy": 9, "staging": 0})
        plans(fake, row(scaled, CPUS))
        fake.on("PATCH", JOB, job())
        publishes(fake)
        fake.on("POST", f"{JOB}scale/", Reply(operation(id=8, kind="job.scale"), 202))
        fake.on("GET", "operations/8/", operation("succeeded", id=8, kind="job.scale"))
        assert ocean("apply", "-f", "web.yaml", "-y", "--no-wait").code == 0
        assert writes(fake) == [("PATCH", JOB), ("POST", f"{JOB}publish/"), ("POST", f"{JOB}scale/")]
        assert fake.calls("POST", f"{JOB}scale/")[0].body == {"instances": 3}

    def test_a_changed_number_is_brought_about_by_the_publish_itself(
        self, ocean: Ocean, fake: FakeOcean, files: Path
    ) -> None:
        (files / "web.yaml").write_text(f"{WEB}  instances: 5\n")
        plans(fake, row(job(), INSTANCES))
        fake.on("PATCH", JOB, job())
        publishes(fake)
        assert ocean("apply", "-f", "web.yaml", "-y").code == 0
        assert writes(fake) == [("PATCH", JOB), ("POST", f"{JOB}publish/")]

    def test_what_a_job_depends_on_is_published_and_well_before_it(
        self, ocean: Ocean, fake: FakeOcean, files: Path
    ) -> None:
        database = TAG.replace("job.web", "job.db")
        (files / "db.yaml").write_text(WEB.replace("name: web", "name: db"))
        plans(fake, row(job(version=3), depends_on=[database]), row(job(name="db", version=3), tag=database))
        publishes(fake)
        publishes(fake, database, number=8)
        assert ocean("apply", "-f", "web.yaml", "-f", "db.yaml", "-y").code == 0
        order = [one.path for one in fake.asked if one.path != "jobs/plan/"]
        assert order == [f"jobs/{database}/publish/", "operations/8/", f"{JOB}publish/", "operations/7/"]

    def test_after_a_failure_what_depends_on_it_is_left_alone(
        self, ocean: Ocean, fake: FakeOcean, files: Path
    ) -> None:
        database = TAG.replace("job.web", "job.db")
        (files / "db.yaml").write_text(WEB.replace("name: web", "name: db"))
        plans(fake, row(job(name="db", version=3), tag=database), row(job(version=3), depends_on=[database]))
        publishes(fake, database, number=8, state="failed")
        ended = ocean("apply", "-f", "db.yaml", "-f", "web.yaml", "-y")
        assert ended.code == 1
        assert "publish db@staging (#8) failed: No." in ended.err
        assert "What comes after it was not begun" in ended.err
        assert writes(fake) == [("POST", f"jobs/{database}/publish/")]

    def test_when_one_is_busy_it_says_which_others_have_begun(
        self, ocean: Ocean, fake: FakeOcean, files: Path
    ) -> None:
        database = TAG.replace("job.web", "job.db")
        (files / "both.yaml").write_text(f"{WEB}---\n{WEB.replace('name: web', 'name: db')}")
        plans(fake, row(job(version=3)), row(job(name="db", version=3), tag=database))
        publishes(fake)
        busy = problem(409, "target-busy", "Operation #4 works on it.", operation=4)
        fake.on("POST", f"jobs/{database}/publish/", busy)
        ended = ocean("apply", "-f", "both.yaml", "-y")
        assert ended.code == 5
        assert "Others have begun: `ocean wait 7` follows them." in ended.err

    def test_the_time_out_is_of_all_stages_together(
        self, ocean: Ocean, fake: FakeOcean, clock: Clock
    ) -> None:
        database = TAG.replace("job.web", "job.db")
        first, second = job(name="db", version=3), job(version=3)
        plans(fake, row(first, tag=database), row(second, depends_on=[database]))
        publishes(fake, database, number=8)
        publishes(fake)
        waiting = operation("waiting", id=8, target=database)
        fake.on("GET", "operations/8/", *[waiting] * 8, operation("succeeded", id=8, target=database))
        fake.on("GET", "operations/7/", operation("waiting"))
        (Path("both.yaml")).write_text(f"{WEB.replace('name: web', 'name: db')}---\n{WEB}")
        assert ocean("apply", "-f", "both.yaml", "-y", "--timeout", "20").code == 6
        assert 15 < sum(clock.naps) <= 20

    def test_a_circle_is_refused_before_anything_is_done(
        self, ocean: Ocean, fake: FakeOcean, files: Path
    ) -> None:
        other = TAG.replace("job.web", "job.db")
        (files / "db.yaml").write_text(WEB.replace("name: web", "name: db"))
        plans(fake, row(None, depends_on=[other]), row(None, tag=other, depends_on=[TAG]))
        ended = ocean("apply", "-f", "web.yaml", "-f", "db.yaml", "-y")
        assert (ended.code, writes(fake)) == (3, [])
        assert "in a circle: shop/web@staging, shop/db@staging" in ended.err

    def test_every_bad_field_is_said_where_it_stands(
        self, ocean: Ocean, fake: FakeOcean, files: Path
    ) -> None:
        (files / "db.json").write_text('{"name": "db",\n "spec": {\n  "cpus": -1}}')
        errors = [
            {"field": "jobs[0].spec.command", "code": "x", "detail": "Say what."},
            {"field": "jobs[1].spec.cpus", "code": "x", "detail": "Too few."},
            {"field": "jobs[1].cluster", "code": "required", "detail": "Needed."},
        ]
        fake.on("POST", "jobs/plan/", problem(400, "invalid-input", "x", errors=errors))
        ended = ocean("apply", "-f", "web.yaml", "-f", "db.json")
        assert ended.code == 3
        assert ended.err.splitlines() == [
            "Error: web.yaml:6: spec.command: Say what.",
            "db.json:3: spec.cpus: Too few.",
            "db.json:1: cluster: Needed.",
        ]

    def test_nothing_is_deleted_unless_asked_and_then_only_what_is_meant(
        self, ocean: Ocean, fake: FakeOcean
    ) -> None:
        old, owned = job(name="old"), job(name="owned", managed_by="rds")
        plans(fake, row(job()))
        assert "delete" not in ocean("apply", "-f", "web.yaml", "--plan-only").out
        fake.on("GET", "jobs/", page(job(), old, owned))
        fake.on("DELETE", f"jobs/{old['tag']}/", Reply(operation(kind="job.delete", target=old["tag"]), 202))
        fake.on("GET", "operations/7/", operation("succeeded"))
        ended = ocean("apply", "-f", "web.yaml", "--prune", "service=shop,cluster=staging", "-y")
        assert ended.out.startswith(f"- delete {old['tag']}\n")
        assert writes(fake) == [("DELETE", f"jobs/{old['tag']}/")]
        query = fake.calls("GET", "jobs/")[0].query
        assert (query["service"], query["cluster"]) == (["shop"], ["staging"])

    @pytest.mark.parametrize("selector", ["cluster=staging", "colour=red", "service"])
    def test_a_selector_that_means_too_much_or_nothing(self, ocean: Ocean, selector: str) -> None:
        assert ocean("apply", "-f", "web.yaml", "--prune", selector).code == 2

    def test_from_standard_input(self, ocean: Ocean, fake: FakeOcean) -> None:
        plans(fake, row(job()))
        assert ocean("apply", "-f", "-", stdin=WEB).code == 0


class TestPublishFiles:
    def test_what_is_as_written_is_published_all_the_same(self, ocean: Ocean, fake: FakeOcean) -> None:
        plans(fake, row(job()))
        publishes(fake)
        assert ocean("publish", "-f", "web.yaml", "--wait").code == 0
        assert writes(fake) == [("POST", f"{JOB}publish/")]

    def test_what_differs_is_saved_first_and_the_strategy_goes_with_it(
        self, ocean: Ocean, fake: FakeOcean
    ) -> None:
        plans(fake, row(job(), CPUS))
        fake.on("PATCH", JOB, job())
        publishes(fake)
        ended = ocean("publish", "-f", "web.yaml", "--deadline", "60", "--replace")
        assert ended.out.endswith("    ~ cpus: 0.1 → 0.2\n`ocean wait 7` follows what was asked for.\n")
        body = fake.calls("POST", f"{JOB}publish/")[0].body
        assert body == {"strategy": {"deadline_s": 60}, "replace": True}

    def test_a_dry_run_writes_nothing(self, ocean: Ocean, fake: FakeOcean) -> None:
        plans(fake, row(job(), CPUS))
        assert ocean("publish", "-f", "web.yaml", "--dry-run").code == 0
        assert writes(fake) == []

    @pytest.mark.parametrize(
        "arguments", [[], [TAG, "-f", "web.yaml"], ["-f", "web.yaml", "--version", "1"], ["-f", "none.yaml"]]
    )
    def test_what_makes_no_sense(self, ocean: Ocean, arguments: list[str]) -> None:
        assert ocean("publish", *arguments).code == 2


class TestDiff:
    def test_what_runs_and_the_latest(self, ocean: Ocean, fake: FakeOcean) -> None:
        fake.on("GET", JOB, job(version=5, running_version=3))
        fake.on("GET", f"{JOB}versions/3/diff/5/", {"from": 3, "to": 5, "changes": [CPUS]})
        assert ocean("diff", TAG).out == "version 3 → 5\n  ~ cpus: 0.1 → 0.2\n"

    def test_two_versions_for_programs(self, ocean: Ocean, fake: FakeOcean) -> None:
        fake.on("GET", JOB, job())
        fake.on("GET", f"{JOB}versions/1/diff/2/", {"from": 1, "to": 2, "changes": []})
        assert json.loads(ocean("diff", TAG, "1", "2", "--json").out)["from"] == 1

    def test_files_against_what_is_there(self, ocean: Ocean, fake: FakeOcean) -> None:
        plans(fake, row(job(version=3), CPUS))
        ended = ocean("diff", "-f", "web.yaml")
        assert (ended.code, ended.out) == (10, "~ change shop/web@staging\n    ~ cpus: 0.1 → 0.2\n")

    def test_what_never_ran(self, ocean: Ocean, fake: FakeOcean) -> None:
        fake.on("GET", JOB, job(running_version=None))
        assert "has never been published" in ocean("diff", TAG).out
