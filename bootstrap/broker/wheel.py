"""The broker from a wheel beyond `up`: it is a process, and keeps its topics in memory."""

from bootstrap.core.env import Env
from bootstrap.manifest import Manifest


def stop(env: Env) -> str:
    """Ends the process; returns its name, or "" when it did not run."""
    ended = env.processes.stop(["broker"])
    env.processes.forget()
    return "".join(ended)


def data(_: Env) -> list[str]:
    """What `purge` deletes, in words: nothing, it keeps its topics in memory."""
    return []


def purge(_: Env) -> list[str]:
    """Deletes what stays of it when it is stopped: nothing."""
    return []


def empty(_: Manifest) -> str:
    """What to type to get a broker without topics."""
    return "# the local broker keeps its topics in memory; start it again, empty:\n./inv down\n./inv up --on local"
