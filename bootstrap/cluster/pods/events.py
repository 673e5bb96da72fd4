"""The events of a namespace: what Kubernetes says about objects, newest last, as far as it still knows."""

from collections.abc import Iterable

from bootstrap.clients.kubernetes_api import Document, path
from bootstrap.core.env import Env


def of_namespace(env: Env, namespace: str) -> list[Document]:
    """All events there. Raises what the API raises."""
    return sorted(env.cluster.items(path("v1", "events", namespace)), key=_at)


def about(events: Iterable[Document], *, uid: str = "", name: str = "", container: str = "") -> list[Document]:
    """Those about one object, by its uid or its name, or about one container of a pod; newest last."""
    found = []
    for event in events:
        of = event["involvedObject"]
        if (of.get("uid") == uid if uid and of.get("uid") else of.get("name") == name) and (
            not container or f"{{{container}}}" in of.get("fieldPath", "")
        ):
            found.append(event)
    return sorted(found, key=_at)


def text(events: Iterable[Document], most: int = 6) -> str:
    """The newest warnings among them, one a line, with how often each was said."""
    lines = [
        f"{count}x {event.get('reason')}: {event.get('message', '').strip()}"
        for event in events
        if event.get("type") == "Warning" and (count := times(event))
    ]
    return "\n".join(lines[-most:])


def times(event: Document) -> int:
    """How often it happened."""
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


def _at(event: Document) -> str:
    series = (event.get("series") or {}).get("lastObservedTime")
    at = series or event.get("lastTimestamp") or event.get("eventTime")
    return str(at or event["metadata"].get("creationTimestamp", ""))
