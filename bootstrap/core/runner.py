"""Runs stages: each starts as soon as the gates of all that it needs are green.

The runner alone waits, polls, times out and cancels. It stops at the first problem, at once when the problem is
`final`. Time and threads come in through `Workers`, so that tests run on simulated time.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from bootstrap.core.stage import Stage
from bootstrap.problems.problem import Problem, ProblemsFound

if TYPE_CHECKING:
    from bootstrap.core.env import Env

FIRST_POLL, SLOWEST_POLL, POLL_GROWTH = 0.02, 0.5, 1.4  # seconds, seconds, factor
MOVED_POLL = 0.1  # seconds until the next look at a gate that waits for something else than before
MIN_CHECK_TIMEOUT_S = 10.0  # seconds that one look of a gate may take, however little of the gate's time is left
CANCEL_GRACE_S = 5.0  # seconds that calls under way get to end after a cancellation

Phase = Literal["held", "applying", "checking", "waiting", "green", "failed", "cancelled"]


@dataclass(frozen=True)
class Event:
    """One change of one stage. `at` is seconds since the run began; `text` is for people."""

    stage: str
    phase: Phase
    at: float
    text: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Done:
    """The end of a call: its value, or the exception that it raised."""

    key: str
    value: Problem | None = None
    error: BaseException | None = None


class Workers(Protocol):
    """Time, and calls that run elsewhere."""

    def now(self) -> float: ...

    def start(self, key: str, call: Callable[[], Problem | None]) -> None: ...

    def next(self, until: float | None) -> Done | None:
        """The next call that ended, or None once it is `until`; `until` None waits for as long as it takes."""


class Threads:
    """Calls on daemon threads (a hung one never keeps the program from ending), on the monotonic clock."""

    def __init__(self) -> None:
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()

    def now(self) -> float:
        return time.monotonic()

    def start(self, key: str, call: Callable[[], Problem | None]) -> None:
        def work() -> None:
            try:
                self._done.put(Done(key, value=call()))
            except BaseException as error:  # noqa: BLE001 - handed to the runner, which raises it
                self._done.put(Done(key, error=error))

        threading.Thread(target=work, name=key, daemon=True).start()

    def next(self, until: float | None) -> Done | None:
        try:
            return self._done.get(timeout=None if until is None else max(0.0, until - self.now()))
        except queue.Empty:
            return None


@dataclass
class _Track:
    stage: Stage
    phase: Phase = "held"
    deadline: float = 0.0
    answer_by: float = 0.0
    poll_at: float = 0.0
    interval: float = FIRST_POLL
    last: Problem | None = None
    busy: bool = False
    repeated: bool = False


@dataclass
class Runner:
    """One run over `stages`. `tell` hears every event; `cancelled` is set when the run must end early."""

    stages: tuple[Stage, ...]
    env: "Env"
    tell: Callable[[Event], None]
    workers: Workers = field(default_factory=Threads)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def run(self) -> tuple[Problem, ...]:
        """Runs to the end. Returns the problems, none when every gate is green.

        Raises whatever a stage raised that is not `ProblemsFound` (a bug), and KeyboardInterrupt, both after the calls
        under way were told to end.
        """
        self._began = self.workers.now()
        self._tracks = {stage.name: _Track(stage) for stage in self.stages}
        problems: tuple[Problem, ...] = ()
        try:
            while not problems and not all(t.phase == "green" for t in self._tracks.values()):
                self._start_ready()
                problems = self._step()
        except BaseException:
            self._cancel()
            raise
        if problems:
            self._cancel()
        return problems

    def _start_ready(self) -> None:
        for track in self._tracks.values():
            if track.phase == "held":
                closed = [n for n in track.stage.needs if n in self._tracks and self._tracks[n].phase != "green"]
                if not closed:
                    self._to(track, "applying")
                    self._call(track, track.stage.apply, self.workers.now() + track.stage.apply_timeout)

    def _look(self, track: _Track) -> None:
        track.phase = "checking"
        # A look that begins at the deadline gets its time too: its answer is the problem that the user reads.
        self._call(track, track.stage.check, max(track.deadline, self.workers.now() + MIN_CHECK_TIMEOUT_S))

    def _call(self, track: _Track, act: Callable[["Env"], Problem | None], answer_by: float) -> None:
        track.busy, track.answer_by = True, answer_by
        self.workers.start(track.stage.name, lambda: act(self.env))

    def _step(self) -> tuple[Problem, ...]:
        """Waits for the next thing that happens, and takes it in."""
        active = [t for t in self._tracks.values() if t.phase in ("applying", "checking", "waiting")]
        if not active:
            raise RuntimeError(
                f"no stage can start: {[t.stage.name for t in self._tracks.values() if t.phase == 'held']}"
            )
        done = self.workers.next(min(t.poll_at if t.phase == "waiting" else t.answer_by for t in active))
        if done is not None:
            return self._took(self._tracks[done.key], done)
        now = self.workers.now()
        for track in active:
            if track.phase == "waiting" and now >= track.poll_at:
                self._look(track)
            elif track.phase != "waiting" and now >= track.answer_by:
                return self._fail(track, (self._hung(track),))
        return ()

    def _took(self, track: _Track, done: Done) -> tuple[Problem, ...]:
        track.busy = False
        if isinstance(done.error, ProblemsFound):
            problems = done.error.problems
            if track.phase == "applying" or any(problem.final for problem in problems):
                return self._fail(track, problems)
            # Such as an API that does not answer for a moment: the gate is closed, as where it says so itself.
            done = Done(done.key, value=problems[0])
        if done.error is not None:
            raise done.error
        now = self.workers.now()
        if track.phase == "applying":
            self._to(track, "checking", track.stage.waits_for)
            track.deadline = now + track.stage.timeout
            self._look(track)
        elif done.value is None:
            self._to(track, "green")
        elif done.value.code in track.stage.retry_apply_on and not track.repeated:
            track.repeated = True
            self._to(track, "applying", done.value.summary)
            self._call(track, track.stage.apply, now + track.stage.apply_timeout)
        elif done.value.final:
            return self._fail(track, (done.value,))
        elif now >= track.deadline:
            return self._fail(track, (self._late(track, done.value),))
        else:
            # What is told once is not told again because its evidence grows, such as a log.
            if track.last is None or done.value.summary != track.last.summary:
                self._to(track, "waiting", done.value.summary)
                track.interval = min(track.interval, MOVED_POLL)
            track.phase, track.last = "waiting", done.value
            track.poll_at = min(now + track.interval, track.deadline)
            track.interval = min(track.interval * POLL_GROWTH, SLOWEST_POLL)
        return ()

    def _late(self, track: _Track, found: Problem) -> Problem:
        if not track.stage.timeout:
            return found  # nobody waited
        waited = f"(after waiting {track.stage.timeout:.0f} s for {track.stage.waits_for})"
        return replace(found, summary=f"{found.summary} {waited}")

    def _hung(self, track: _Track) -> Problem:
        from bootstrap.problems.catalogue import problem

        what = "work" if track.phase == "applying" else "gate"
        limit = track.stage.apply_timeout if what == "work" else max(track.stage.timeout, MIN_CHECK_TIMEOUT_S)
        last = track.last.summary if track.last else ""
        return problem(
            "stage-hung",
            f"The {what} of stage {track.stage.name} gave no answer within {limit:.0f} s.",
            evidence=last,
        )

    def _fail(self, track: _Track, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
        self._to(track, "failed", problems[0].summary, problems)
        return problems

    def _cancel(self) -> None:
        """Ends what is under way: the doors see `cancelled` and end their children."""
        self.cancelled.set()
        until = self.workers.now() + CANCEL_GRACE_S
        while any(t.busy for t in self._tracks.values()):
            done = self.workers.next(until)
            if done is None:
                break
            self._tracks[done.key].busy = False
        for track in self._tracks.values():
            if track.phase not in ("green", "failed"):
                self._to(track, "cancelled")

    def _to(self, track: _Track, phase: Phase, text: str = "", problems: tuple[Problem, ...] = ()) -> None:
        track.phase = phase
        self.tell(Event(track.stage.name, phase, self.workers.now() - self._began, text, problems))
