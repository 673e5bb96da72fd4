"""Builds the image of a service with BuildKit, through the docker program; a failed build becomes a problem."""

import json
import re
from contextlib import suppress

from bootstrap.clients.command import Completed
from bootstrap.clients.docker_engine import translate_errors
from bootstrap.core.env import Env
from bootstrap.images import dockerfile, layout, pip
from bootstrap.images.layout import Engine
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem, ProblemsFound

BUILD_TIMEOUT_S = 900.0  # for one build
EVIDENCE_LINES = 40  # lines
PROGRESS = re.compile(r"^#\d+ (?:[\d.]+ )?", re.MULTILINE)  # what BuildKit puts before each line
FAILED_STEP = re.compile(
    r'(?:executor failed running \[/bin/sh -c |process "/bin/sh -c )(.+?)(?:\]: exit code|" did not)'
)
OF_THE_MACHINE = {"build-disk-full", "build-engine-lost", "buildkit-missing", "docker-client-too-old"}
"""The codes of failures that no Dockerfile causes, and no line of one is to be shown for."""
IN_DOCKERFILE = re.compile(r"(?m)^Dockerfile:(\d+)$")


def build(env: Env, engine: Engine, name: str) -> None:
    """Builds the image of service `name` unless the engine has it under its tag. Raises `ProblemsFound`."""
    reference = layout.reference(env, name)
    with translate_errors(f"The image {reference} cannot be looked for.", engine.away, image=reference):
        if is_there(engine, reference):
            return
        why = _changes(env, engine, name)
    with env.scratch() as scratch:
        done = env.run(
            [
                *("docker", "build", "--progress=plain", f"--tag={reference}", f"--network={engine.network}"),
                f"--file={layout.dockerfile(env, name)}",
                *(f"--build-arg={key}={value}" for key, value in layout.build_args(env).items()),
                *(f"--label={key}={value}" for key, value in layout.labels(env, name).items()),
                *pip.proxies(env.environ),
                *pip.secrets(env.environ, scratch),
                str(layout.context(env)),
            ],
            timeout=BUILD_TIMEOUT_S,
            # Attestations would make an index of the image, whose ID is another one than that of what runs.
            environ={**engine.environ, "DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
        )
    if done.exit != 0:
        with translate_errors(f"The image {reference} cannot be built.", engine.away, image=reference):
            engine.client.ping()  # one that went away meanwhile is the cause of every build that failed
        raise ProblemsFound(explain(env, name, done))
    with translate_errors(f"The image {reference} cannot be looked at.", engine.away, image=reference):
        size = engine.client.images.get(reference).attrs["Size"]
    env.notify(f"built {reference} in {done.seconds:.0f} s, {size / 1e6:.0f} MB; {why}")


def is_there(engine: Engine, reference: str) -> bool:
    """Whether the engine has the image under that tag. Raises what the SDK raises."""
    from docker.errors import ImageNotFound

    with suppress(ImageNotFound):
        engine.client.images.get(reference)
        return True
    return False


def _changes(env: Env, engine: Engine, name: str) -> str:
    """What differs from the newest image of the service that the engine has."""
    there = engine.client.images.list(name=layout.repository(env, name))
    if not there:
        return "there was none before"
    newest = max(there, key=lambda image: str(image.attrs.get("Created", "")))
    before: dict[str, str] = {}
    with suppress(ValueError):
        before = dict(json.loads(newest.labels.get(layout.inputs_label(env), "{}")))
    now = layout.inputs(env, name)
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    return f"changed: {', '.join(changed)}" if before and changed else "the last one was of another build"


def explain(env: Env, name: str, done: Completed) -> Problem:
    """The failed build of the image of service `name`, by its name."""
    path = layout.dockerfile(env, name)
    said = PROGRESS.sub("", f"{done.stdout}\n{done.stderr}")
    evidence = "\n".join(said.strip().splitlines()[-EVIDENCE_LINES:])
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    summary = f"The image of {name} cannot be built."
    relative = str(path.relative_to(env.root))
    facts = {"name": name, "path": env.manifest.services[name].path, "dockerfile": relative}
    where = _where(text, relative, said)
    known = recognise("image", "build", said, summary, where=where, **facts)
    if known is None:
        return problem("build-failed", summary, evidence=evidence, where=where, final=True, **facts)
    if known.code in OF_THE_MACHINE:
        where = ""
    return Problem(known.code, known.summary, known.cause, known.remedy, evidence, where, final=True)


def _where(text: str, path: str, said: str) -> str:
    """`Dockerfile:line` of the step that failed, as far as the words tell."""
    if told := IN_DOCKERFILE.search(said):
        return f"{path}:{told[1]}"
    line = 0
    if step := FAILED_STEP.search(said):
        line = dockerfile.naming(text, step[1])
    elif source := re.search(r'"/?([^"\s]+)"?:? not found|\.dockerignore: stat /?(\S+):', said):
        line = dockerfile.naming(text, source[1] or source[2])
    return f"{path}:{line}" if line else path
