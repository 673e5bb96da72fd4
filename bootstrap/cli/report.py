"""The one place that prints. A live tree on a terminal, plain lines when piped, JSON when asked for."""

import io
import json
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any

from bootstrap.cli.progress import Progress
from bootstrap.core.runner import Event
from bootstrap.core.stage import Stage
from bootstrap.problems.problem import Problem, fold

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

MARKS = {
    "green": "✔",
    "failed": "✘",
    "cancelled": "■",
    "held": "·",
    "applying": "▸",
    "checking": "▸",
    "waiting": "▸",
}
STYLES = {"green": "green", "failed": "bold red", "cancelled": "yellow", "held": "dim"}
ASCII = {"✔": "ok", "✘": "FAILED", "■": "stopped", "·": ".", "▸": ">", "─": "-", "│": "|", "…": "..."}

# Programs that remedies call and `inv` itself does without, or downloads to where no shell finds them.
ELSEWHERE = {
    "kubectl": "minikube brings one, see docs/guide.md#on-a-cluster",
    "minikube": "./inv doctor shows the one that is used",
    "helm": "./inv doctor shows the one that is used",
}


class Report:
    """Plain lines to `out`: one when a stage ends, one when it waits for long for something new."""

    def __init__(self, out: IO[str], stages: tuple[Stage, ...] = ()) -> None:
        self.is_read = True
        """Whether anybody reads on, as far as is known: `inv logs -f | head` has had enough at some time."""
        self._out = out
        self._began: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._needs = {stage.name: stage.needs for stage in stages}
        self._width = max((len(stage.name) for stage in stages), default=0)
        self._progress = Progress()

    def __enter__(self) -> "Report":
        return self

    def __exit__(self, *_: object) -> None:
        self._out.flush()

    def event(self, event: Event) -> None:
        """Takes in one event of the runner."""
        if event.phase == "applying":
            self._began[event.stage] = event.at
        if event.phase in ("green", "failed", "cancelled") and event.stage in self._began:
            seconds = self._took[event.stage] = event.at - self._began[event.stage]
            words = {"green": "", "failed": event.text, "cancelled": "stopped"}[event.phase]
            self.line(f"{MARKS[event.phase]} {event.stage:<{self._width}} {seconds:6.1f} s  {words}".rstrip())

    def line(self, text: str = "") -> None:
        """One line of text."""
        if not _can_say(text, self._out):
            for mark, plain in ASCII.items():
                text = text.replace(mark, plain)
            text = text.encode(_encoding(self._out), "replace").decode(_encoding(self._out))
        try:
            print(text, file=self._out, flush=True)
        except BrokenPipeError:
            # `inv status | head`: what is under way goes on all the same.
            self.is_read, self._out = False, io.StringIO()

    def progress(self, what: str, done: int, total: int) -> None:
        """How far a download is; see `bootstrap.cli.progress.Progress.more`."""
        if text := self._progress.more(what, done, total):
            self.line(f"  {text}")

    def problems(
        self, problems: tuple[Problem, ...] | list[Problem], which: Callable[[str], str | None] = shutil.which
    ) -> None:
        """Everything that is wrong: code, sentence, cause, the tool's words, and what to type.

        A program in the last that `which` does not find is told with where it is.
        """
        for problem in fold(problems):
            at = f"  ({problem.where})" if problem.where else ""
            self.line(f"\n✘ {problem.summary}{at}")
            self.line(f"  {problem.cause}")
            if problem.evidence:
                self.line("  ─ the tool's own words")
                for text in problem.evidence.splitlines()[-30:]:
                    self.line(f"  │ {text}")
            self.line("  ─ what to type")
            for tool, where in ELSEWHERE.items():
                if re.search(rf"(?m)^[^#\n]*(?<![/\w-]){tool} ", problem.remedy) and which(tool) is None:
                    self.line(f"    # {tool} is not on PATH: {where}")
            for text in problem.remedy.splitlines():
                self.line(f"    {text}")
            self.line(f"  [{problem.code}] docs/troubleshooting.md#{problem.code}")

    def json(self, value: Any) -> None:
        """A JSON document."""
        self.line(json.dumps(value, indent=2, default=str))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows in aligned columns."""
        widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows), default=0))]
        for row in rows:
            self.line("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip())

    def durations(self) -> str:
        """What took how long: the four stages that took longest."""
        slow = sorted(self._took.items(), key=lambda item: -item[1])[:4]
        return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slow if seconds >= 0.05)


class LiveReport(Report):
    """A tree that is redrawn in place while stages run, and stays as it was at the end."""

    def __init__(self, out: IO[str], stages: tuple[Stage, ...]) -> None:
        super().__init__(out, stages)
        from rich.console import Console

        self._console: Console = Console(file=out, highlight=False)
        self._events: dict[str, Event] = {stage.name: Event(stage.name, "held", 0.0) for stage in stages}
        self._start = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> "LiveReport":
        if self._events:
            from rich.live import Live

            self._live = Live(
                get_renderable=self._draw, console=self._console, refresh_per_second=12, redirect_stdout=False
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
            self._live = None
        super().__exit__()

    def event(self, event: Event) -> None:
        if event.phase == "applying":
            self._began[event.stage] = event.at
        if event.phase in ("green", "failed", "cancelled") and event.stage in self._began:
            self._took[event.stage] = event.at - self._began[event.stage]
        self._events[event.stage] = event

    def progress(self, what: str, done: int, total: int) -> None:
        text = self._progress.more(what, done, total)
        if text and not self._live:
            self.line(f"  {text}")

    def line(self, text: str = "") -> None:
        if self._live:
            self._console.print(text, markup=False)
        else:
            super().line(text)

    def _draw(self) -> "RenderableType":
        from rich.table import Table
        from rich.text import Text

        now = time.monotonic() - self._start
        table = Table.grid(padding=(0, 1))
        for name, event in self._events.items():
            seconds = self._took.get(name, now - self._began[name] if name in self._began else 0.0)
            held = [n for n in self._needs[name] if n in self._events and self._events[n].phase != "green"]
            text = event.text if event.phase != "held" else f"after {', '.join(held[:3])}{' …' if held[3:] else ''}"
            if event.phase == "green":
                text = ""
            style = STYLES.get(event.phase, "cyan")
            table.add_row(
                Text(f"  {MARKS[event.phase]}", style=style),
                Text(name, style=style if event.phase == "held" else ""),
                Text(f"{seconds:5.1f} s" if name in self._began else "", style="dim", justify="right"),
                Text(text, style=style if event.phase == "failed" else "dim", overflow="ellipsis", no_wrap=True),
            )
        for what, bar, words in self._progress.rows():
            table.add_row("", what, bar, Text(words, style="dim", overflow="ellipsis", no_wrap=True))
        return table


def report_for(stages: tuple[Stage, ...] = (), out: IO[str] | None = None) -> Report:
    """The live one on a terminal that can show its marks, the plain one elsewhere."""
    stream = sys.stdout if out is None else out
    live = stream.isatty() and _can_say("".join(MARKS.values()), stream)
    return LiveReport(stream, stages) if live else Report(stream, stages)


def _can_say(text: str, out: IO[str]) -> bool:
    try:
        text.encode(_encoding(out))
    except UnicodeEncodeError:
        return False
    return True


def _encoding(out: IO[str]) -> str:
    return getattr(out, "encoding", None) or "utf-8"
