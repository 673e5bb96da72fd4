"""What the user reads: plain lines, the live tree, ASCII, JSON, problems."""

import io
import json
import re

import pytest

from bootstrap.cli.progress import Progress
from bootstrap.cli.report import LiveReport, Report, report_for
from bootstrap.core.runner import Event, Phase
from bootstrap.core.stage import Stage
from bootstrap.problems.problem import Problem
from tests.doubles import Gone

FULL = Problem(
    code="requirements-conflict",
    summary="services/shop/requirements.txt cannot be resolved.",
    cause="Two requirements exclude each other.",
    remedy="# loosen one:\n./inv up",
    evidence="error: No solution found\n  cause: pytest",
    where="services/shop/requirements.txt:3",
    final=True,
)
BARE = Problem("topic-missing", "Topic orders does not exist.", "It is not on the broker.", "./inv up")


def stage(name: str, *needs: str) -> Stage:
    return Stage(name, needs, lambda _: None, lambda _: None, name)


STAGES = (stage("preflight"), stage("broker", "preflight"), stage("shop", "broker"))


class Terminal(io.StringIO):
    """A terminal, of that encoding."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True

    @property
    def plain(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", self.getvalue())


class Ascii(Terminal):
    def __init__(self) -> None:
        super().__init__("ascii")

    def isatty(self) -> bool:
        return False


def play(report: Report, *events: tuple[str, Phase, float, str]) -> None:
    for name, phase, at, text in events:
        report.event(Event(name, phase, at, text))


RUN: tuple[tuple[str, Phase, float, str], ...] = (
    ("preflight", "applying", 0.0, ""),
    ("preflight", "checking", 0.1, "a folder"),
    ("preflight", "green", 0.2, ""),
    ("broker", "applying", 0.2, ""),
    ("broker", "waiting", 0.3, "The broker does not answer."),
    ("broker", "failed", 12.34, "The broker died."),
    ("shop", "cancelled", 12.4, ""),
)


def test_plain_lines_are_one_for_each_stage_that_ended() -> None:
    out = io.StringIO()
    with Report(out, STAGES) as report:
        play(report, *RUN)
    assert out.getvalue() == "✔ preflight    0.2 s\n✘ broker      12.1 s  The broker died.\n"


def test_a_stopped_stage_is_told_when_it_had_begun() -> None:
    out = io.StringIO()
    play(Report(out, STAGES), ("shop", "applying", 1.0, ""), ("shop", "cancelled", 2.5, ""))
    assert out.getvalue() == "■ shop         1.5 s  stopped\n"


def test_a_problem_with_all_its_parts() -> None:
    out = io.StringIO()
    Report(out).problems([FULL])
    assert out.getvalue() == (
        "\n"
        "✘ services/shop/requirements.txt cannot be resolved.  (services/shop/requirements.txt:3)\n"
        "  Two requirements exclude each other.\n"
        "  ─ the tool's own words\n"
        "  │ error: No solution found\n"
        "  │   cause: pytest\n"
        "  ─ what to type\n"
        "    # loosen one:\n"
        "    ./inv up\n"
        "  [requirements-conflict] docs/troubleshooting.md#requirements-conflict\n"
    )


@pytest.mark.parametrize(
    ("remedy", "told"),
    [
        ("kubectl --context small get pods\n./inv up", ["kubectl"]),
        ('(eval "$(minikube docker-env -p small)" && docker ps)', ["minikube"]),
        ("minikube delete -p small\nkubectl get nodes", ["kubectl", "minikube"]),
        ("# kubectl and minikube are for other days\n./inv up --on minikube", []),
    ],
)
def test_programs_that_the_shell_does_not_find(remedy: str, told: list[str]) -> None:
    out = io.StringIO()
    problem = Problem("a-b", "x", "y", remedy)
    Report(out).problems([problem], which=lambda _: None)
    assert re.findall(r"    # (\w+) is not on PATH: ", out.getvalue()) == told
    assert "".join(f"    {line}\n" for line in remedy.splitlines()) in out.getvalue()
    out = io.StringIO()
    Report(out).problems([problem], which="/usr/bin/{}".format)
    assert "not on PATH" not in out.getvalue()


def test_a_problem_with_the_least() -> None:
    out = io.StringIO()
    Report(out).problems((BARE,))
    assert out.getvalue() == (
        "\n✘ Topic orders does not exist.\n  It is not on the broker.\n"
        "  ─ what to type\n    ./inv up\n  [topic-missing] docs/troubleshooting.md#topic-missing\n"
    )


def test_of_long_words_the_last_lines_are_shown() -> None:
    out = io.StringIO()
    words = "\n".join(f"line {number}" for number in range(100))
    Report(out).problems([Problem("a-b", "x", "y", "z", evidence=words)])
    assert out.getvalue().count("│") == 30
    assert "line 99" in out.getvalue()


def test_ascii_where_the_stream_can_no_more() -> None:
    out = Ascii()
    report = report_for(STAGES, out)
    assert type(report) is Report
    play(report, *RUN)
    report.problems([FULL])
    report.line("… → é")
    assert out.getvalue().isascii()
    assert out.getvalue().startswith("ok preflight    0.2 s\nFAILED broker      12.1 s  The broker died.\n")
    assert "  - the tool's own words\n  | error: No solution found\n" in out.getvalue()
    assert out.getvalue().endswith("... ? ?\n")


def test_an_ascii_terminal_gets_plain_lines() -> None:
    assert type(report_for(STAGES, Terminal("ascii"))) is Report
    assert type(report_for(STAGES, Terminal("latin-1"))) is Report
    assert isinstance(report_for(STAGES, Terminal()), LiveReport)
    assert type(report_for(STAGES, io.StringIO())) is Report


def test_json_is_a_document() -> None:
    out = io.StringIO()
    Report(out).json({"green": True, "at": STAGES[0].check, "name": "café"})
    assert json.loads(out.getvalue())["green"] is True


def test_a_table_is_aligned() -> None:
    out = io.StringIO()
    Report(out).table([("a", "bb", ""), ("ccc", "d", "e"), ("f",)])
    assert out.getvalue() == "  a    bb\n  ccc  d   e\n  f\n"
    Report(out).table([])


def test_the_longest_stages_are_named() -> None:
    report = Report(io.StringIO())
    ends = {"a": 0.01, "b": 3.0, "c": 1.0, "d": 2.0, "e": 0.5, "f": 0.4}
    for name, at in ends.items():
        play(report, (name, "applying", 0.0, ""), (name, "green", at, ""))
    assert report.durations() == "b 3.0 s, d 2.0 s, c 1.0 s, e 0.5 s"
    assert Report(io.StringIO()).durations() == ""


def test_the_live_tree_ends_as_it_was_last() -> None:
    out = Terminal()
    with LiveReport(out, STAGES) as report:
        play(report, *RUN)
    last = out.plain.rstrip("\n").splitlines()[-3:]
    assert re.fullmatch(r"  ✔ preflight\s+0\.2 s\s*", last[0])
    assert re.fullmatch(r"  ✘ broker\s+12\.1 s The broker died\.\s*", last[1])
    assert re.match(r"  ■ shop", last[2])
    assert report.durations() == "broker 12.1 s, preflight 0.2 s"


def test_the_live_tree_says_what_is_waited_for() -> None:
    out = Terminal()
    with LiveReport(out, STAGES) as report:
        play(report, *RUN[:5])
    last = out.plain.rstrip("\n").splitlines()[-3:]
    assert "The broker does not answer." in last[1]
    assert re.fullmatch(r"  · shop\s+after broker\s*", last[2])


def test_lines_stand_above_the_live_tree_and_are_never_markup() -> None:
    out = Terminal()
    with LiveReport(out, STAGES) as report:
        report.line("shop: port 8081 is taken by [bold]python[/bold] (pid 1); it gets 8086")
    assert "taken by [bold]python[/bold] (pid 1); it gets 8086" in out.plain
    report.line("after it")
    assert out.getvalue().endswith("after it\n")


def test_a_live_report_without_stages_is_only_lines() -> None:
    out = Terminal()
    with report_for((), out) as report:
        report.line("nothing was running")
    assert out.getvalue() == "nothing was running\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_the_terminal_is_given_back_whatever_happens(error: type[BaseException]) -> None:
    out = Terminal()
    with pytest.raises(error), LiveReport(out, STAGES):
        raise error
    assert out.getvalue().count("\x1b[?25h") == out.getvalue().count("\x1b[?25l"), "the cursor is shown again"


def test_a_reader_that_goes_away_ends_nothing() -> None:
    with Report(Gone()) as report:
        report.line("nobody reads this")
        report.problems((FULL,))
        assert not report.is_read


def test_downloads_are_bars_in_the_live_tree_until_they_are_over() -> None:
    out = Terminal()
    report = LiveReport(out, STAGES)
    with report:
        report.progress("helm 4.1.4", 5 * 2**20, 20 * 2**20)
        report.progress("minikube 1.38.1", 2**20, 0)
    assert "helm 4.1.4" in out.plain
    assert "5 of 20 MiB" in out.plain
    assert "1 MiB, " in out.plain
    out.truncate(0)
    with report:
        report.progress("helm 4.1.4", 0, 0)
        report.progress("minikube 1.38.1", 0, 0)
    assert "MiB" not in out.plain


def test_downloads_are_a_line_now_and_then_elsewhere() -> None:
    clock = [0.0]
    progress = Progress(lambda: clock[0])
    lines = []
    for second in range(12):
        clock[0] = second
        lines.append(progress.more("helm 4.1.4", second * 2**20, 20 * 2**20))
    said = [line for line in lines if line]
    assert said == ["helm 4.1.4: 5 of 20 MiB, 1.0 MiB/s", "helm 4.1.4: 10 of 20 MiB, 1.0 MiB/s"]
    assert progress.more("helm 4.1.4", 20 * 2**20, 20 * 2**20) == ""
    assert progress.rows() == []
