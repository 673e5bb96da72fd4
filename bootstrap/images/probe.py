"""A look into an image with the eyes of root: where a file or a module lies, and what closes it to the pod's user."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass

from bootstrap.images.layout import UID, Engine

MISSING = re.compile(r"No module named '?([\w.]+)'?")
CLOSED = re.compile(
    r"(?:(?<=can't open file ')(?=[^']*': \[Errno 13\])|(?<=Permission denied: ')"
    r"|(?<=exec: \")(?=[^\"]*\": permission denied))"
    r"([^'\"]+)"
)
# Prints where it lies and the first part of that path that `uid`, who is in no group of root's, may not read; else
# where a module lies to which this Python does not look.
SCRIPT = """
import json, os, stat, sys
wanted, uid = sys.argv[1], int(sys.argv[2])
def places():
    if wanted.startswith("/"):
        yield wanted
        return
    for folder, inner, files in os.walk("/"):
        if folder == "/":
            inner[:] = [name for name in inner if name not in ("proc", "sys", "dev")]
        for name in inner + files:
            if name == wanted or name == wanted + ".py" or name.startswith(wanted + ".cpython-"):
                yield os.path.join(folder, name)
def closed(path):
    parts = path.split("/")
    for end in range(2, len(parts) + 1):
        part = "/".join(parts[:end])
        try:
            facts = os.stat(part)
        except OSError:
            return None
        bits = facts.st_mode >> (6 if facts.st_uid == uid else 3 if facts.st_gid == uid else 0) & 7
        # A folder is passed with x; the one that modules are looked for in is listed too.
        needed = 4 if not stat.S_ISDIR(facts.st_mode) else 5 if end >= len(parts) - 1 else 1
        if bits & needed != needed:
            return part, stat.filemode(facts.st_mode), facts.st_uid
    return None
def astray(place):
    folder = os.path.dirname(place)
    package = os.path.isfile(os.path.join(place, "__init__.py")) or os.path.isfile(place)
    return package and folder not in sys.path and not os.path.exists(os.path.join(folder, "__init__.py"))
elsewhere = []
for place in places():
    found = closed(place)
    if found:
        print(json.dumps([place, *found]))
        break
    if not wanted.startswith("/") and astray(place):
        elsewhere.append(place)
else:
    print(json.dumps(elsewhere[:1]))
"""


@dataclass(frozen=True)
class Unreadable:
    """`path` cannot be read, because of its `part` (a folder above it, or itself) with that mode and owner (a uid)."""

    path: str
    part: str
    mode: str
    owner: int


@dataclass(frozen=True)
class NotOnSysPath:
    """A module that lies at `path`, in a folder in which the image's Python does not look."""

    path: str


def named(said: str) -> str:
    """The file (a path) or the top-level module that a program's last words say it cannot read or find; else ""."""
    if closed := CLOSED.search(said):
        return closed[1]
    missing = MISSING.findall(said)
    return str(missing[-1]).partition(".")[0] if missing else ""


def look(engine: Engine, reference: str, wanted: str) -> Unreadable | NotOnSysPath | None:
    """Where `wanted` lies in the image, closed to the pod's user or to where Python does not look; else None."""
    from docker.errors import DockerException

    if not wanted:
        return None
    with suppress(DockerException, ValueError, TypeError):  # then what the program said must be enough
        said = engine.client.containers.run(
            reference,
            entrypoint=["python", "-c", SCRIPT, wanted, str(UID)],
            command=[],
            user="0:0",
            network_mode="none",
            read_only=True,
            remove=True,
        )
        match json.loads(bytes(said)):
            case [str(path), str(part), str(mode), int(owner)]:
                return Unreadable(path, part, mode, owner)
            case [str(path)]:
                return NotOnSysPath(path)
    return None
