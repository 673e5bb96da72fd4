"""Processes of a local environment: real ones, in a folder of the test's own."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from bootstrap.core.processes import NAME, OWNER, Processes, Spec
from tests.processes.helpers import PATH, marked, pid_of, spec
from tests.waits import until


def test_nothing_is_there_before_the_first_start(processes: Processes) -> None:
    assert processes.names() == []
    assert processes.find("a") is None
    assert processes.strays() == []
    assert processes.stop(["a"]) == []
    assert processes.tail("a") == ""


def test_a_start_is_found_at_once_and_a_second_one_does_nothing(processes: Processes) -> None:
    for index in range(25):
        name = f"p{index}"
        assert processes.start(spec(name))
        assert processes.find(name) is not None, "between its start and its program too"
        assert processes.runs(spec(name))
        assert not processes.start(spec(name))
    assert len(processes.stop(processes.names())) == 25


def test_another_program_of_this_project_finds_it(processes: Processes, tmp_path: Path, owner: str) -> None:
    processes.start(spec("a"))
    again = Processes(tmp_path / "processes", owner)
    assert pid_of(again, "a") == pid_of(processes, "a")
    assert again.runs(spec("a"))
    assert not again.start(spec("a"))
    assert again.stop(["a"]) == ["a"]
    assert processes.find("a") is None


@pytest.mark.parametrize(
    "other",
    [
        spec("a", key="2"),
        spec("a", script="exec sleep 61"),
        Spec("a", spec("a").argv, {**PATH, "X": "1"}, "/tmp", "1"),
        Spec("a", spec("a").argv, PATH, "/", "1"),
    ],
)
def test_a_changed_spec_is_another_process(processes: Processes, other: Spec) -> None:
    processes.start(spec("a"))
    before = pid_of(processes, "a")
    assert not processes.runs(other)
    assert processes.start(other)
    assert pid_of(processes, "a") != before
    assert not psutil.pid_exists(before)
    assert processes.runs(other)


def test_a_crash_is_seen_and_its_words_kept(processes: Processes) -> None:
    processes.start(spec("a", "echo last words; exit 3"))
    until(lambda: processes.find("a") is None)
    assert processes.tail("a") == "last words"
    assert not processes.runs(spec("a", "echo last words; exit 3"))
    assert processes.was_started(spec("a", "echo last words; exit 3"))
    assert not processes.was_started(spec("a"))
    assert processes.names() == ["a"]


def test_a_missing_program_leaves_its_words(processes: Processes) -> None:
    processes.start(Spec("a", ("/nonexistent/program",), PATH, "/tmp", "1"))
    until(lambda: processes.find("a") is None)
    assert "/nonexistent/program" in processes.tail("a")


def test_killed_from_outside_it_starts_again(processes: Processes) -> None:
    processes.start(spec("a"))
    before = pid_of(processes, "a")
    os.kill(before, signal.SIGKILL)
    until(lambda: processes.find("a") is None)
    assert processes.start(spec("a"))
    assert pid_of(processes, "a") != before


def test_a_zombie_does_not_run(processes: Processes, tmp_path: Path, owner: str) -> None:
    environ = {**PATH, OWNER: owner, NAME: "a"}
    with subprocess.Popen(["/bin/sh", "-c", "exit 0"], env=environ) as child:
        until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
        (tmp_path / "processes").mkdir()
        (tmp_path / "processes" / "a.pid").write_text(f"{child.pid}\n")
        assert processes.find("a") is None
        assert processes.strays() == []


@pytest.mark.parametrize("environ", [PATH, {**PATH, OWNER: "another checkout", NAME: "a"}])
def test_a_pid_file_that_names_a_foreign_process_ends_nothing(
    processes: Processes, tmp_path: Path, environ: dict[str, str]
) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], env=environ, start_new_session=True) as foreign:
        processes.start(spec("a"))
        (tmp_path / "processes" / "a.pid").write_text(f"{foreign.pid}\n")
        assert processes.find("a") is None
        assert processes.stop(["a"]) == []
        # In the moment in which it becomes its program, its marker cannot be read.
        until(processes.stop_strays)  # the one that lost its pid file
        processes.start(spec("a", key="2"))
        processes.stop(["a"])
        processes.forget()
        assert foreign.poll() is None
        foreign.kill()


def test_a_pid_file_that_names_another_process_of_ours_is_not_that_one(processes: Processes, tmp_path: Path) -> None:
    processes.start(spec("a"))
    processes.start(spec("b"))
    (tmp_path / "processes" / "b.pid").write_text(f"{pid_of(processes, 'a')}\n")
    assert processes.find("b") is None
    assert processes.stop(["b"]) == []
    assert processes.find("a") is not None


@pytest.mark.parametrize("text", ["", "\n", "x", "-1", "0", "99999999999999999999", "\x00", "12 34"])
def test_a_broken_pid_file_is_no_process(processes: Processes, tmp_path: Path, text: str) -> None:
    (tmp_path / "processes").mkdir()
    (tmp_path / "processes" / "a.pid").write_text(text)
    (tmp_path / "processes" / "a.json").write_text(text)
    assert processes.find("a") is None
    assert not processes.was_started(spec("a"))
    assert processes.start(spec("a"))
    assert processes.runs(spec("a"))


def test_strays_are_found_without_a_record_and_ended(processes: Processes, tmp_path: Path) -> None:
    processes.start(spec("a"))
    processes.start(spec("b"))
    for file in (tmp_path / "processes").glob("a.*"):
        file.unlink()
    assert [p.environ()[NAME] for p in processes.strays()] == ["a"]
    assert processes.stop_strays() == 1
    assert processes.strays() == []
    assert processes.find("b") is not None


def test_the_children_of_a_recorded_process_are_no_strays(processes: Processes, owner: str) -> None:
    processes.start(spec("a", "sleep 60 & sleep 60 & wait"))
    until(lambda: len(marked(owner)) == 3)
    assert processes.strays() == []
    assert processes.stop_strays() == 0
    assert len(marked(owner)) == 3


def test_the_log_of_the_start_before_is_kept(processes: Processes) -> None:
    for word in ("one", "two", "three"):
        processes.start(spec("a.sidecar", f"echo {word}; echo {word} again >&2; exec sleep 60"))
        until(lambda word=word: processes.tail("a.sidecar") == f"{word}\n{word} again")  # type: ignore[misc]
    previous = processes.log("a.sidecar").with_suffix(".log.previous")
    assert previous.read_text() == "two\ntwo again\n"
    assert sorted(path.name for path in previous.parent.iterdir()) == [
        "a.sidecar.json",
        "a.sidecar.log",
        "a.sidecar.log.previous",
        "a.sidecar.pid",
    ]


def test_the_tail_is_the_last_lines_of_a_long_log(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "processes").mkdir()
    processes.log("a").write_bytes(b"\xff\xfe" * 30_000 + b"\n" + b"".join(b"line %d\n" % n for n in range(4000)))
    assert processes.tail("a", 2) == "line 3998\nline 3999"


def test_only_records_of_what_does_not_run_are_forgotten(processes: Processes) -> None:
    processes.start(spec("a"))
    processes.start(spec("b", "echo gone"))
    until(lambda: processes.find("b") is None)
    processes.forget()
    assert processes.names() == ["a"]
    assert processes.tail("b") == "gone"


def test_the_environment_is_the_specs_and_nothing_else(processes: Processes, owner: str) -> None:
    processes.start(spec("a"))
    until(lambda: psutil.Process(pid_of(processes, "a")).name() == "sleep")
    seen = psutil.Process(pid_of(processes, "a")).environ()
    assert {k: v for k, v in seen.items() if k not in ("PWD", "OLDPWD", "SHLVL", "_")} == {
        **PATH,
        OWNER: owner,
        NAME: "a",
    }


def test_it_outlives_the_terminal_of_its_starter(processes: Processes) -> None:
    processes.start(spec("a"))
    found = pid_of(processes, "a")
    assert os.getsid(found) == found
