"""Dapr's resources in the cluster, and what each sidecar has loaded."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.clients.command import Completed
from bootstrap.clients.http import Answer
from bootstrap.core.env import Env, owner_of
from bootstrap.dapr import loaded
from bootstrap.helm import storage
from bootstrap.problems.problem import ProblemsFound
from bootstrap.stages import components
from tests.apiserver import ApiServer, Refused

pytestmark = pytest.mark.usefixtures("kinds")
NAMESPACE = "small"


def test_the_cluster_gets_what_the_checkout_says(env: Env, api: ApiServer) -> None:
    before = components.check(env)
    assert before is not None
    assert (before.code, before.final) == ("dapr-resource-differs", False)
    components.apply(env)
    assert components.check(env) is None
    [store] = [c for c in api.list("dapr.io/v1alpha1", "components") if c["metadata"]["name"] == "statestore"]
    assert (store["scopes"], store["auth"]) == (["mailer"], {"secretStore": "kubernetes"})
    assert {c["metadata"]["name"] for c in api.list("dapr.io/v1alpha1", "configurations")} == {"shop", "mailer"}
    [subscription] = api.list("dapr.io/v2alpha1", "subscriptions")
    assert subscription["spec"]["deadLetterTopic"] == "orders-dead"


def test_where_all_is_there_nothing_is_written(env: Env, api: ApiServer) -> None:
    components.apply(env)
    api.requests.clear()
    components.apply(env)
    assert components.check(env) is None
    assert {request.method for request in api.requests} == {"GET"}


def change(api: ApiServer) -> None:
    broken = api.get("dapr.io/v1alpha1", "components", NAMESPACE, "pubsub")
    assert broken
    broken["spec"]["metadata"][0]["value"] = "elsewhere:9092"
    api.put(broken)


def remove(api: ApiServer) -> None:
    api.remove("dapr.io/v1alpha1", "resiliencies", NAMESPACE, "resiliency")


def leave_one_over(api: ApiServer) -> None:
    api.put(
        {
            "apiVersion": "dapr.io/v2alpha1",
            "kind": "Subscription",
            "metadata": {"name": "gone-orders", "namespace": NAMESPACE, "labels": components.OURS},
            "spec": {"topic": "orders"},
        }
    )


@pytest.mark.closes("components", "the cluster has exactly the checkout's resources", "dapr-resource-differs")
@pytest.mark.parametrize("somebody", [change, remove, leave_one_over])
def test_what_somebody_changed_closes_the_gate_and_is_put_right(
    env: Env, api: ApiServer, somebody: Callable[[ApiServer], None]
) -> None:
    components.apply(env)
    somebody(api)
    found = components.check(env)
    assert found is not None
    assert found.code == "dapr-resource-differs"
    components.apply(env)
    assert components.check(env) is None


@pytest.mark.real("helm")
def test_the_release_of_a_service_that_was_taken_out_is_removed(env: Env, api: ApiServer) -> None:
    said: list[str] = []
    started: list[Sequence[str]] = []
    run = env.runner

    def without_helm(argv: Sequence[str], **how: Any) -> Completed:
        if "uninstall" not in argv:
            return run(argv, **how)
        started.append(argv)
        return Completed(tuple(argv), 0, "release uninstalled", "", 0.1)

    env.runner, env.notify = without_helm, said.append
    for name, owner in (("gone", owner_of(env.root)), ("shop", owner_of(env.root)), ("foreign", "f" * 16)):
        facts = {"owner": "helm", "name": name, "status": "deployed", "version": "1", storage.OWNER: owner}
        metadata = {"name": f"sh.helm.release.v1.{name}.v1", "namespace": NAMESPACE, "labels": facts}
        api.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    components.apply(env)
    assert said == ["gone is no longer in environment.toml: its release is removed."]
    assert ["gone" in argv for argv in started] == [True]


def test_what_is_not_ours_stays(env: Env, api: ApiServer) -> None:
    theirs = {"name": "theirs", "namespace": NAMESPACE}
    api.put({"apiVersion": "dapr.io/v1alpha1", "kind": "Component", "metadata": theirs, "spec": {}})
    components.apply(env)
    assert components.check(env) is None
    assert api.get("dapr.io/v1alpha1", "components", NAMESPACE, "theirs")


def test_what_the_api_refuses_is_told_in_its_words(env: Env, api: ApiServer) -> None:
    api.fault(method="PATCH", path="/components/", refused=Refused(403, "components.dapr.io is forbidden"))
    with pytest.raises(ProblemsFound) as failed:
        components.apply(env)
    assert "components.dapr.io is forbidden" in failed.value.problems[0].evidence


SUBSCRIPTION = {"pubsubname": "pubsub", "topic": "orders", "deadLetterTopic": "orders-dead", "type": "DECLARATIVE"}
GOOD: dict[str, Any] = {
    "id": "mailer",
    "runtimeVersion": "1.18.1",
    "components": [{"name": "pubsub", "type": "pubsub.kafka"}, {"name": "statestore", "type": "state.postgresql"}],
    "subscriptions": [SUBSCRIPTION],
}


class Sidecar:
    """A cluster in which every sidecar answers the same."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def ask_pod(self, namespace: str, pod: str, port: int, path: str) -> Answer:
        assert (namespace, pod, port, path) == (NAMESPACE, "mailer-1", 3500, "/v1.0/metadata")
        return self.answer


def ask(env: Env, answer: Answer) -> str:
    """The code of what the gate says about the sidecar of `mailer`; empty where it is open."""
    asked: Any = Sidecar(answer)
    found = loaded.check(replace(env, cluster_at=lambda *_: asked), "mailer", "mailer-1")
    if found is None:
        return ""
    assert "mailer-1" in found.summary
    assert f"--context {env.context}" in found.remedy
    assert "{" not in found.cause + found.remedy
    assert not found.final
    return found.code


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("", {}),
        ("", {"subscriptions": [SUBSCRIPTION, {"topic": "another"}]}),
        ("sidecar-version-differs", {"runtimeVersion": "1.17.0"}),
        ("sidecar-version-differs", {"runtimeVersion": None}),
        ("component-not-loaded", {"components": []}),
        ("component-not-loaded", {"components": None}),
        ("component-not-loaded", {"components": [{"name": "pubsub"}]}),
        ("component-not-loaded", {"components": [{"name": "statestore"}]}),
        ("subscription-not-registered", {"subscriptions": []}),
        ("subscription-not-registered", {"subscriptions": [{"topic": "orders"}]}),
        ("subscription-not-registered", {"subscriptions": [SUBSCRIPTION | {"topic": "others"}]}),
    ],
)
def test_each_thing_that_a_sidecar_lacks_closes_the_gate(env: Env, code: str, change: dict[str, Any]) -> None:
    assert ask(env, Answer(200, json.dumps(GOOD | change))) == code


@pytest.mark.closes("each service (minikube)", "the sidecar has loaded what is its own", "sidecar-silent")
@pytest.mark.parametrize("answer", [Answer(0, "connection refused"), Answer(500, "{}"), Answer(404, "")])
def test_a_silent_sidecar_closes_the_gate(env: Env, answer: Answer) -> None:
    assert ask(env, answer) == "sidecar-silent"


def test_an_app_without_topics_and_state_needs_no_component(env: Env) -> None:
    services = {**env.manifest.services}
    services["mailer"] = services["mailer"].model_copy(update={"state": False, "subscribes": ()})
    small = replace(env, manifest=env.manifest.model_copy(update={"services": services}))
    assert ask(small, Answer(200, json.dumps({"runtimeVersion": "1.18.1"}))) == ""
