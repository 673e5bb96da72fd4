"""The stage of a service: what its work does besides Helm's."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from bootstrap.cluster.pods import service_pods
from bootstrap.core.env import Env
from bootstrap.core.runner import Event, Runner
from bootstrap.problems.problem import Problem
from bootstrap.stages import release
from tests.doubles import Simulated
from tests.releases.world import NAME, World


def run(audit: World, controller: Callable[[], object]) -> tuple[Problem, ...]:
    """The stage by the runner; `controller` has its turn after each `apply`."""
    made = release.stage(NAME, (), audit.urls, audit.engine)

    def apply(env: Env) -> None:
        made.apply(env)
        controller()

    events: list[Event] = []
    return Runner((replace(made, apply=apply),), audit.env, events.append, Simulated()).run()


def test_a_pod_that_slipped_past_the_injector_is_replaced_once_and_said(audit: World) -> None:
    audit.api.remove("v1", "pods", "taskapp", f"{NAME}-1")
    bare: dict[str, Any] = {"spec": {"containers": [{"name": NAME, "image": audit.reference}]}}
    made: Iterator[dict[str, Any]] = iter([bare, {}])

    def controller() -> None:
        if not service_pods.of(audit.env, NAME):
            audit.pod(**next(made))

    assert run(audit, controller) == ()
    assert audit.said == [f"The pod {NAME}-1 was made without its sidecar: it is made anew."]


def test_a_pod_that_slips_past_again_is_a_problem(audit: World) -> None:
    bare = {"containers": [{"name": NAME, "image": audit.reference}]}
    (found,) = run(audit, lambda: audit.pod(spec=bare))
    assert found.code == "sidecar-missing"
    assert len(audit.said) == 1, "replaced once"


def test_a_pod_without_its_sidecar_stays_until_the_injector_is_back(audit: World) -> None:
    audit.injects = False
    audit.pod(spec={"containers": [{"name": NAME, "image": audit.reference}]})
    audit.apply()
    found = audit.look()
    assert found is not None
    assert (found.code, found.final) == ("sidecar-not-injected", False)
    assert (audit.said, len(service_pods.of(audit.env, NAME))) == ([], 1)
    audit.injects = True
    found = audit.look()
    assert found is not None
    assert found.code == "sidecar-missing"
    audit.apply()
    assert audit.said == [f"The pod {NAME}-1 was made without its sidecar: it is made anew."]


def test_a_pod_that_waits_before_its_next_try_is_made_anew_and_said(audit: World) -> None:
    waiting = {"name": NAME, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    audit.pod(status={"containerStatuses": [waiting], "conditions": []})
    audit.apply()
    assert service_pods.of(audit.env, NAME) == []
    assert audit.said == [f"The pod {NAME}-1 waits before its next try: it is made anew."]


def test_a_second_time_changes_nothing(audit: World) -> None:
    before = len(audit.api.requests)
    audit.apply()
    assert {one.method for one in audit.api.requests[before:]} == {"GET"}
    assert audit.said == []
