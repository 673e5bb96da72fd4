"""Trace context after W3C Trace Context: one traceparent per request, kept in a context variable."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current() -> str | None:
    """The traceparent of the work under way, or None outside of any."""
    return _current.get()


def trace_id() -> str | None:
    """The trace id (32 hexadecimal digits) of the work under way, or None outside of any."""
    parent = _current.get()
    return parent.split("-")[1] if parent else None


@contextmanager
def tracing(parent: str | None) -> Iterator[str]:
    """Work as a child of `parent`, or in a new trace when it is missing or malformed."""
    match = _TRACEPARENT.fullmatch(parent) if parent else None
    identity, flags = (match[1], match[2]) if match else (secrets.token_hex(16), "01")
    own = f"00-{identity}-{secrets.token_hex(8)}-{flags}"
    token = _current.set(own)
    try:
        yield own
    finally:
        _current.reset(token)
