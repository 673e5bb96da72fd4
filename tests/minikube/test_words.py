"""minikube's own words: recorded from the real one, and what they become."""

import json
import tomllib
from pathlib import Path

import pytest

from bootstrap.clients.command import Completed
from bootstrap.minikube import events
from bootstrap.problems.catalogue import recognise
from tests.minikube.doubles import RECORDED, recorded

STARTS = sorted((RECORDED / "minikube-start").glob("*.jsonl"))


def refusal(stdout: str, stderr: str = "") -> str:
    return events.refusal(Completed(("minikube",), 1, stdout, stderr, 0.0))


@pytest.mark.parametrize("path", STARTS, ids=lambda path: path.stem)
def test_a_recorded_refusal_is_recognised(path: Path) -> None:
    found = recognise("minikube", "start", refusal(path.read_text()), "x", kubernetes="1.20.0", profile="small")
    assert found is not None
    assert found.code == path.stem.partition(".")[0]
    assert found.final
    assert "{" not in found.cause + found.remedy
    assert "\u256d" not in found.evidence, "the box around the request for a report is no cause"


def test_every_pattern_has_a_recording() -> None:
    from bootstrap.problems.rows.minikube import ROWS

    assert {row.code for row in ROWS if row.pattern} == {path.stem.partition(".")[0] for path in STARTS}


@pytest.mark.parametrize(
    "said",
    [
        "listen tcp4 127.0.0.1:30080: bind: address already in use",
        "Bind for 127.0.0.1:30080 failed: port is already allocated",
        "failed to bind host port 127.0.0.1:30080/tcp: address already in use",  # Docker 28 and newer
        "failed to bind host port for 127.0.0.1:30080:192.168.49.2:30080/tcp: address already in use",
        "listen tcp 127.0.0.1:30080: bind: Only one usage of each socket address",  # a program of Windows has it
    ],
)
def test_a_port_that_is_taken_in_the_words_of_each_engine(said: str) -> None:
    found = recognise("minikube", "start", f"GUEST_PROVISION: docker: Error response from daemon: {said}.", "x")
    assert found is not None
    assert found.code == "minikube-port-taken"
    assert "has 30080" in found.cause
    broker = recognise("docker", "run", said, "x", port=30080)
    assert broker is not None
    assert broker.code == "broker-port-taken"


def test_the_port_that_is_taken_is_named() -> None:
    found = recognise("minikube", "start", refusal(recorded("start/minikube-port-taken.jsonl")), "x", profile="small")
    assert found is not None
    assert "30999" in found.cause
    assert "30999" in found.remedy


def test_a_port_that_another_container_has_is_named() -> None:
    said = tomllib.loads((RECORDED / "docker" / "port-already-allocated" / "case.toml").read_text())["message"]
    found = recognise("minikube", "start", f"GUEST_PROVISION: error provisioning guest: {said}", "x", profile="small")
    assert found is not None
    assert (found.code, "9092" in found.remedy) == ("minikube-port-taken", True)


@pytest.mark.parametrize("words", ["", "GUEST_PROVISION: the proxy of DRV_AS_ROOT", "A K8S_OLD_UNSUPPORTED within"])
def test_near_misses_are_not_recognised(words: str) -> None:
    assert recognise("minikube", "start", words, "x") is None
    assert recognise("minikube", "start", recorded("docker-env/no-machine.txt"), "x") is None


def test_without_an_event_the_last_words_are_the_refusal() -> None:
    assert refusal("false exit code 80\n", "X Exiting") == "X Exiting"
    assert refusal("not json\n[]\n1\n") == "not json\n[]\n1"


def test_each_step_is_told_once() -> None:
    progress = events.Progress()
    lines = recorded("start/minikube-port-taken.jsonl").splitlines()
    assert [text for line in lines if (text := progress.text(line))] == [
        "minikube: Initial Minikube Setup",
        "minikube: Selecting Driver",
        "minikube: Starting Node",
        "minikube: Pulling Base Image",
        "minikube: Creating Container",
    ]


def test_a_download_is_told_now_and_then() -> None:
    progress = events.Progress()
    shares = [f"{n / 1000:.3f}" for n in range(1001)]
    kind = "io.k8s.sigs.minikube.download.progress"
    events_ = [{"type": kind, "data": {"artifact": "preload", "progress": share}} for share in [*shares, "", "x"]]
    told = [text for event in events_ if (text := progress.text(json.dumps(event)))]
    assert told == [f"minikube: downloads preload: {n}%" for n in (20, 40, 60, 80, 100)]
