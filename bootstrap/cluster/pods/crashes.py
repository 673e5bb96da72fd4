"""Why a container ended: the runtime's words, the kernel's, the kubelet's, or its own last ones."""

import re
from dataclasses import replace
from typing import Any

from bootstrap.clients.kubernetes_api import Document
from bootstrap.cluster.pods.case import Container, PodSnapshot
from bootstrap.problems import tracebacks
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem

STEADY_S = 10.0  # seconds that a container must have run since it crashed
HOPELESS_RESTARTS = 3  # restarts in a row after which a crash of unknown cause is taken for one that repeats itself
# What the kubelet says of a container in CrashLoopBackOff.
BACK_OFF = re.compile(r"back-off (?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)? restarting")
FIRST_BACK_OFF_S = 10  # doubled with each crash, up to 5 minutes
NETWORK_S = 60.0  # A network that was made later than this after the start of the pod is not its first one.
# What an exception may be about that another part mends by coming up.
OF_OTHERS = re.compile(r"(?i)connect|timeout|timed out|unavailable|resolution|OperationalError")
LIVENESS = "Liveness probe failed"
MAY_PASS = ("daprd-component-unreachable",)  # it ends when another part is up
NO_ANSWER = re.compile(
    r"\[Errno -3\]|[Tt]emporary failure in name resolution"
)  # of the name server, which may come back


def problem_of(case: PodSnapshot, container: Container) -> Problem | None:
    """Why the container ended, None when it did not, or did as it should, or has run well since."""
    ended = container.ended
    if ended is None or _is_over(case, container, ended):
        return None
    facts = case.facts(container.name) | {"exit": ended.get("exitCode"), "restarts": container.restarts}
    facts["previous"] = "false" if container.is_down else "true"
    times = f", {container.restarts} restarts so far" if container.restarts else ""
    summary = f"The container {container.name} of {case.shown} {_how(ended)}{times}."
    words = f"{ended.get('reason', '')}, exit code {ended.get('exitCode')}: {ended.get('message', '')}".strip(": ")
    refused = (container.waiting or {}).get("message", "") if "message" not in ended else ended["message"]
    log = case.log(container)
    raised = tracebacks.in_image(log, _folder(case, facts["service"])) if container.name != "daprd" else None
    known = (
        recognise("pod", "start", refused, summary, **facts)
        or _killed(container, ended, summary, facts)
        or _own_words(case, container, ended, log, summary, facts)
        or _unhealthy(case, container, summary, facts)
        or problem(
            "pod-crashes",
            f"{summary.removesuffix('.')}: {raised.where} raises {raised.error}" if raised else summary,
            where=raised.where if raised else "",
            final=in_a_row(case, container)
            >= (1 if raised and not OF_OTHERS.search(raised.error) else HOPELESS_RESTARTS)
            and not (container.ready and container.running),
            **facts,
        )
    )
    return case.with_evidence(known, words, log)


def _is_over(case: PodSnapshot, container: Container, ended: Document) -> bool:
    made = case.condition("PodReadyToStartContainers")
    # While a restart of the node makes the pod's network anew, what ended is what ended with the node. A pod that ended
    # for good has no network either.
    if made.get("status") == "False" and case.phase not in ("Succeeded", "Failed"):
        return True
    if container.init:
        return ended.get("exitCode") == 0 and not container.waiting
    # What ended before the network was made anew did not crash.
    if made.get("status") == "True" and str(ended.get("finishedAt", "")) < str(made.get("lastTransitionTime", "")):
        return True
    running = container.running
    return bool(running and container.ready and case.seconds_since(running.get("startedAt")) >= STEADY_S)


def in_a_row(case: PodSnapshot, container: Container) -> int:
    """Return after how many crashes in a row the container was restarted; 0 where that is not known.

    The restart count of the pod includes restarts of the node. The kubelet's back-off does not: it starts anew with the
    node.
    """
    waits = BACK_OFF.match((container.waiting or {}).get("message", ""))
    if waits:
        wait_s = 60 * int(waits["minutes"] or 0) + int(waits["seconds"] or 0)
        return (wait_s // FIRST_BACK_OFF_S).bit_length()
    made = case.condition("PodReadyToStartContainers").get("lastTransitionTime")
    began = case.pod.get("status", {}).get("startTime")
    was_restarted = made and began and case.seconds_since(began) - case.seconds_since(made) > NETWORK_S
    return 0 if was_restarted else container.restarts


def _how(ended: Document) -> str:
    if ended.get("reason") in ("StartError", "ContainerCannotRun"):
        return "cannot be started"
    return f"ended with exit code {ended.get('exitCode')}"


def _folder(case: PodSnapshot, service: str) -> str:
    """The folder in the checkout with the code that runs in a pod of that name."""
    known = case.env.manifest.services.get(service)
    return known.path if known else f"services/{service}"


def _killed(container: Container, ended: Document, summary: str, facts: dict[str, Any]) -> Problem | None:
    if ended.get("reason") != "OOMKilled":
        return None
    limit = container.spec.get("resources", {}).get("limits", {}).get("memory", "none of its own")
    return problem("pod-out-of-memory", summary, final=True, limit=limit, **facts)


def _own_words(
    case: PodSnapshot, container: Container, ended: Document, log: str, summary: str, facts: dict[str, Any]
) -> Problem | None:
    if ended.get("exitCode") == 0:
        return None
    known = recognise("daprd" if container.name == "daprd" else "pod", "log", log, summary, **facts)
    if known and known.code == "pod-name-unknown" and NO_ANSWER.search(log):
        return replace(known, final=in_a_row(case, container) >= HOPELESS_RESTARTS)
    return replace(known, final=False) if known and known.code in MAY_PASS else known


def _unhealthy(case: PodSnapshot, container: Container, summary: str, facts: dict[str, Any]) -> Problem | None:
    """Killed by the kubelet, because it did not answer its liveness probe: only the events tell."""
    said = case.said(container.name)
    if not any(e.get("reason") == "Killing" and "liveness" in e["message"] for e in said):
        return None
    told = [e["message"] for e in said if e["message"].startswith(LIVENESS)]
    probe = told[-1].removeprefix(f"{LIVENESS}: ") if told else "it gave no answer"
    return problem("pod-liveness", summary, final=in_a_row(case, container) >= 2, probe=probe, **facts)
