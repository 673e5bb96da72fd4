"""What the tasks do, on a small environment; `tests/local` runs them on the real one."""

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from bootstrap import pipeline
from bootstrap.cli import commands
from bootstrap.cli.status import look, status
from bootstrap.clients.http import Answer
from bootstrap.core import state
from bootstrap.core.env import Env, owner_of
from bootstrap.core.processes import NAME, OWNER, Spec
from bootstrap.core.stage import only, starting_from
from bootstrap.local import layout
from bootstrap.stages import preflight_local
from bootstrap.targets import local as local_place
from bootstrap.targets import target
from tests.doubles import Gone, Web, small_env
from tests.failures import failure
from tests.waits import until

Out = pytest.CaptureFixture[str]


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    env = small_env(tmp_path, request=Web())
    env.place = ""
    yield env
    env.processes.stop(env.processes.names(), grace=0.5)
    env.processes.stop_strays()


def started(env: Env, *names: str) -> Env:
    preflight_local.apply(env)
    (env.state / "place").write_text("local")
    env.place = "local"
    for name in names:
        env.processes.start(Spec(name, ("/bin/sleep", "60"), {}, "/", "1"))
    until(lambda: all(is_sleeping(env, name) for name in names))
    return env


def is_sleeping(env: Env, name: str) -> bool:
    """Whether the process has become its program: until then it writes into the folder of the state."""
    process = env.processes.find(name)
    return process is not None and process.name() == "sleep"


def test_an_unknown_place_names_those_there_are(env: Env) -> None:
    found = failure(lambda: commands.up(env, "locla"))
    assert found.code == "place-unknown"
    assert found.remedy == "./inv up --on local"
    assert not (env.state / "place").exists()


@pytest.mark.parametrize("call", [lambda env: commands.rebuild(env, ["shpo"]), lambda env: commands.logs(env, "shpo")])
def test_an_unknown_service_names_the_nearest(env: Env, call: Callable[[Env], int]) -> None:
    found = failure(lambda: call(started(env, "shop")))
    assert found.code == "service-unknown"
    assert found.remedy.endswith(" shop")
    assert "shop, mailer" in found.cause


def test_a_rebuild_of_nothing_proves_nothing(env: Env) -> None:
    assert failure(lambda: commands.rebuild(started(env, "shop"), [])).code == "service-unknown"


@pytest.mark.parametrize("call", [lambda env: commands.rebuild(env, ["shop"]), lambda env: commands.up(env, "local")])
def test_what_a_killed_run_left_ends_before_anything_else_is_done(env: Env, call: Callable[[Env], int]) -> None:
    started(env, "shop")
    (env.local / "data").rmdir()
    (env.local / "data").write_text("in the way of preflight")
    with subprocess.Popen(["/bin/sleep", "60"], env={OWNER: owner_of(env.root)}, start_new_session=True) as left:
        assert call(env) == commands.WRONG
        assert left.wait(timeout=300) == -signal.SIGTERM


@pytest.mark.parametrize("call", [lambda env: commands.rebuild(env, ["shop"]), lambda env: commands.verify(env, False)])
def test_what_needs_a_running_environment_says_so(env: Env, call: Callable[[Env], int]) -> None:
    found = failure(lambda: call(env))
    assert (found.code, found.remedy) == ("nothing-runs", "./inv up")


def test_a_second_command_is_refused_while_one_is_at_work(env: Env) -> None:
    started(env, "shop")
    with state.locked(env.state, "up"):
        for call in (
            lambda: commands.down(env),
            lambda: commands.up(env, "local"),
            lambda: commands.rebuild(env, ["shop"]),
        ):
            assert failure(call).code == "environment-locked"
    assert env.processes.find("shop") is not None


def test_down_when_nothing_runs(env: Env, capsys: Out) -> None:
    assert commands.down(env) == commands.OK
    assert capsys.readouterr().out == "  nothing was running\n"


def test_down_ends_everything_of_ours_and_nothing_else(env: Env, tmp_path: Path, capsys: Out) -> None:
    started(env, "shop", "shop.sidecar", "broker", "gone")
    (env.local / "processes" / "gone.pid").unlink()  # a stray
    (env.local / "processes" / "gone.json").unlink()
    with subprocess.Popen(["/bin/sleep", "60"], env={OWNER: "another", NAME: "shop"}) as foreign:
        assert commands.down(env) == commands.OK
        assert foreign.poll() is None
        foreign.kill()
    assert capsys.readouterr().out == "  ended 4 processes; data and logs stay in .inv/\n"
    assert (env.processes.names(), env.processes.strays(), state.place(env.state)) == ([], [], "local")
    assert env.processes.log("shop").exists()
    assert commands.down(env) == commands.OK
    assert capsys.readouterr().out == "  nothing was running\n"


