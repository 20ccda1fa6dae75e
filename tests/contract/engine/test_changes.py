"""What `engines.base.Engine` promises of changes, kept by MarathonEngine on a whole cluster."""

from dataclasses import replace

import pytest

from clients.errors import Conflict, NotFound, Refused
from clients.marathon import MarathonApi
from engines.base import Constraint, Ending, InstanceState, Rollout, Workload
from engines.marathon import MarathonEngine
from tests.contract.engine.looking import NOTHING, counts_during, instance_ids, settle, status, until
from tests.contract.target import Target


class TestApply:
    def test_a_new_workload_runs_as_it_was_asked_for(self, engine: MarathonEngine, web: Workload) -> None:
        found = status(engine, web)

        assert (found.version, found.wanted, found.running, found.healthy) == (1, 2, 2, 2)
        assert (found.staging, found.has_health_checks, found.deployments) == (0, False, ())
        assert found.engine_version >= found.config_changed_at
        for instance in found.instances or ():
            assert (instance.workload_id, instance.state, instance.restarts) == (
                web.id,
                InstanceState.RUNNING,
                0,
            )
            assert len(instance.ports) == 1
            assert instance.host
            assert instance.ip
            assert instance.started_at is not None
            assert instance.engine_version is not None
            assert instance.engine_version >= found.config_changed_at

    def test_the_whole_definition_is_replaced(
        self, engine: MarathonEngine, web: Workload, target: Target
    ) -> None:
        rich = replace(
            web,
            version=2,
            env={"A": "b"},
            labels={"x": "y"},
            constraints=(Constraint("hostname", "UNLIKE", "n"),),
        )
        settle(engine, engine.apply(rich))
        settle(engine, engine.apply(replace(web, version=3)))

        app = dict(MarathonApi(target.marathon_urls, credentials=target.credentials).app(web.id))
        assert (app.get("env") or {}, app.get("constraints") or []) == ({}, [])
        assert "x" not in status(engine, web).labels
        assert status(engine, web).version == 3

    def test_instances_that_only_wait_hold_up_no_version_that_stops_all_first(
        self, engine: MarathonEngine, workload: Workload
    ) -> None:
        recreated = replace(workload, instances=2, cpus=0.01, rollout=Rollout(max_unavailable=2, max_surge=0))
        engine.apply(replace(recreated, cpus=1000.0))
        until(lambda: engine.waiting()[workload.id].count == 2, "all wait")

        settle(engine, engine.apply(replace(recreated, version=2), force=True))

        found = status(engine, workload)
        assert (found.version, found.wanted, found.running) == (2, 2, 2)

    def test_a_new_version_keeps_to_the_rollouts_counts(
        self, engine: MarathonEngine, workload: Workload
    ) -> None:
        first = replace(workload, instances=4, rollout=Rollout(max_unavailable=1, max_surge=0))
        settle(engine, engine.apply(first))

        submission = engine.apply(replace(first, version=2))
        counts = list(counts_during(engine, first, submission))
        assert min(counts) >= 3
        assert max(counts) <= 4

    def test_what_is_wrong_is_refused_with_the_engines_words(
        self, engine: MarathonEngine, workload: Workload
    ) -> None:
        with pytest.raises(Refused) as caught:
            engine.apply(replace(workload, constraints=(Constraint("hostname", "NEAR", "x"),)))
        assert any("operator must be one of" in text for _, text in caught.value.details)
        assert engine.get(workload.id) is None

    def test_a_deployment_locks_until_forced(self, engine: MarathonEngine, workload: Workload) -> None:
        stuck = replace(workload, constraints=(Constraint("hostname", "LIKE", "nohost"),))
        first = engine.apply(stuck)

        with pytest.raises(Conflict) as caught:
            engine.apply(replace(stuck, version=2))
        assert caught.value.deployments == (first.deployment_id,)
        settle(engine, engine.apply(replace(workload, version=3), force=True))
        assert status(engine, workload).running == 2


