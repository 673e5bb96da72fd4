"""Everything that is wrong, causes before what follows from them, on environments in all states."""

import errno
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap import pipeline
from bootstrap.cli import diagnose, diagnosis
from bootstrap.core.env import Env
from bootstrap.core.processes import Spec
from bootstrap.core.stage import Stage
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import preflight_local
from tests.apiserver import ApiServer
from tests.diagnose.test_bundle import event, no_docker, pod, shell
from tests.doubles import Web, small_env

Out = pytest.CaptureFixture[str]
DIED = problem("broker-died", "The broker died.", evidence="its words")
AWAY = problem("broker-unreachable", "The broker gives no answer.")
GREEN: dict[str, Problem | None] = dict.fromkeys(("preflight", "broker", "topics", "shop"))
STALE = problem("service-stale", "shop is stale.", name="shop")


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    env = small_env(tmp_path, request=Web(), runner=shell(), docker_of=no_docker)
    preflight_local.apply(env)
    yield env
    env.processes.stop(env.processes.names(), grace=0.5)


def gates(**told: Problem | Exception | None) -> tuple[Stage, ...]:
    """preflight ← broker ← topics, preflight ← shop; each with what its gate says."""

    def check(name: str) -> Any:
        def look(_: Env) -> Problem | None:
            answer = told.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return look

    needs = {"preflight": (), "broker": ("preflight",), "topics": ("broker",), "shop": ("preflight",)}
    return tuple(Stage(name, of, lambda _: None, check(name), name) for name, of in needs.items())


def test_nothing_is_wrong() -> None:
    found = diagnosis.sort(gates(), {}, dict.fromkeys(("preflight", "broker", "topics", "shop")))
    assert found.findings == ()
    assert found.healthy == ("preflight", "broker", "topics", "shop")


def test_a_disk_that_is_full_is_named(env: Env) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", str(env.state))
    found = diagnosis.ask(env, gates(broker=full), 30)
    assert [one.code for one in found.causes] == ["disk-full"]


def test_causes_come_before_what_follows_from_them(env: Env) -> None:
    found = diagnosis.ask(env, gates(broker=DIED, topics=AWAY, shop=STALE), 30)
    assert found.causes == (DIED, STALE)
    assert [(one.stage, one.after) for one in found.follows] == [("topics", ("broker",))]
    assert found.healthy == ("preflight",)


def test_a_gate_that_hangs_is_named_and_keeps_nobody(env: Env) -> None:
    end = threading.Event()
    stages = gates(shop=STALE)

    def hang(_: Env) -> None:
        end.wait(60)

    hung = replace(stages[1], check=hang)
    found = diagnosis.ask(env, (stages[0], hung, *stages[2:]), 0.3)
    end.set()
    assert [one.code for one in found.causes] == ["stage-hung", "service-stale"]
    assert "stage broker" in found.causes[0].summary


def test_a_gate_that_raises_is_a_finding(env: Env) -> None:
    found = diagnosis.ask(env, gates(broker=ProblemsFound((DIED, AWAY)), shop=ValueError("odd")), 30)
    assert [one.code for one in found.causes] == ["broker-died", "gate-broken"]
    assert found.causes[1].evidence == "ValueError: odd"


def test_what_was_never_started(env: Env, capsys: Out) -> None:
    env.place = ""
    assert diagnose.diagnose(env) == 1
    out = capsys.readouterr().out
    assert "✘ small is not running." in out
    assert "[nothing-runs]" in out
    assert re.search(r"\[docker-(not-running|program-missing)\]", out)
    assert "topics" not in out


def test_an_environment_that_half_runs(env: Env, capsys: Out) -> None:
    env.processes.start(Spec("shop", ("/bin/sleep", "60"), {}, "/", "1"))
    assert diagnose.diagnose(env) == 1
    out = capsys.readouterr().out
    causes, _, follows = out.partition("─ what follows from that")
    assert "[service-environment-missing]" in causes
    assert "[broker-died]" in causes or "[broker-missing]" in causes
    assert "[broker-unreachable]" in follows
    assert "[smoke-not-run]" in follows
    assert out.rstrip().splitlines()[-1].startswith("  ✔ preflight")
    assert {path.name for path in env.state.iterdir()} <= {"local", ".gitignore", "minikube"}