def test_down_finds_processes_whose_state_was_deleted(env: Env, capsys: Out) -> None:
    started(env, "shop", "broker")
    shutil.rmtree(env.state)
    again = Env(env.manifest, env.environ, place=state.place(env.state))
    assert again.place == ""
    assert commands.down(again) == commands.OK
    assert "ended 2 processes" in capsys.readouterr().out


def test_up_stops_at_the_first_problem_and_keeps_a_record(env: Env, capsys: Out) -> None:
    (env.local / "data").write_text("in the way")
    assert commands.up(env, "local") == commands.WRONG
    out = capsys.readouterr().out
    assert out.startswith("✘ preflight ")
    assert "[state-not-writable]" in out
    assert "is up and proven" not in out
    (run,) = (env.state / "runs").iterdir()
    assert out.endswith(f"everything that was said and done: .inv/runs/{run.name}/events.jsonl\n")
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines][-1] == "end"
    assert lines[-1]["green"] is False
    assert any(line.get("phase") == "failed" for line in lines)
    assert state.place(env.state) == "local"


def test_the_place_that_is_known_is_not_written_again(env: Env) -> None:
    (env.local / "data").write_text("in the way")
    (env.state / "place").write_text("local")
    os.utime(env.state / "place", (1, 1))
    env.place = "local"
    assert commands.up(env) == commands.WRONG
    assert (env.state / "place").stat().st_mtime == 1


def test_logs_of_what_was_never_started(env: Env) -> None:
    env.place = "local"
    assert failure(lambda: commands.logs(env, "shop", sidecar=True)).code == "nothing-runs"


@pytest.mark.parametrize(("place", "part"), [("local", "broker"), ("minikube", "broker"), ("minikube", "postgres")])
def test_a_part_that_never_has_a_sidecar_is_said(env: Env, place: str, part: str) -> None:
    env.place = place
    found = failure(lambda: commands.logs(env, part, sidecar=True))
    assert (found.code, found.remedy) == ("log-no-sidecar", f"./inv logs {part}")


def test_what_the_process_before_printed_is_in_a_file(env: Env) -> None:
    started(env, "shop")
    env.processes.start(Spec("shop", ("/bin/sleep", "61"), {}, "/", "2"))
    found = failure(lambda: commands.logs(env, "shop", previous=True))
    name, path = found.remedy.split(" ")
    assert (found.code, name, (env.root / path).is_file()) == ("logs-previous", "cat", True)


def test_logs_show_the_last_lines(env: Env, capsys: Out) -> None:
    env.place = "local"
    preflight_local.apply(env)
    env.processes.log("shop").write_text("".join(f"line {n}\n" for n in range(300)))
    assert commands.logs(env, "shop") == commands.OK
    out = capsys.readouterr().out.splitlines()
    assert (len(out), out[-1]) == (200, "line 299")


def test_a_log_is_followed_for_as_long_as_somebody_reads(env: Env) -> None:
    env.place = "local"
    preflight_local.apply(env)
    env.processes.log("shop").write_text("line\n")
    with redirect_stdout(Gone()):
        assert commands.logs(env, "shop", follow=True) == commands.OK


def test_a_followed_log_loses_no_line_and_goes_on_in_the_next_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.log"
    path.write_bytes(b"before\nfirst\nhalf")
    lines = local_place.appended(path, len(b"before\n"))
    assert next(lines) == "first"
    with path.open("ab") as file:
        file.write(b" a line\n\xff\n")
    assert (next(lines), next(lines)) == ("half a line", "\ufffd")
    with path.open("ab") as file:
        file.write(b"last words\n")
    path.rename(tmp_path / "shop.log.previous")
    path.write_bytes(b"a new one\n")
    assert (next(lines), next(lines)) == ("last words", "a new one")


def test_only_these_stages_work_and_all_others_are_asked(env: Env) -> None:
    env.place = "local"
    there = pipeline.stages(env)
    chosen = only(there, ("broker",))
    assert [stage.name for stage in chosen] == ["preflight", "broker"]
    assert [stage.name for stage in chosen if stage.apply in [known.apply for known in there]] == ["broker"]
    chosen = starting_from(there, "sidecars")
    assert [stage.name for stage in chosen] == [stage.name for stage in there]
    applied = [stage.name for stage in chosen if stage.apply in [known.apply for known in there]]
    assert applied == ["sidecars", "shop", "mailer", "smoke"]


