"""Everything that is wrong, asked of all gates at once; what the rest follows from comes first. Changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bootstrap import pipeline
from bootstrap.cli import remedies
from bootstrap.core import state
from bootstrap.core.concurrent import run_concurrently
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage, closure
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound, fold
from bootstrap.targets import target

GATES_TIMEOUT_S = 15.0  # for all gates together: the slowest of them that gives an answer takes one or two
PODS = "pods of the cluster"
Pods = Mapping[str, tuple[str, Problem | None]]
"""Each pod with the stage that it belongs to, and its problem."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `stage` is whose gate closed, or to which the pod belongs; "": to none.

    `after` are the stages that are wrong too, and that this one needs: as long as they are, it cannot be right.
    """

    stage: str
    problem: Problem
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What was found, causes before what follows from them; `healthy` are the stages whose gates are open."""

    findings: tuple[Finding, ...]
    healthy: tuple[str, ...]
    pods: int = 0

    @property
    def causes(self) -> tuple[Problem, ...]:
        """What is wrong by itself, equal problems as one."""
        return fold(one.problem for one in self.findings if not one.after)

    @property
    def follows(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.after)


def look(env: Env, seconds: float = GATES_TIMEOUT_S) -> Diagnosis:
    """Asks the environment as it is, whatever runs of it; see `ask`."""
    stages = pipeline.stages(env)
    if _is_started(env):
        if env.place and (rests := target.of(env).at_rest(env)):
            machine = ask(env, stages[:1], seconds)
            told = any(one.problem.code == rests.code for one in machine.findings)
            return machine if told else replace(machine, findings=(*machine.findings, Finding("cluster", rests)))
        return ask(env, stages, seconds)
    # No gate of what was never started says more than that; the machine can be looked at all the same.
    found = ask(env, stages[:1], seconds)
    nothing = Finding("", problem("nothing-runs", f"{env.manifest.name} is not running.", final=True))
    return replace(found, findings=(nothing, *found.findings))


def ask(env: Env, stages: tuple[Stage, ...], seconds: float) -> Diagnosis:
    """Asks all gates, and of a cluster all pods, at once. What gives no answer within `seconds` is a finding too."""
    calls: dict[str, Callable[[], Any]] = {}
    if env.place == "minikube" and env.kubeconfig.exists():
        from bootstrap.cluster.pods import diagnosis

        calls[PODS] = partial(diagnosis.pods, env)
    told, others = gates(env, stages, seconds, calls)
    # An API that gives no answer is the cluster's gate to tell.
    pods = others.get(PODS, {})
    found = sort(stages, pods if isinstance(pods, dict) else {}, told)
    return replace(found, findings=tuple(_pasteable(env, one) for one in found.findings))


def _pasteable(env: Env, finding: Finding) -> Finding:
    [shown] = remedies.pasteable(env, (finding.problem,))
    return replace(finding, problem=shown)


def gates(
    env: Env, stages: tuple[Stage, ...], seconds: float, others: Mapping[str, Callable[[], Any]]
) -> tuple[dict[str, Problem | None], dict[str, Any]]:
    """What each gate says, and the answers of `others`, all asked concurrently."""
    calls: dict[str, Callable[[], Any]] = {stage.name: partial(_gate, stage, env) for stage in stages}
    answers = run_concurrently({**others, **calls}, seconds)
    return {s.name: _answer(s.name, answers[s.name], seconds) for s in stages}, {n: answers[n] for n in others}


def sort(stages: tuple[Stage, ...], pods: Pods, gates: Mapping[str, Problem | None]) -> Diagnosis:
    """The order in which to mend things: that of the stages, each with its pods; then pods that belong to none.

    Of a pod only what no gate and no other pod has told.
    """
    closed = {name for name, told in gates.items() if told}
    found: list[Finding] = []
    seen = {(told.code, told.summary) for told in gates.values() if told}
    for stage in stages:
        after = tuple(one.name for one in closure(stages, (stage.name,)) if one.name in closed - {stage.name})
        told = gates[stage.name]
        if told:
            found.append(Finding(stage.name, told, after))
        for name, (of, wrong) in pods.items():
            if of == stage.name and wrong and not _is_told(told, wrong, name) and _is_new(wrong, seen):
                found.append(Finding(stage.name, wrong, after))
    names = {stage.name for stage in stages}
    found += [Finding("", wrong) for of, wrong in pods.values() if wrong and of not in names and _is_new(wrong, seen)]
    healthy = tuple(stage.name for stage in stages if stage.name not in closed)
    return Diagnosis(tuple(found), healthy, sum(not wrong for _, wrong in pods.values()))


def _is_started(env: Env) -> bool:
    try:
        return target.is_started(env)
    except ProblemsFound:
        return True


def _gate(stage: Stage, env: Env) -> Problem | None:
    try:
        return stage.check(env)
    except ProblemsFound as failed:
        return failed.problems[0]
    except OSError as error:
        if known := state.trouble(error, env.root):
            return known
        raise


def _answer(name: str, answer: Problem | Exception | None, seconds: float) -> Problem | None:
    if isinstance(answer, TimeoutError):
        return problem("stage-hung", f"The gate of stage {name} gave no answer within {seconds:.0f} s.")
    if isinstance(answer, Exception):
        said = f"{type(answer).__name__}: {answer}"
        return problem("gate-broken", f"The gate of stage {name} could not look.", evidence=said)
    return answer


def _is_new(pod: Problem, seen: set[tuple[str, str]]) -> bool:
    told = (pod.code, pod.summary)
    is_new = told not in seen
    seen.add(told)
    return is_new


def _is_told(gate: Problem | None, pod: Problem, name: str) -> bool:
    return gate is not None and gate.code == pod.code and name in gate.summary
