"""The gates of services and sidecars: each claim false in turn, on tiny processes and scripted answers."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.clients.http import Answer
from bootstrap.core.env import Env
from bootstrap.core.processes import Spec
from bootstrap.dapr import daprd, resources
from bootstrap.local import layout
from bootstrap.problems.problem import Problem
from bootstrap.stages import service, sidecars
from tests.doubles import Web
from tests.waits import until


def program(env: Env, script: str) -> None:
    """What stands for the interpreter of both services."""
    python = layout.python_of(env, "shop")
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


@pytest.fixture
def web(env: Env) -> Web:
    web = Web()
    env.request = web
    return web


@pytest.fixture
def env(env: Env) -> Iterator[Env]:
    program(env, "exec sleep 60")
    yield env
    env.processes.stop(env.processes.names(), grace=0.5)


def notify(web: Web, url: str, status: int, document: object) -> None:
    web.answers[url] = Answer(status, document if isinstance(document, str) else json.dumps(document))


def healthy(env: Env, web: Web, name: str) -> None:
    """Everything that the gate of the service asks answers as it should."""
    base = layout.url(env, name)
    notify(web, f"{base}/healthz", 200, {"status": "ok", "service": name, "version": layout.version(env, name)})
    notify(web, f"{base}/readyz", 200, {"status": "ready", "checks": {"sidecar": "ok"}})
    metadata = {"components": [{"name": "pubsub"}, {"name": "statestore"}], "subscriptions": [{"topic": "orders"}]}
    sidecar = layout.url(env, f"{name}.sidecar-http")
    notify(web, f"{sidecar}/v1.0/healthz/outbound", 204, "")
    notify(web, f"{sidecar}/v1.0/metadata", 200, metadata)


def gone(env: Env, name: str) -> None:
    until(lambda: env.processes.find(name) is None)


def gate(env: Env, name: str = "mailer") -> Problem:
    found = service.check(env, name)
    assert found is not None
    return found


def test_a_service_that_is_all_right(env: Env, web: Web) -> None:
    service.apply(env, "mailer")
    healthy(env, web, "mailer")
    assert service.check(env, "mailer") is None


@pytest.mark.closes("each service (local)", "its process lives", "service-not-running")
def test_one_that_was_never_started(env: Env, web: Web) -> None:
    found = gate(env)
    assert (found.code, found.final) == ("service-not-running", True)


def test_one_that_ended_without_a_word(env: Env, web: Web) -> None:
    program(env, "exit 0")
    service.apply(env, "mailer")
    gone(env, "mailer")
    assert (gate(env).code, gate(env).final) == ("service-not-running", True)


@pytest.mark.closes("each service (local)", "its process lives", "service-crashed")
def test_one_that_crashed(env: Env, web: Web) -> None:
    file = env.root / "services" / "mailer" / "mailer" / "__main__.py"
    lines = f'  File "/usr/lib/x.py", line 1\n  File "{file}", line 7, in f\n  File "/z.py", line 2\nValueError: 1'
    program(env, f"cat >&2 <<'END'\n{lines}\nEND\nexit 1")
    service.apply(env, "mailer")
    gone(env, "mailer")
    found = gate(env)
    assert (found.code, found.final) == ("service-crashed", True)
    assert found.summary == "mailer is not running: services/mailer/mailer/__main__.py:7 raises ValueError: 1"
    assert found.where == "services/mailer/mailer/__main__.py:7"
    assert found.evidence.endswith("ValueError: 1")
    assert "./inv logs mailer" in found.remedy


@pytest.mark.closes(
    "each service (local)", "its process lives", "service-module-missing", "service-settings", "service-port-taken"
)
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("ModuleNotFoundError: No module named 'stamps'", "service-module-missing", "imports stamps"),
        ("mailer: SHOP is not set", "service-settings", "refused the settings"),
        ("[Errno 98] error: address already in use", "service-port-taken", "Another program"),
    ],
)
def test_one_that_crashed_for_a_known_reason(env: Env, web: Web, words: str, code: str, said: str) -> None:
    program(env, f'echo "{words}" >&2; exit 1')
    service.apply(env, "mailer")
    gone(env, "mailer")
    found = gate(env)
    assert (found.code, found.final) == (code, True)
    assert said in found.cause
    assert "{" not in found.cause + found.remedy


def test_the_last_words_of_other_code_do_not_count(env: Env, web: Web) -> None:
    program(env, "echo old words; exit 1")
    service.apply(env, "mailer")
    gone(env, "mailer")
    (env.root / "services" / "mailer" / "mailer" / "new.py").write_text("")
    assert gate(env).code == "service-not-running"


@pytest.mark.closes("each service (local)", "it runs the checkout's code and settings", "service-stale")
@pytest.mark.parametrize("path", ["mailer/mailer/new.py", "mailer/mailer/__main__.py", "shared/taskapp/new.py"])
def test_one_that_runs_older_code(env: Env, web: Web, path: str) -> None:
    service.apply(env, "mailer")
    healthy(env, web, "mailer")
    (env.root / "services" / path).write_text("x = 1\n")
    healthy(env, web, "mailer")
    found = gate(env)
    assert (found.code, found.final) == ("service-stale", True)
    assert found.remedy == "./inv rebuild mailer"
    service.apply(env, "mailer")
    assert service.check(env, "mailer") is None


def test_another_shell_of_the_user_is_no_other_service(env: Env, web: Web) -> None:
    service.apply(env, "mailer")
    process = env.processes.find("mailer")
    assert process is not None
    assert process.environ()["HOME"] == env.environ["HOME"]
    shell = {"PATH": f"{env.root}/.venv/bin:/usr/bin:/bin", "HOME": "/nowhere", "LANG": "C.UTF-8", "TZ": "UTC"}
    elsewhere = replace(env, environ=shell)
    healthy(elsewhere, web, "mailer")
    assert service.check(elsewhere, "mailer") is None
    service.apply(elsewhere, "mailer")
    assert elsewhere.processes.find("mailer") == process


def test_changed_tests_are_no_other_code(env: Env, web: Web) -> None:
    service.apply(env, "mailer")
    healthy(env, web, "mailer")
    (env.root / "services" / "mailer" / "tests").mkdir()
    (env.root / "services" / "mailer" / "tests" / "test_x.py").write_text("x = 1\n")
    assert service.check(env, "mailer") is None


@pytest.mark.closes("each service (local)", "it is alive", "service-not-alive")
def test_one_that_does_not_answer_yet(env: Env, web: Web) -> None:
    program(env, "echo starting; exec sleep 60")
    service.apply(env, "mailer")
    found = gate(env)
    assert (found.code, found.final) == ("service-not-alive", False)
    assert "Connection refused" in found.evidence


def test_another_service_that_took_its_port(env: Env, web: Web) -> None:
    service.apply(env, "mailer")
    healthy(env, web, "mailer")
    notify(web, f"{layout.url(env, 'mailer')}/healthz", 200, {"service": "another", "version": "x"})
    found = gate(env)
    assert (found.code, found.final) == ("service-port-taken", False)
    assert "answers another" in found.summary


@pytest.mark.parametrize("document", ["", "no json", '"ok"', "[]", "null", {"status": "ok"}, {"version": "old"}])
def test_one_that_says_another_version(env: Env, web: Web, document: object) -> None:
    service.apply(env, "mailer")
    healthy(env, web, "mailer")
    notify(web, f"{layout.url(env, 'mailer')}/healthz", 200, document)
    found = gate(env)
    assert (found.code, found.final) == ("service-stale", True)
    assert layout.version(env, "mailer") in found.summary


@pytest.mark.closes("each service (local)", "it is ready", "service-not-ready")
@pytest.mark.parametrize(
    ("status", "document", "said"),
    [
        (503, {"status": "not ready", "checks": {"sidecar": "refused", "database": "ok", "b": "x"}}, "b, sidecar"),
        (503, "busy", "no answer"),
        (500, '"broken"', "no answer"),
        (503, {"checks": ["odd"]}, "no answer"),
        (0, "timed out", "no answer"),
    ],
)
def test_one_that_is_not_ready(env: Env, web: Web, status: int, document: object, said: str) -> None:
    service.apply(env, "mailer")
    healthy(env, web, "mailer")
    notify(web, f"{layout.url(env, 'mailer')}/readyz", status, document)
    found = gate(env)
    assert (found.code, found.final) == ("service-not-ready", False)
    assert found.summary == f"mailer is not ready: {said}."


@pytest.mark.closes("each service (local)", "it is subscribed", "subscription-missing")
@pytest.mark.parametrize(
    "document",
    ["", "[]", {}, {"subscriptions": None}, {"subscriptions": [{"topic": "other"}, "odd"]}, {"subscriptions": {}}],
)
def test_one_whose_sidecar_has_no_subscription(env: Env, web: Web, document: object) -> None:
    service.apply(env, "mailer")
    healthy(env, web, "mailer")
    notify(web, f"{layout.url(env, 'mailer.sidecar-http')}/v1.0/metadata", 200, document)
    found = gate(env)
    assert (found.code, found.final) == ("subscription-missing", False)
    assert found.summary == "mailer is not subscribed to orders."


def test_one_that_subscribes_to_nothing_asks_no_sidecar(env: Env, web: Web) -> None:
    service.apply(env, "shop")
    healthy(env, web, "shop")
    assert service.check(env, "shop") is None
    assert not [asked for asked in web.asked if "metadata" in asked]


def test_the_settings_are_those_of_a_pod(env: Env) -> None:
    ports, spec = env.ports.all(), layout.service(env, "mailer")
    wanted = {
        "HOST": "127.0.0.1",
        "PORT": str(ports["mailer"]),
        "APP_ID": "mailer",
        "VERSION": layout.version(env, "mailer"),
        "DAPR_HTTP_PORT": str(ports["mailer.sidecar-http"]),
        "DAPR_GRPC_PORT": str(ports["mailer.sidecar-grpc"]),
        "SHOP": f"http://127.0.0.1:{ports['shop']}",
    }
    assert {key: spec.environ[key] for key in wanted} == wanted
    assert "DATABASE_URL" not in spec.environ
    assert spec.argv[1:] == ("-m", "mailer")


def stand_in(env: Env) -> None:
    for name in ("shop", "mailer"):
        env.processes.start(Spec(f"{name}.sidecar", ("/bin/sleep", "60"), {}, "/", "1"))


def test_sidecars_that_are_all_right(env: Env, web: Web) -> None:
    stand_in(env)
    healthy(env, web, "shop")
    healthy(env, web, "mailer")
    assert sidecars.check(env) is None


@pytest.mark.closes("sidecars", "every sidecar lives", "sidecar-died")
def test_a_sidecar_that_died(env: Env, web: Web) -> None:
    stand_in(env)
    healthy(env, web, "shop")
    env.processes.start(Spec("mailer.sidecar", ("/bin/sh", "-c", "echo no config; exit 1"), {}, "/", "2"))
    gone(env, "mailer.sidecar")
    found = sidecars.check(env)
    assert found is not None
    assert (found.code, found.final, found.evidence) == ("sidecar-died", True, "no config")
    assert found.remedy.startswith("./inv logs mailer --sidecar")


@pytest.mark.closes("sidecars", "every sidecar lives", "sidecar-port-taken")
def test_a_sidecar_whose_port_was_taken_in_between(env: Env, web: Web) -> None:
    stand_in(env)
    healthy(env, web, "shop")
    script = "echo Failed to bind to address 127.0.0.1:3501; exit 1"
    env.processes.start(Spec("mailer.sidecar", ("/bin/sh", "-c", script), {}, "/", "2"))
    gone(env, "mailer.sidecar")
    found = sidecars.check(env)
    assert found is not None
    assert (found.code, found.final) == ("sidecar-port-taken", True)
    assert "the sidecar of mailer" in found.cause


@pytest.mark.closes("sidecars", "it is ready for calls", "sidecar-not-ready")
@pytest.mark.parametrize("answer", [Answer(0, "refused"), Answer(500, "not yet"), Answer(404, "")])
def test_a_sidecar_that_is_not_ready(env: Env, web: Web, answer: Answer) -> None:
    stand_in(env)
    healthy(env, web, "shop")
    healthy(env, web, "mailer")
    web.answers[f"{layout.url(env, 'shop.sidecar-http')}/v1.0/healthz/outbound"] = answer
    found = sidecars.check(env)
    assert found is not None
    assert (found.code, found.final) == ("sidecar-not-ready", False)


@pytest.mark.closes("sidecars", "it has loaded its components", "component-missing")
@pytest.mark.parametrize(
    ("name", "loaded", "missing"),
    [
        ("shop", [], "pubsub"),
        ("mailer", [{"name": "pubsub"}], "statestore"),
        ("mailer", [{"name": "statestore"}, "odd"], "pubsub"),
        ("mailer", {"odd": 1}, "pubsub"),
        ("mailer", None, "pubsub"),
    ],
)
def test_a_sidecar_without_a_component(env: Env, web: Web, name: str, loaded: Any, missing: str) -> None:
    stand_in(env)
    healthy(env, web, "shop")
    healthy(env, web, "mailer")
    notify(web, f"{layout.url(env, f'{name}.sidecar-http')}/v1.0/metadata", 200, {"components": loaded})
    found = sidecars.check(env)
    assert found is not None
    assert (found.code, found.final) == ("component-missing", False)
    assert found.summary == f"The sidecar of {name} has no component {missing}."


@pytest.mark.closes("sidecars", "the others find it", "sidecar-without-name")
def test_a_daprd_that_has_not_entered_its_name(env: Env, web: Web) -> None:
    stand_in(env)
    healthy(env, web, "shop")
    healthy(env, web, "mailer")
    why = '{"level":"error","msg":"initialization error occurred for nr (sqlite/v1): database is locked"}'
    says = f"echo '{why}'; echo '{{\"level\":\"info\"}}'; sleep 60; :"
    words = ("/bin/sh", "-c", says, "daprd", daprd.INTERNAL_PORT, "3502")
    env.processes.start(Spec("mailer.sidecar", words, {}, "/", "2"))
    file = resources.names(env.local / "dapr")
    file.parent.mkdir(exist_ok=True)
    until(lambda: "info" in env.processes.tail("mailer.sidecar"))
    for rows in ([], ["127.0.0.1:13502"]):
        enter(file, *rows)
        found = sidecars.check(env)
        assert found is not None
        assert (found.code, found.final, found.evidence) == ("sidecar-without-name", False, why)
        assert found.summary == "Other sidecars do not find that of mailer."
    enter(file, "127.0.0.1:3502")
    assert sidecars.check(env) is None
    daprd.forget(file, "3502")
    assert sidecars.check(env) is not None


def enter(file: Path, *addresses: str) -> None:
    """Writes names as daprds do."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS hosts (address TEXT NOT NULL)")
        database.executemany("INSERT INTO hosts VALUES (?)", [(address,) for address in addresses])
