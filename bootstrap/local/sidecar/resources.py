"""What the sidecar reads: the resource files that `bootstrap.dapr.resources.write_local` wrote for its app."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.clients import yaml_reader
from bootstrap.local.sidecar.retry import NEVER, Retry, parse, seconds

APP_RETRY, APP_TIMEOUT = "DefaultAppRetryPolicy", "DefaultAppTimeoutPolicy"


@dataclass(frozen=True)
class Component:
    """One component: its name, type (`pubsub.kafka`, `state.sqlite`), version and metadata."""

    name: str
    type: str
    version: str
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Subscription:
    """Events of `topic` go to `route` of the app; what it does not take goes to `dead_letter`, if there is one."""

    pubsub: str
    topic: str
    route: str
    dead_letter: str


@dataclass(frozen=True)
class Limits:
    """How long one attempt may take, in seconds (None: any time), and when to try again."""

    timeout: float | None = None
    retry: Retry = NEVER


@dataclass(frozen=True)
class Resources:
    """Everything for one app. At most one pub/sub component and one state store are supported."""

    app: str
    components: tuple[Component, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    inbound: Limits = field(default_factory=Limits)
    publishing: Limits = field(default_factory=Limits)
    invoking: Limits = field(default_factory=Limits)

    @property
    def pubsub(self) -> Component | None:
        return next((c for c in self.components if c.type == "pubsub.kafka"), None)

    @property
    def statestore(self) -> Component | None:
        return next((c for c in self.components if c.type == "state.sqlite"), None)

    def may(self, scopes: str, topic: str) -> bool:
        """Whether the app may use the topic. `scopes` is "publishingScopes" or "subscriptionScopes"."""
        fields = self.pubsub.metadata if self.pubsub else {}
        allowed = _names(fields.get("allowedTopics", ""))
        if allowed and topic not in allowed:
            return False
        apps = (part.partition("=") for part in fields.get(scopes, "").replace(" ", "").split(";"))
        scoped = [name for app, _, topics in apps if app == self.app for name in topics.split(",")]
        if not scoped and topic not in _names(fields.get("protectedTopics", "")):
            return True
        return topic in scoped


def load(folder: Path, app: str) -> Resources:
    """Read every `*.yaml` of the folder. Raises OSError, yaml.YAMLError, KeyError or ValueError for what cannot be."""
    documents: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.yaml")):
        read = yaml_reader.documents(path.read_text(encoding="utf-8"))
        documents += [d for d in read if app in d.get("scopes", [app])]
    components = tuple(_component(d, app) for d in documents if d["kind"] == "Component")
    pubsub = next((c.name for c in components if c.type == "pubsub.kafka"), "")
    specs = [d["spec"] for d in documents if d["kind"] == "Resiliency"]
    spec = specs[0] if specs else {}
    targets = (spec.get("targets") or {}).get("components", {}).get(pubsub, {})
    return Resources(
        app=app,
        components=components,
        subscriptions=tuple(_subscription(d["spec"]) for d in documents if d["kind"] == "Subscription"),
        inbound=_limits(spec, targets.get("inbound", {})),
        publishing=_limits(spec, targets.get("outbound", {})),
        invoking=_limits(spec, {"timeout": APP_TIMEOUT, "retry": APP_RETRY}),
    )


def _names(text: str) -> list[str]:
    return [name for name in text.replace(" ", "").split(",") if name]


def _component(document: dict[str, Any], app: str) -> Component:
    spec = document["spec"]
    fields = {f["name"]: str(f.get("value", "")).replace("{appID}", app) for f in spec.get("metadata") or ()}
    return Component(document["metadata"]["name"], spec["type"], spec["version"], fields)


def _subscription(spec: dict[str, Any]) -> Subscription:
    return Subscription(spec["pubsubname"], spec["topic"], spec["routes"]["default"], spec.get("deadLetterTopic", ""))


def _limits(spec: dict[str, Any], names: Mapping[str, str]) -> Limits:
    policies = spec.get("policies") or {}
    timeout = (policies.get("timeouts") or {}).get(names.get("timeout", ""))
    retry = (policies.get("retries") or {}).get(names.get("retry", ""))
    return Limits(None if timeout is None else seconds(timeout), NEVER if retry is None else parse(retry))
