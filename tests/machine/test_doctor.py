"""`inv doctor`: facts and findings, as text and as JSON."""

import json
from typing import Any

import pytest

from bootstrap.cli.doctor import doctor, facts, rows
from bootstrap.core.env import Env
from tests.docker_doubles import said
from tests.machine.conftest import Engine


def test_all_is_well(env: Env, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(env, as_json=False) == 0
    text = capsys.readouterr().out
    assert "this machine can run ./inv up" in text
    assert "20.10.24+dfsg1, Debian GNU/Linux 12 (bookworm): 8 CPUs, 23.5 GiB of memory" in text
    assert "minikube  v1.38.1, " in text


def test_findings_end_with_1(env: Env, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.raises["get"] = said("daemon-not-running")
    env.environ = {**env.environ, "PATH": "", "INV_OFFLINE": "1"}
    assert doctor(env, as_json=True) == 1
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [each["code"] for each in document["problems"]] == [
        "docker-program-missing",
        "docker-not-running",
        "download-offline",
        "download-offline",
    ]
    assert document["facts"]["docker"] is None
    assert document["facts"]["tools"] == {"minikube": None, "helm": None}
    assert doctor(env, as_json=False) == 1
    text = capsys.readouterr().out
    assert "[docker-not-running]" in text
    assert "can run" not in text
    assert "none that can be used" in text
    assert "downloads it" not in text


def test_a_tool_that_is_not_there_is_promised(env: Env, capsys: pytest.CaptureFixture[str]) -> None:
    env.environ = {**env.environ, "PATH": ""}
    doctor(env, as_json=False)
    assert "helm      none yet: inv up downloads it" in capsys.readouterr().out


def test_what_is_not_known_is_left_out(env: Env) -> None:
    known = facts(env) | {"kernel": "", "memory_mib": 0, "docker": None, "tools": {"helm": None}}
    assert [name for name, _ in rows(known)] == ["checkout", "cache", "helm"]