def test_a_gate_alone_changes_nothing_and_asks_once(env: Env, capsys: Out) -> None:
    assert commands.up(env, "local", names=("broker",)) == commands.WRONG
    out = capsys.readouterr().out
    assert "[state-not-writable]" in out
    assert not (env.local / "processes").exists()


@pytest.mark.parametrize(
    ("told", "code", "remedy"),
    [
        ({"names": ("brokr",)}, "stage-unknown", "./inv up --only broker"),
        ({"first": "mailr"}, "stage-unknown", "./inv up --from mailer"),
        ({"names": ("broker",), "first": "shop"}, "stages-only-and-from", "./inv up --from shop"),
    ],
)
def test_stages_that_cannot_be_chosen(env: Env, told: dict[str, Any], code: str, remedy: str) -> None:
    found = failure(lambda: commands.up(env, "local", **told))
    assert (found.code, found.remedy) == (code, remedy)
    assert not (env.state / "place").exists()


def test_one_place_at_a_time(env: Env) -> None:
    started(env, "shop")
    found = failure(lambda: commands.up(env, "minikube"))
    assert (found.code, found.remedy) == ("place-other", "./inv down\n./inv up --on minikube")
    assert state.place(env.state) == "local"


def test_the_broker_of_the_cluster_cannot_be_chosen(env: Env) -> None:
    assert failure(lambda: commands.up(env, "minikube", "wheel")).code == "broker-of-local"


def test_a_purge_names_the_data_and_asks(env: Env, capsys: Out) -> None:
    database = env.local / "data" / "shop.db"
    started(env, "shop")
    database.write_text("tasks")
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "yes"

    found = failure(lambda: commands.down(env, purge=True, ask=answer))
    assert found.code == "purge-not-confirmed"
    assert asked == ["  Type small to delete it: "]
    assert "the databases in .inv/local/data: shop.db" in capsys.readouterr().out
    assert database.exists()
    assert env.processes.find("shop") is not None
    assert commands.down(env, purge=True, ask=lambda _: "small") == commands.OK
    assert "deleted the databases" in capsys.readouterr().out
    assert not database.exists()
    assert env.processes.find("shop") is None


def test_a_purge_says_that_the_databases_are_gone(env: Env, capsys: Out) -> None:
    started(env, "shop")
    (env.local / "data" / "shop.db").write_text("tasks")
    assert commands.down(env, purge=True) == commands.OK
    printed = capsys.readouterr().out
    assert "  ended 1 processes; logs stay in .inv/\n" in printed
    assert "data and logs" not in printed
    assert commands.down(env, purge=True) == commands.OK
    assert capsys.readouterr().out == "  there was nothing to delete\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "the answer was not small."),
        ("Small", "the answer was not small."),
        (None, "there is no terminal to ask on."),
    ],
)
def test_a_purge_says_why_nothing_was_deleted(env: Env, answer: str | None, why: str) -> None:
    started(env)
    (env.local / "data" / "shop.db").write_text("tasks")
    found = failure(lambda: commands.down(env, purge=True, ask=lambda _: answer))
    assert (found.code, found.summary) == ("purge-not-confirmed", f"Nothing was deleted: {why}")


def interrupt(*_: object, **__: object) -> str:
    raise KeyboardInterrupt


def test_ctrl_c_at_the_question_leaves_everything_and_says_so(env: Env) -> None:
    started(env, "shop")
    (env.local / "data" / "shop.db").write_text("tasks")
    with pytest.raises(KeyboardInterrupt) as stopped:
        commands.down(env, purge=True, ask=interrupt)
    assert stopped.value.args == ("Nothing was stopped or deleted.",)
    assert (env.local / "data" / "shop.db").exists()
    assert env.processes.find("shop") is not None


@pytest.mark.parametrize(("purge", "says"), [(False, "`./inv down` stops"), (True, "`./inv down --purge` deletes")])
def test_ctrl_c_in_the_middle_of_down_says_what_does_the_rest(env: Env, purge: bool, says: str) -> None:
    started(env, "shop")
    env.processes.stop = interrupt  # type: ignore[assignment,method-assign]
    with pytest.raises(KeyboardInterrupt) as stopped:
        commands.down(env, purge=purge)
    del env.processes.stop
    assert says in str(stopped.value)
    assert "started" not in str(stopped.value)


