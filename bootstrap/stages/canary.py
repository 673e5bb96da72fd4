"""canary, injection: one pod really comes up with its sidecar, once for what is there; then it is removed."""

from bootstrap.core.env import Env
from bootstrap.core.stage import IMAGE_PULL_TIMEOUT_S, Stage
from bootstrap.dapr import canary
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem


def stage(needs: tuple[str, ...] = ("dapr",)) -> Stage:
    """The gate: a pod of the app's namespace is ready, and its `daprd` too; or was, under what is there now."""

    def apply(env: Env) -> None:
        if not canary.is_proven(env):
            canary.start(env)

    def check(env: Env) -> Problem | None:
        return None if canary.is_proven(env) else canary.look(env)

    again = ("canary-missing", "sidecar-missing")  # the injector was replaced, or away for a moment
    return Stage(
        "canary",
        needs,
        apply,
        check,
        waits_for="a pod with its sidecar",
        timeout=IMAGE_PULL_TIMEOUT_S,
        retry_apply_on=again,
    )


def injection(needs: tuple[str, ...] = ("canary",)) -> Stage:
    """The gate: that the canary came up is kept as a proof, for exactly what is there now; no canary is left."""

    def apply(env: Env) -> None:
        if not canary.is_proven(env):
            canary.prove(env)

    def check(env: Env) -> Problem | None:
        if canary.is_proven(env):
            return None
        return problem("canary-missing", "What injects sidecars changed while it was proven.", final=True)

    return Stage("sidecar-injection", needs, apply, check, waits_for="the proof of the injected sidecar", timeout=10)
