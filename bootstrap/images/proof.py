"""Proves that an image runs as a pod will run it: started without any right, until it answers; else says why not."""

import json
import posixpath
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bootstrap.clients.command import Cancelled
from bootstrap.clients.docker_engine import translate_errors
from bootstrap.core import hashing
from bootstrap.core.env import Env
from bootstrap.images import dockerfile, layout, probe
from bootstrap.images.layout import UID, Engine
from bootstrap.problems import tracebacks
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem, ProblemsFound

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.models.images import Image

ANSWER_TIMEOUT_S = 40.0  # until the first answer
POLL_S = 0.2
ASK = (
    "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=2); "
    "c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"
)


def signature(env: Env, name: str, image: "Image") -> str:
    """What a proof is worth for: this very image, run in this very way."""
    way = {key: value for key, value in layout.container(env, name).items() if key != "image"}
    return f"{image.id} {hashing.digest([], json.dumps(way, sort_keys=True))}"


def prove(env: Env, engine: Engine, name: str, seconds: float = ANSWER_TIMEOUT_S) -> None:
    """Runs the image of service `name` as a pod will, until it answers, for at most `seconds`. Raises `ProblemsFound`.

    An image is immutable, so one proof per image and way to run it is enough: it is kept and not done again.
    """
    image = find(env, engine, name)
    if is_proven(env, name, image):
        return
    proof = env.state / "images" / name
    proof.unlink(missing_ok=True)
    wanted = signature(env, name, image)
    found = wrong_user(env, name, image)
    if not found:
        with translate_errors(f"The image {layout.reference(env, name)} cannot be run.", engine.away):
            found = _run(env, engine, name, seconds)
    if found:
        raise ProblemsFound(found)
    proof.parent.mkdir(parents=True, exist_ok=True)
    proof.write_text(wanted)


def find(env: Env, engine: Engine, name: str) -> "Image":
    """The image of service `name` as the checkout has it.

    Raises `ProblemsFound`: `image-missing`, or what the engine says.
    """
    from docker.errors import ImageNotFound

    reference = layout.reference(env, name)
    with translate_errors(f"The image {reference} cannot be looked at.", engine.away):
        try:
            return engine.client.images.get(reference)
        except ImageNotFound as error:
            summary = f"The engine has no image {reference}."
            raise ProblemsFound(problem("image-missing", summary, evidence=str(error), final=True)) from error


def is_proven(env: Env, name: str, image: "Image") -> bool:
    """Whether this very image has run as a pod will run it."""
    with suppress(OSError):
        return (env.state / "images" / name).read_text() == signature(env, name, image)
    return False


def wrong_user(env: Env, name: str, image: "Image") -> Problem | None:
    """Kubernetes' runAsNonRoot takes only an image whose user is a number other than 0."""
    user = str(image.attrs["Config"].get("User") or "")
    number = user.partition(":")[0]
    if number.isdecimal() and int(number) > 0:
        return None
    path = layout.dockerfile(env, name)
    relative = path.relative_to(env.root)
    line = dockerfile.user(path.read_text(encoding="utf-8")) if path.is_file() else 0
    is_root = number in ("", "root") or number.isdecimal()
    return problem(
        "image-user-root" if is_root else "image-user-not-numeric",
        f"The image of {name} runs as {user or 'root: its Dockerfile names no user'}.",
        where=f"{relative}:{line}" if line else str(relative),
        dockerfile=relative,
        uid=UID,
        final=True,
    )


def _run(env: Env, engine: Engine, name: str, seconds: float) -> Problem | None:
    from docker.errors import APIError

    _sweep(env, engine, name)
    container = engine.client.containers.create(**layout.container(env, name))
    try:
        try:
            container.start()
        except APIError as error:
            return _why(env, engine, name, str(error), "cannot be started")
        return _answers(env, engine, name, container, seconds)
    finally:
        container.remove(force=True)


