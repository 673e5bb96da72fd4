"""The places where an environment can run, and what a command may ask of each."""

import difflib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any, Protocol, cast

from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

DEFAULT = "minikube"
PLACES = {DEFAULT: "bootstrap.targets.minikube", "local": "bootstrap.targets.local"}
"""Name → the module that is a `Place`."""


class Place(Protocol):
    """What a place knows of what runs there. A module with these functions is one."""

    PARTS: tuple[str, ...]
    """What has logs besides the services."""

    def is_started(self, env: Env) -> bool:
        """Whether any part of the environment was started and not ended by `down`."""

    def at_rest(self, env: Env) -> Problem | None:
        """Why nothing of what was started can answer, such as a paused cluster; None where it may answer."""

    def may_hold(self, env: Env) -> bool:
        """Whether something of this checkout may be there, running or not, even if no state says so."""

    def running_fingerprint(self, env: Env) -> str:
        """What runs: it changes whenever a part is started anew."""

    def started(self, env: Env, service: str) -> str:
        """What runs of one service, in the same sense."""

    def versions(self, env: Env) -> dict[str, str]:
        """The version of each service as the checkout has it."""

    def urls(self, env: Env) -> dict[str, str]:
        """The base URLs that a user's browser takes, by service."""

    def reachable_urls(self, env: Env) -> AbstractContextManager[dict[str, str]]:
        """A base URL of every service, reachable from this machine while the context lasts."""

    def before(self, env: Env, broker: str) -> None:
        """Settles what `up` chose."""

    def down(self, env: Env, purge: bool) -> list[str]:
        """Stops what is ours, or deletes it; says what was done, a line each."""

    def data(self, env: Env) -> list[str]:
        """The data that a purge deletes, a line each."""

    def logs(self, env: Env, name: str, *, sidecar: bool, previous: bool, follow: bool) -> Iterator[str]:
        """What a part printed, and with `follow` what it prints from now on."""

    def facts(self, env: Env) -> dict[str, Any]:
        """What runs, as a plain document for `status`."""

    def rows(self, document: dict[str, Any]) -> list[tuple[str, ...]]:
        """That document, with its gates, as the lines of a table."""


def of(env: Env) -> Place:
    """The place of this environment; the default one when none was chosen yet."""
    return cast(Place, import_module(PLACES[env.place or DEFAULT]))


def is_started(env: Env) -> bool:
    """Whether a place was chosen, and any part of the environment was started there."""
    return bool(env.place) and of(env).is_started(env)


def started(env: Env) -> Place:
    """Return the place in which the environment was started. Raises `ProblemsFound` (`nothing-runs`)."""
    if not is_started(env):
        raise ProblemsFound(problem("nothing-runs", f"{env.manifest.name} is not running.", final=True))
    return of(env)


def answering(env: Env) -> Place:
    """Return the place, as `started`. Raises `ProblemsFound`, also where what was started is at rest."""
    place = started(env)
    if found := place.at_rest(env):
        raise ProblemsFound(found)
    return place


def known(name: str) -> str:
    """That name, when it is a place's. Raises `ProblemsFound` (`place-unknown`)."""
    if name in PLACES:
        return name
    nearest = difflib.get_close_matches(name, PLACES, 1, 0.0)
    raise ProblemsFound(
        problem(
            "place-unknown",
            f"There is no place {name!r} to run on.",
            known=", ".join(PLACES),
            nearest=(nearest or [DEFAULT])[0],
        )
    )
