"""Which checkout a minikube profile belongs to. Profiles are the user's, checkouts are many: this is kept per user."""

import contextlib
import fcntl
import json
import time
from collections.abc import Iterator
from pathlib import Path

from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

Record = dict[str, object]


def file(env: Env) -> Path:
    """The record of every profile that a checkout of this user made."""
    home = env.environ.get("XDG_STATE_HOME") or f"{env.environ.get('HOME', '')}/.local/state"
    return Path(home).expanduser() / "inv" / "profiles.json"


def is_ours(env: Env) -> bool:
    """Whether this checkout made the profile of its name."""
    return _checkout(_read(file(env)).get(env.context, {})) == env.root.resolve()


def came_up(env: Env) -> bool:
    """Whether the gate of our cluster was ever green: since then it may hold data.

    Older versions of this project recorded it when `minikube start` had ended well, or not at all: that counts too.
    """
    return is_ours(env) and bool(_read(file(env))[env.context].get("came_up", True))


def was_green(env: Env, uid: str) -> bool:
    """Whether the gate of this very cluster was green before; `uid` is that of its namespace kube-system."""
    return came_up(env) and _read(file(env))[env.context].get("green", uid) == uid


def claim(env: Env, exists: bool) -> None:
    """Makes the profile ours, when it does not exist or nobody else is left whose it could be.

    Raises `ProblemsFound` (`profile-not-ours`) for a profile that another checkout, or the user, made.
    """
    with _records(file(env)) as records:
        known, here = records.get(env.context, {}), env.root.resolve()
        owner = _checkout(known)
        if owner == here:
            if not exists:  # deleted by hand: with all that was in it
                records[env.context] = {**_without_marks(known), "came_up": False}
            return
        if found := refusal(env, exists):
            raise ProblemsFound(found)
        if owner is not None and not owner.is_dir():
            env.notify(
                f"The minikube profile {env.context} was made by {owner}, which is gone: it is this checkout's now."
            )
        marks: Record = {"came_up": False}
        if exists:
            marks = {"came_up": known.get("came_up", True), **_of(known, "green", "authority")}
        records[env.context] = {"checkout": str(here), "since": round(time.time()), **marks}


def refusal(env: Env, exists: bool) -> Problem | None:
    """Return why the profile is not to be made ours, or None; `exists` is whether there is anything of its name."""
    owner = _checkout(_read(file(env)).get(env.context, {}))
    if owner == env.root.resolve():
        return None
    if owner is None:
        return _not_ours(env, "no checkout of this project made it") if exists else None
    if owner.is_dir() and (exists or _at_work(owner)):
        return _not_ours(env, f"it belongs to the checkout {owner}")
    return None


def note_up(env: Env, uid: str = "") -> None:
    """Record that the gate of our cluster is green; `uid` is that of its namespace kube-system, "" if not known."""
    marks: Record = {"came_up": True, **({"green": uid} if uid else {})}
    known = _read(file(env)).get(env.context, {})
    if not is_ours(env) or known == known | marks:
        return  # no lock and no write at every look of the gate
    with _records(file(env)) as records:
        known = records.get(env.context, {})
        records[env.context] = _without_marks(known) | _of(known, "authority") | marks


def authority(env: Env) -> str:
    """The fingerprint that `note_authority` kept for our cluster; "" for none."""
    return str(_read(file(env)).get(env.context, {}).get("authority", "")) if is_ours(env) else ""


def note_authority(env: Env, fingerprint: str) -> None:
    """Keep which authority the pods of our cluster trust."""
    with _records(file(env)) as records:
        if env.context in records:
            records[env.context] = records[env.context] | {"authority": fingerprint}


def forget(env: Env) -> None:
    """Keeps nothing more of our profile: it was deleted."""
    with _records(file(env)) as records:
        records.pop(env.context, None)


def _not_ours(env: Env, why: str) -> Problem:
    return problem(
        "profile-not-ours",
        f"The minikube profile {env.context} is not this checkout's: {why}.",
        where="environment.toml",
        final=True,
        profile=env.context,
    )


def _of(record: Record, *names: str) -> Record:
    return {name: record[name] for name in names if name in record}


def _without_marks(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in ("came_up", "green", "authority")}


def _checkout(record: Record) -> Path | None:
    return Path(str(record["checkout"])) if "checkout" in record else None


def _at_work(checkout: Path) -> bool:
    """Whether a command of that checkout runs now: it may be about to make the profile."""
    with contextlib.suppress(OSError), (checkout / ".inv" / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _read(path: Path) -> dict[str, Record]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text())
        if isinstance(found, dict):
            return {name: record for name, record in found.items() if isinstance(record, dict)}
    return {}


@contextlib.contextmanager
def _records(path: Path) -> Iterator[dict[str, Record]]:
    """The records, to be changed; written in one step where they were changed, while no one else can."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = _read(path)
            records = dict(before)
            yield records
            if records != before:
                draft = path.with_suffix(".draft")
                draft.write_text(json.dumps(records, indent=1))
                draft.replace(path)
    except OSError as error:
        raise ProblemsFound(
            problem("state-not-writable", f"{path} cannot be written.", evidence=str(error), path=path.parent)
        ) from error
