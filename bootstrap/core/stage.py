"""A stage: what makes a thing so, and the gate that proves it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bootstrap.problems.problem import Problem

if TYPE_CHECKING:
    from bootstrap.core.env import Env

IMAGE_PULL_TIMEOUT_S = 600.0  # seconds for a gate of pods whose images may have to be pulled


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    `apply` is idempotent and does nothing where nothing is to do; it raises `ProblemsFound` on a known failure. `check`
    is the gate: it looks once, changes nothing, and returns a `Problem` or None; a `ProblemsFound` that it raises
    counts as its problems. Stages hand nothing to each other, each asks the world, so that any stage can be the first
    one to run after a crash.

    `waits_for` is what the user reads while the gate is closed. `timeout` bounds the gate, in seconds after `apply`
    ended; `apply_timeout` bounds `apply`, in seconds. `retry_apply_on` names the problems that a second `apply` may
    mend: when the gate closes with one of them for the first time, the runner lets `apply` run once more.
    """

    name: str
    needs: tuple[str, ...]
    apply: Callable[["Env"], None]
    check: Callable[["Env"], Problem | None]
    waits_for: str
    timeout: float = 30.0
    apply_timeout: float = 600.0
    retry_apply_on: tuple[str, ...] = ()


def only(stages: tuple[Stage, ...], names: tuple[str, ...]) -> tuple[Stage, ...]:
    """The stages called `names`; of all that they need, the gates alone."""
    return tuple(stage if stage.name in names else gate(stage) for stage in closure(stages, names))


def starting_from(stages: tuple[Stage, ...], name: str) -> tuple[Stage, ...]:
    """The stage called `name` and all that need it; of all others, the gates alone."""
    later = {stage.name for stage in stages if name in {s.name for s in closure(stages, (stage.name,))}}
    return tuple(stage if stage.name in later else gate(stage) for stage in stages)


def gate(stage: Stage) -> Stage:
    """The stage without its work: it asks, and changes nothing. Nothing will change what it sees, so it asks once."""
    return replace(stage, apply=lambda _: None, timeout=0.0, retry_apply_on=())


def closure(stages: tuple[Stage, ...], names: tuple[str, ...]) -> tuple[Stage, ...]:
    """The stages called `names` and all that they need, in the order of `stages`."""
    by_name = {stage.name: stage for stage in stages}
    wanted: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo.extend(by_name[name].needs)
    return tuple(stage for stage in stages if stage.name in wanted)