class TestChanges:
    def test_scale(self, engine: MarathonEngine, web: Workload) -> None:
        before = status(engine, web)
        settle(engine, engine.scale(web.id, instances=4))

        after = status(engine, web)
        assert (after.wanted, after.running) == (4, 4)
        assert after.engine_version > before.engine_version
        assert after.config_changed_at == before.config_changed_at
        settle(engine, engine.scale(web.id, instances=0))
        assert status(engine, web).running == 0

    def test_scale_of_an_unknown_workload_is_not_found(
        self, engine: MarathonEngine, workload: Workload
    ) -> None:
        with pytest.raises(NotFound):
            engine.scale(workload.id, instances=1)
        assert engine.get(workload.id) is None

    def test_restart_replaces_every_instance(self, engine: MarathonEngine, web: Workload) -> None:
        before = instance_ids(engine, web)

        settle(engine, engine.restart(web.id))
        assert not before & instance_ids(engine, web)
        assert status(engine, web).version == 1

    def test_restart_keeps_to_the_counts_after_scaling(
        self, engine: MarathonEngine, workload: Workload
    ) -> None:
        small = replace(workload, instances=2, rollout=Rollout(max_unavailable=1, max_surge=0))
        settle(engine, engine.apply(small))
        settle(engine, engine.scale(small.id, instances=6))
        before = instance_ids(engine, small)

        assert min(counts_during(engine, small, engine.restart(small.id))) >= 5
        assert not before & instance_ids(engine, small)

    def test_delete_and_delete_again(self, engine: MarathonEngine, web: Workload) -> None:
        settle(engine, engine.delete(web.id))

        assert engine.get(web.id) is None
        assert engine.delete(web.id) == NOTHING

    def test_a_killed_instance_is_replaced(self, engine: MarathonEngine, web: Workload) -> None:
        victim = sorted(instance_ids(engine, web))[0]

        assert engine.kill(web.id, victim) == NOTHING
        until(
            lambda: status(engine, web).running == 2 and victim not in instance_ids(engine, web), "replaced"
        )
        assert max(instance.restarts for instance in status(engine, web).instances or ()) == 1

    def test_a_killed_instance_can_shrink_its_workload(self, engine: MarathonEngine, web: Workload) -> None:
        victim = sorted(instance_ids(engine, web))[0]

        settle(engine, engine.kill(web.id, victim, shrink=True))
        assert (status(engine, web).wanted, victim in instance_ids(engine, web)) == (1, False)
        assert engine.kill(web.id, victim, shrink=True) == NOTHING
        assert status(engine, web).wanted == 1

    def test_several_instances_end_at_once_and_others_start_in_their_place(
        self, engine: MarathonEngine, web: Workload
    ) -> None:
        victims = instance_ids(engine, web)

        assert engine.end(victims, how=Ending.GIVE_UP) == NOTHING
        until(
            lambda: status(engine, web).running == 2 and not victims & instance_ids(engine, web), "replaced"
        )
        assert {instance.restarts for instance in status(engine, web).instances or ()} == {0}
        settle(engine, engine.end(instance_ids(engine, web), how=Ending.SHRINK))
        assert (status(engine, web).wanted, status(engine, web).instances) == (0, ())

    def test_cancel_goes_back_to_what_was_before(self, engine: MarathonEngine, web: Workload) -> None:
        stuck = replace(web, version=2, constraints=(Constraint("hostname", "LIKE", "nohost"),))
        running = engine.apply(stuck).deployment_id
        assert running is not None

        settle(engine, engine.cancel(running))
        assert (status(engine, web).version, status(engine, web).running) == (1, 2)
        assert engine.cancel(running) == NOTHING

    def test_cancel_without_rolling_back_leaves_the_new_definition(
        self, engine: MarathonEngine, web: Workload
    ) -> None:
        stuck = replace(web, version=2, constraints=(Constraint("hostname", "LIKE", "nohost"),))
        running = engine.apply(stuck).deployment_id
        assert running is not None

        assert engine.cancel(running, roll_back=False) == NOTHING
        until(lambda: not status(engine, web).deployments, "the deployment is gone")
        assert status(engine, web).version == 2