def test_ctrl_c_during_up_says_that_what_was_started_stays(env: Env) -> None:
    env.runner = interrupt  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt) as stopped:
        commands.up(env, "local")
    assert str(stopped.value) == commands.GOES_ON


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_as_ctrl_c_does(sign: signal.Signals) -> None:
    before = signal.getsignal(sign)
    with pytest.raises(KeyboardInterrupt), commands.interruptible():
        signal.raise_signal(sign)
    assert signal.getsignal(sign) == before


def test_status_when_nothing_runs(env: Env, capsys: Out) -> None:
    assert status(env, as_json=False) == 1
    assert capsys.readouterr().out == "  small is not running.\n    ./inv up\n"
    assert status(env, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["on"], document["green"], document["services"]) == (None, False, {})


def test_status_asks_every_gate_and_names_all_that_is_wrong(env: Env, capsys: Out) -> None:
    started(env, "shop", "mailer.sidecar")
    assert status(env, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    codes = {name: gate and gate["code"] for name, gate in document["gates"].items()}
    assert codes == {
        "preflight": None,
        "sources": "service-environment-missing",
        "broker": "broker-died",
        "topics": "broker-unreachable",
        "sidecars": "sidecar-died",
        "shop": "service-stale",
        "mailer": "service-not-running",
        "smoke": "smoke-not-run",
    }
    assert document["services"]["shop"]["pid"] == document["processes"]["shop"]["pid"] > 0
    assert document["services"]["mailer"] == {
        "url": layout.url(env, "mailer"),
        "version": layout.version(env, "mailer"),
        "running": False,
    }
    assert status(env, as_json=False) == 1
    out = capsys.readouterr().out
    assert "✔  preflight" in out
    assert "[broker-died]" in out
    assert "[service-not-running]" not in out, "its environment is missing: that comes first"
    assert "closed behind that: topics, sidecars, shop, mailer, smoke" in out


def test_status_of_a_service_that_has_no_port_yet(env: Env) -> None:
    started(env, "shop")
    (env.local / "ports.json").write_text("{}")
    document = look(env)
    assert document["services"]["shop"]["url"] == "http://127.0.0.1:21710"


def alive(env: Env) -> None:
    """The service `shop` runs as the place started it; what answers for it is `env.request`."""
    started(env)
    python = layout.python_of(env, "shop")
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho hello\nexec sleep 60\n")
    python.chmod(0o755)
    env.processes.start(layout.service(env, "shop"))


def test_status_waits_for_no_gate_that_hangs(env: Env) -> None:
    alive(env)
    end = threading.Event()
    env.request = lambda *_, **__: Answer(0, str(end.wait(60)))
    found = look(env, seconds=1.0)
    end.set()
    assert found["gates"]["shop"]["code"] == "stage-hung"
    assert found["services"]["shop"]["pid"]


def test_a_service_that_was_killed_is_seen(env: Env) -> None:
    alive(env)
    base = layout.url(env, "shop")
    version = layout.version(env, "shop")
    env.request = Web(
        {f"{base}/healthz": Answer(200, json.dumps({"version": version})), f"{base}/readyz": Answer(200, "")}
    )
    assert look(env)["gates"]["shop"] is None
    process = env.processes.find("shop")
    assert process is not None
    until(lambda: env.processes.tail("shop"))
    process.kill()
    process.wait()
    gate = look(env)["gates"]["shop"]
    assert (gate["code"], gate["evidence"]) == ("service-crashed", "hello")


CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture
def real() -> Env:
    return commands.open_env(CHECKOUT, {})


@pytest.mark.parametrize("place", target.PLACES)
def test_every_need_is_a_stage_further_up(real: Env, place: str) -> None:
    seen: set[str] = set()
    real.place = place
    for stage in pipeline.stages(real):
        assert set(stage.needs) <= seen, f"{stage.name} needs what is not further up"
        assert stage.name not in seen
        assert stage.waits_for
        seen.add(stage.name)
    assert set(real.manifest.services) <= seen


def test_nothing_in_the_core_depends_on_a_services_name(env: Env) -> None:
    env.place = "local"
    names = [stage.name for stage in pipeline.stages(env)]
    assert names == ["preflight", "sources", "broker", "topics", "sidecars", "shop", "mailer", "smoke"]
