"""The broker of the `local` place: which one was chosen, and what commands need to know when it is a container."""

import difflib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from bootstrap.broker import lifecycle, redpanda, wheel
from bootstrap.clients.docker_engine import translate_errors
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import ProblemsFound

BROKERS = {"wheel": wheel, "redpanda": lifecycle}
LAST_LINES = 200


def choose(env: Env, wanted: str, notify: Callable[[str], object]) -> None:
    """Takes that broker from now on ("": the one that was chosen before), and stops the other one.

    Raises `ProblemsFound` (`broker-unknown`).
    """
    if wanted and wanted not in BROKERS:
        nearest = difflib.get_close_matches(wanted, BROKERS, 1, 0.0)[0]
        known = ", ".join(BROKERS)
        raise ProblemsFound(problem("broker-unknown", f"There is no broker {wanted!r}.", known=known, nearest=nearest))
    if wanted and wanted != env.local_broker:
        try:
            BROKERS[env.local_broker].stop(env)
        except ProblemsFound as failed:
            # Whoever goes back to the wheel may do so because Docker does not work.
            notify(f"  the broker {env.local_broker} could not be stopped: {failed.problems[0].summary}")
        env.local.mkdir(parents=True, exist_ok=True)
        (env.local / "broker").write_text(wanted)


def in_container(env: Env) -> bool:
    """Whether the chosen broker is a container, not a process."""
    return env.local_broker == "redpanda"


def facts(env: Env) -> dict[str, Any] | None:
    """The broker's container: `running`, `container` (its id), `started` (epoch seconds); None: it has none."""
    if not in_container(env):
        return None
    with suppress(ProblemsFound), translate_errors("The broker's container cannot be looked at."):
        return redpanda.facts(env)
    return {"running": False, "container": None, "started": None}


def lines(env: Env, follow: bool) -> Iterator[str]:
    """What the broker's container printed last and, with `follow`, what it prints from now on."""
    with translate_errors("The log of the broker's container cannot be read."):
        container = redpanda.find_ours(env)
        if container is None:
            raise ProblemsFound(problem("nothing-runs", "The broker has no container yet.", final=True))
        yield from redpanda.lines_of(container, LAST_LINES, follow)
