"""images: every service's image, built in parallel by BuildKit, and proven by a run as a pod will run it."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.images import layout, proof, supply
from bootstrap.images.build import build
from bootstrap.images.layout import Engine, EngineOf
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound


def references(env: Env) -> dict[str, str]:
    """The image of each service as the checkout has it, `repository:tag`."""
    return {name: layout.reference(env, name) for name in env.manifest.services}


def one(env: Env, engine: Engine, name: str) -> None:
    """Builds and proves the image of service `name`, and keeps it where `supply` is used. Raises `ProblemsFound`."""
    build(env, engine, name)
    proof.prove(env, engine, name)
    if supply.is_used(env):
        supply.keep(env, engine, layout.reference(env, name))


def apply(env: Env, engine_of: EngineOf, names: Sequence[str] = ()) -> None:
    """Builds and proves the images of those services, by default of all; when some fail, the others are still made,
    and every problem is told, once where it is one for all, such as an engine that is away."""
    engine, names = engine_of(env), names or tuple(env.manifest.services)
    found: list[Problem] = []
    with ThreadPoolExecutor(max_workers=min(len(names), os.cpu_count() or 1)) as pool:
        for done in [pool.submit(one, env, engine, name) for name in names]:
            try:
                done.result()
            except ProblemsFound as failed:
                found += failed.problems
    if found:
        raise ProblemsFound(found)


def check(env: Env, engine_of: EngineOf, names: Sequence[str] = ()) -> Problem | None:
    engine = engine_of(env)
    for name in names or env.manifest.services:
        if found := check_one(env, engine, name):
            return found
    return None


def check_one(env: Env, engine: Engine, name: str) -> Problem | None:
    """What is wrong with the image of service `name`, at one look."""
    try:
        image = proof.find(env, engine, name)
    except ProblemsFound as failed:
        return failed.problems[0]
    if found := proof.wrong_user(env, name, image):
        return found
    if not proof.is_proven(env, name, image):
        return problem(
            "image-not-proven", f"The image {layout.reference(env, name)} has not run as a pod will run it.", final=True
        )
    return None


def stage(engine_of: EngineOf, needs: tuple[str, ...], services: Sequence[str] = ()) -> Stage:
    """The gate, for those services, by default for all: the image is in the engine under the tag of the checkout's
    content, its user a number and not root, and this very image has answered when it ran as a pod will run it."""
    return Stage(
        "images",
        needs,
        lambda env: apply(env, engine_of, services),
        lambda env: check(env, engine_of, services),
        waits_for="the images",
        apply_timeout=1800,
    )
