"""CloudEvents 1.0, JSON format, made and completed the way daprd does it."""

import base64
import json
import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bootstrap.local.sidecar import errors

CLOUD_EVENT = "application/cloudevents+json"
_OVERRIDES = ("id", "source", "type", "subject", "traceid", "traceparent", "tracestate")


def envelope(
    data: bytes, content_type: str, metadata: Mapping[str, str], *, app: str, pubsub: str, topic: str, trace: str
) -> bytes:
    """The message for the broker: the given CloudEvent completed, or the data wrapped in a new one.

    `trace` is the caller's traceparent, or empty. Raises ApiError when the data is announced as a CloudEvent but is
    no JSON object.
    """
    if metadata.get("rawPayload", "").lower() in ("true", "1"):
        return data
    trace = trace or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    if content_type.split(";")[0].strip().lower() == CLOUD_EVENT:
        return _dump(_completed(data, pubsub, topic, trace))
    given = {name: metadata.get(f"cloudevent.{name}", "") for name in _OVERRIDES}
    trace = given["traceparent"] or given["traceid"] or trace
    event: dict[str, Any] = {
        "id": given["id"] or str(uuid.uuid4()),
        "source": given["source"] or app,
        "type": given["type"] or "com.dapr.event.sent",
        "specversion": "1.0",
        "datacontenttype": content_type or "text/plain",
        "time": _now(),
        "topic": topic,
        "pubsubname": pubsub,
        "traceid": trace,
        "traceparent": trace,
        "tracestate": given["tracestate"],
    }
    if given["subject"]:
        event["subject"] = given["subject"]
    return _dump(event | _data(data, event["datacontenttype"]))


def parse(message: bytes) -> dict[str, Any] | None:
    """The message as a CloudEvent; None when it is no JSON object."""
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def expired(event: Mapping[str, Any]) -> bool:
    """Whether the event says that it is not to be delivered any more."""
    try:
        return datetime.fromisoformat(str(event["expiration"])) < datetime.now(UTC)
    except (KeyError, ValueError, TypeError):
        return False


def _completed(data: bytes, pubsub: str, topic: str, trace: str) -> dict[str, Any]:
    event = parse(data)
    if event is None:
        raise errors.event_malformed()
    event.setdefault("time", _now())
    if "traceid" not in event:
        event |= {"traceid": trace, "traceparent": trace}
    event.setdefault("tracestate", "")
    event |= {"topic": topic, "pubsubname": pubsub}
    for name, value in {"source": "Dapr", "type": "com.dapr.event.sent", "specversion": "1.0"}.items():
        if event.get(name) is None:
            event[name] = value
    return event


def _data(data: bytes, content_type: str) -> dict[str, Any]:
    kind = content_type.split(";")[0].strip().lower()
    if kind == "application/octet-stream":
        return {"data_base64": base64.b64encode(data).decode()}
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return {"data": json.loads(data)}
        except ValueError:
            pass
    return {"data": data.decode(errors="replace")}


def _dump(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
