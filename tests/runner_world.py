"""A world of stages on simulated time, for the tests of the runner."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bootstrap.core.env import Env
from bootstrap.core.runner import Event, Runner
from bootstrap.core.stage import Stage
from bootstrap.problems.problem import Problem
from tests.doubles import Simulated

CLOSED = Problem("topic-missing", "Topic a does not exist.", "cause", "./inv up")
FINAL = Problem("broker-died", "The broker is not running.", "cause", "./inv up", final=True)
ENV: Env = None  # type: ignore[assignment]  # no stage of these tests looks at it


@dataclass
class World:
    """Stages that take simulated time, and what the runner told about them."""

    sim: Simulated = field(default_factory=Simulated)
    stages: list[Stage] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    looks: list[tuple[str, float]] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)

    def stage(
        self,
        name: str,
        *needs: str,
        takes: float = 1.0,
        gate: Iterable[Problem | None] = (),
        look: float = 0.0,
        raises: Exception | None = None,
        timeout: float = 10.0,
        apply_timeout: float = 100.0,
    ) -> None:
        """A stage whose `apply` takes that many seconds; its gate says `gate`, one word a look, then nothing."""
        words: Iterator[Problem | None] = iter(gate)

        def apply(_: Env) -> None:
            self.applied.append(name)
            self.sim.spend(takes)
            if raises:
                raise raises

        def check(_: Env) -> Problem | None:
            self.looks.append((name, self.sim.now() - 1000.0))
            self.sim.spend(look)
            return next(words, None)

        self.stages.append(Stage(name, needs, apply, check, f"{name} to be there", timeout, apply_timeout))

    def runner(self) -> Runner:
        return Runner(tuple(self.stages), ENV, self.events.append, self.sim)

    def run(self) -> tuple[Problem, ...]:
        return self.runner().run()

    def at(self, name: str, phase: str) -> list[float]:
        return [event.at for event in self.events if (event.stage, event.phase) == (name, phase)]

    @property
    def phases(self) -> dict[str, str]:
        return {event.stage: event.phase for event in self.events}


def always(found: Problem) -> Iterator[Problem]:
    while True:
        yield found