def _sweep(env: Env, engine: Engine, name: str) -> None:
    """Removes what a killed run left behind."""
    for left in engine.client.containers.list(all=True, filters={"label": f"{layout.mark(env)}={name}"}):
        left.remove(force=True)


def _answers(env: Env, engine: Engine, name: str, container: "Container", seconds: float) -> Problem | None:
    from docker.errors import APIError

    ask = ["python", "-c", ASK, str(env.manifest.services[name].port)]
    said = ""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if env.cancelled.wait(POLL_S):
            raise Cancelled(f"docker run {layout.reference(env, name)}")
        with suppress(APIError):  # it may end at this moment
            code, output = container.exec_run(ask)
            said = _text(output)
            if code == 0:
                return None
        container.reload()
        if container.status in ("exited", "dead"):
            code = container.attrs["State"]["ExitCode"]
            return _why(env, engine, name, _log(container), f"ended at its start, exit code {code}")
    last = said.splitlines()[-1:]
    return problem(
        "image-not-alive",
        f"The container of {name} runs, and its /healthz gave no good answer for {seconds:.0f} s.",
        evidence="\n".join([*last, _log(container)]),
        command=layout.command(env, name),
        profile=env.context,
        final=True,
    )


def _log(container: "Container") -> str:
    return _text(container.logs(tail=60))


def _text(output: object) -> str:
    return output.decode(errors="replace").strip() if isinstance(output, bytes) else ""


def _why(env: Env, engine: Engine, name: str, said: str, how: str) -> Problem:
    """Why the container does not run, by its last words and, where files are in play, by a look into the image."""
    path = layout.dockerfile(env, name)
    service = env.manifest.services[name]
    facts: dict[str, Any] = {
        "command": layout.command(env, name),
        "profile": env.context,
        "requirements": f"{service.path}/requirements.txt",
        "dockerfile": str(path.relative_to(env.root)),
        "uid": UID,
    }
    summary = f"The image of {name}, run as uid {UID}, {how}."
    known = recognise("image", "run", said, summary, where=_own_frame(said, service.path), name=name, **facts)
    is_of_files = known and known.code in ("image-file-not-readable", "image-module-missing")
    if is_of_files and (seen := probe.look(engine, layout.reference(env, name), probe.named(said))):
        line = dockerfile.origin(path.read_text(encoding="utf-8"), seen.path) if path.is_file() else 0
        where = f"{facts['dockerfile']}:{line}" if line else facts["dockerfile"]
        return _seen(seen, name, evidence=said, where=where, **facts)
    # The settings that it refuses are refused everywhere in the same words.
    known = known or recognise("python", "start", said, summary, name=name, path=service.path)
    if known is None and (raised := tracebacks.in_image(said, service.path)):
        facts |= {"error": raised.error, "at": raised.where}
        summary = f"{name} ends at its start: {raised.where} raises {raised.error}"
        return problem("image-service-raises", summary, evidence=said, where=raised.where, final=True, **facts)
    return known or problem("image-run-failed", summary, evidence=said, name=name, final=True, **facts)


def _seen(seen: probe.Unreadable | probe.NotOnSysPath, name: str, **facts: Any) -> Problem:
    if isinstance(seen, probe.NotOnSysPath):
        summary = f"{seen.path} is in the image of {name}, and its Python does not look there."
        return problem(
            "image-module-not-on-path", summary, folder=posixpath.dirname(seen.path), name=name, final=True, **facts
        )
    return problem(
        "image-file-not-readable",
        f"{seen.path} in the image of {name} cannot be read by uid {UID}: {seen.part} has the mode "
        f"{seen.mode} and belongs to uid {seen.owner}.",
        name=name,
        final=True,
        **facts,
    )


def _own_frame(said: str, path: str) -> str:
    """`file:line` in the checkout of the last frame in the service's own code."""
    frames = re.findall(r'File "/app/([^"]+)", line (\d+)', said)
    if not frames:
        return ""
    file, line = frames[-1]
    folder = "services/shared" if file.startswith("taskapp/") else path
    return f"{folder}/{file}:{line}"
