"""Why a pod does not run: the most upstream reason that its state, its events and its last words tell."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from bootstrap.clients.kubernetes_api import Document
from bootstrap.cluster import readiness
from bootstrap.cluster.pods import crashes, events, scheduling
from bootstrap.cluster.pods.case import Container, PodSnapshot, at
from bootstrap.cluster.pods.summary import ORDINARY, SIDECAR
from bootstrap.cluster.readiness import NotReady
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem

PULLS = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable")
# What follows from whatever else is wrong.
LAST = ("pod-starting", "pod-not-ready", "service-not-ready", "sidecar-waits-for-app")
MOUNT_TRIES = 4  # of the kubelet, about 8 s: until then what is to be mounted may still be made


def problem_of(env: Env, pod: Document, said: Iterable[Document], *, now: datetime | None = None) -> Problem | None:
    """What keeps the pod from running, None when it is ready and has not crashed a moment ago.

    `said` are events, of this pod or of its namespace. The API is asked for more only where something is wrong. The
    problem is final where waiting cannot help.
    """
    case = PodSnapshot(env, pod, list(said), at(now))
    if "deletionTimestamp" in pod["metadata"]:
        return _ending(case)
    if pod.get("status", {}).get("phase") == "Succeeded":
        return None
    if pod.get("status", {}).get("reason") == "Evicted":
        told = pod["status"].get("message", "")
        return problem("pod-evicted", f"The {case.shown} was evicted.", evidence=told, **case.facts())
    if case.condition("PodScheduled").get("status") == "False":
        return scheduling.problem_of(case, problem_of)
    found = [one for one in (_container(case, container) for container in case.containers()) if one]
    if found:
        return first(found)
    if case.condition("Ready").get("status") == "True":
        return None
    return _mount(case) or _starting(case)


def first(problems: list[Problem]) -> Problem:
    """The one to tell: those that waiting cannot mend before others, causes before what follows from them."""
    return min(problems, key=lambda one: (not one.final, one.code in LAST, one.code == "pod-starting"))


def _container(case: PodSnapshot, container: Container) -> Problem | None:
    waiting = container.waiting or {}
    reason, words = waiting.get("reason", ""), waiting.get("message", "")
    facts = case.facts(container.name)
    if reason in PULLS:
        summary = f"The image of {container.name} in {case.shown} is not there: {container.spec.get('image')}."
        facts["image"] = container.spec.get("image")
        known = recognise("pod", "pull", words, summary, **facts) or problem("pod-image-unpulled", summary, **facts)
        return case.with_evidence(
            replace(known, final=known.final and known.code != "pod-image-unreachable"), f"{reason}: {words}"
        )
    if reason == "CreateContainerConfigError":
        summary = f"The container {container.name} of {case.shown} cannot be made as it is configured."
        refused = recognise("pod", "config", words, summary, **facts)
        return case.with_evidence(refused or problem("pod-container-refused", summary, **facts), f"{reason}: {words}")
    if found := crashes.problem_of(case, container):
        return found
    if reason not in ORDINARY:
        summary = f"The container {container.name} of {case.shown} is not started."
        unstarted = recognise("pod", "start", words, summary, **facts)
        return case.with_evidence(unstarted or problem("pod-container-refused", summary, **facts), f"{reason}: {words}")
    return _probed(case, container) if container.running and not container.init and not container.ready else None


def _probed(case: PodSnapshot, container: Container) -> Problem | None:
    """A container that runs and is not ready, with what it answers to its probe and what its probe was told."""
    failures = [e for e in case.said(container.name) if e.get("reason") == "Unhealthy"]
    probes = [e["message"] for e in failures if not e["message"].startswith("Liveness")]
    answer = readiness.ask(case, container)
    if not probes and not answer:
        return None
    facts = case.facts(container.name)
    summary = f"The container {container.name} of {case.shown} runs and is not ready."
    log = case.log(container)
    known = recognise("daprd", "wait", log, summary, **facts) if container.name == SIDECAR else None
    told = replace(known, final=False) if known else _not_ready(case, container, answer, summary)
    words = [answer.words] if answer else []
    return case.with_evidence(told, "\n".join([*words, *probes[-1:]]), log)


def _not_ready(case: PodSnapshot, container: Container, answer: NotReady | None, summary: str) -> Problem:
    """What it answers is final where that is a service of ours, which has said the same for too long to be starting."""
    facts = case.facts(container.name)
    if answer:
        summary = f"{summary.removesuffix('.')}: GET {answer.path} answers {answer.answer.status}, {answer.reason}."
    if not answer or container.name not in case.env.manifest.services:
        return problem("pod-not-ready", summary, **facts)
    if answer.is_steady:
        summary += f" It has said the same for {readiness.STEADY_S:.0f} s."
    return problem("service-not-ready", summary, name=container.name, final=answer.is_steady)


def _mount(case: PodSnapshot) -> Problem | None:
    """A pod whose containers are not made: what stands before them."""
    warnings = [e for e in case.said() if e.get("type") == "Warning" and "fieldPath" not in e["involvedObject"]]
    if not warnings:
        return None
    newest, facts = warnings[-1], case.facts()
    summary = f"The containers of {case.shown} are not made: {newest.get('reason')}."
    known = recognise("pod", "mount", newest["message"], summary, **facts)
    if known:
        known = replace(known, final=events.times(newest) >= MOUNT_TRIES)
    return case.with_evidence(known or problem("pod-not-started", summary, **facts), "")


def _starting(case: PodSnapshot) -> Problem:
    told = case.pod.get("status", {})
    states = [f"{c.name}: {next(iter(c.status.get('state') or ['no state yet']))}" for c in case.containers()]
    summary = f"The {case.shown} is starting."
    words = "\n".join((f"phase: {told.get('phase', 'Pending')}", *states))
    return case.with_evidence(problem("pod-starting", summary, **case.facts()), words)


def _ending(case: PodSnapshot) -> Problem:
    meta = case.pod["metadata"]
    finalizers = ", ".join(meta.get("finalizers", ()))
    if finalizers and case.seconds_since(meta["deletionTimestamp"]) > 0:
        return problem(
            "pod-stuck-terminating",
            f"The {case.shown} was deleted and does not go away.",
            evidence=f"deletionTimestamp: {meta['deletionTimestamp']}\nfinalizers: {finalizers}",
            finalizers=finalizers,
            **case.facts(),
        )
    return problem("pod-ending", f"The {case.shown} is being ended.", **case.facts())