def test_the_same_as_a_document(env: Env, capsys: Out) -> None:
    env.processes.start(Spec("shop", ("/bin/sleep", "60"), {}, "/", "1"))
    assert diagnose.diagnose(env, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["name"], document["on"], document["bundle"]) == ("small", "local", None)
    by_stage = {one["stage"]: one for one in document["wrong"]}
    assert by_stage["topics"]["after"] == ["broker"]
    assert by_stage["topics"]["code"] == "broker-unreachable"
    assert "preflight" in document["healthy"]


def test_a_bundle_where_it_is_asked_for(env: Env, capsys: Out) -> None:
    env.place = ""
    diagnose.diagnose(env, with_bundle=True)
    (path,) = (env.state / "bundles").iterdir()
    assert f"to attach to a report: {path.relative_to(env.root)}" in capsys.readouterr().out


def crashing(name: str, namespace: str = "small", of: str = "") -> dict[str, Any]:
    made = pod(name, namespace)
    made["metadata"] |= {"labels": {"app.kubernetes.io/name": of}, "creationTimestamp": "2026-01-01T00:00:00Z"}
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    status = {"name": "shop", "ready": False, "restartCount": 3, "state": waiting, "lastState": ended}
    made["status"] = {"phase": "Running", "containerStatuses": [status]}
    return made


def test_pods_of_both_namespaces_and_foreign_ones(cluster_env: Env, api: ApiServer) -> None:
    cluster_env.runner, cluster_env.docker_of = shell(), no_docker
    for made in (crashing("shop-1", of="shop"), crashing("guest"), crashing("dapr-1", "dapr-system")):
        api.put(made)
    api.put(event("shop-1", "small", "back-off"))
    stages = gates(broker=DIED)
    found = diagnosis.ask(cluster_env, (*stages, Stage("dapr", ("broker",), lambda _: None, lambda _: None, "")), 60)
    told = [(one.stage, one.problem.code, one.after) for one in found.findings]
    assert told == [
        ("broker", "broker-died", ()),
        ("shop", "pod-crashes", ()),
        ("dapr", "pod-crashes", ("broker",)),
        ("", "pod-crashes", ()),
    ]
    assert "small/guest" in found.findings[-1].problem.summary


def test_a_pod_that_its_gate_has_told_is_told_once(cluster_env: Env, api: ApiServer) -> None:
    api.put(crashing("shop-1", of="shop"))
    told = problem("pod-crashes", "The container shop of pod small/shop-1 crashes.")
    found = diagnosis.ask(cluster_env, gates(shop=told), 60)
    assert found.causes == (told,)


def test_equal_problems_are_told_once() -> None:
    """A claim that pends is told by the gate that waits for it, and by its pod, of which its sentence says nothing."""
    pending = problem("pvc-pending", "The claim small/data has no volume.")
    later = replace(pending, evidence="seen a moment later")
    found = diagnosis.sort(
        gates(), {"small/shop-1": ("shop", later), "small/guest": ("", later)}, {**GREEN, "shop": pending}
    )
    assert [one.problem for one in found.findings] == [pending]
    both = diagnosis.sort(gates(), {}, {**GREEN, "broker": pending, "shop": pending})
    assert both.causes == (pending,)
    follows = diagnosis.sort(gates(), {"small/shop-1": ("shop", later)}, {**GREEN, "preflight": DIED, "shop": pending})
    assert [one.problem for one in follows.follows] == [pending]


def test_a_cluster_that_is_away(cluster_env: Env, api: ApiServer) -> None:
    cluster_env.kubeconfig.write_text("no kubeconfig")
    found = diagnosis.ask(cluster_env, gates(broker=DIED), 60)
    assert (found.causes, found.pods) == ((DIED,), 0)


@pytest.mark.parametrize("place", ["local", "minikube"])
def test_every_stage_of_the_real_pipeline_is_asked(env: Env, place: str) -> None:
    env.place = place
    names = {stage.name for stage in pipeline.stages(env)}
    found = diagnosis.ask(env, pipeline.stages(env), 60)
    assert {one.stage for one in found.findings} | set(found.healthy) == names
    assert "gate-broken" not in {one.problem.code for one in found.findings}
