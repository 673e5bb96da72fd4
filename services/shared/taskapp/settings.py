"""Settings from the environment: read once at start, all errors at once."""

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit


def variable(name: str, parse: Callable[[str], Any], *, default: Any = MISSING) -> Any:
    """A dataclass field read from the environment variable `name`; required when it has no default.

    `parse` raises ValueError with the end of a sentence that begins with the variable's name: "must be …".
    """
    return field(metadata={"env": name, "parse": parse}, **({} if default is MISSING else {"default": default}))


def text(value: str) -> str:
    """Text that is not blank."""
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def port_number(value: str) -> int:
    """A TCP port."""
    if not (value.isascii() and value.isdigit() and 0 < int(value[:6]) < 65536):
        raise ValueError(f"must be a port between 1 and 65535, but is {value!r}")
    return int(value)


def level_name(value: str) -> str:
    """The name of a level of the standard library's logging."""
    if value.upper() not in logging.getLevelNamesMapping():
        raise ValueError(f"must be one of DEBUG, INFO, WARNING, ERROR, but is {value!r}")
    return value.upper()


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
    except ValueError:  # such as a bracket that is not closed
        return None
    return parts if parts.scheme in ("http", "https") else None


def http_url(value: str) -> str:
    """An http or https URL, without a slash at its end."""
    parts = _split(value)
    if parts is None or not parts.hostname:
        raise ValueError(f"must be a URL such as http://127.0.0.1:8080, but is {value!r}")
    return value.rstrip("/")


def origins(value: str) -> tuple[str, ...]:
    """A comma list of exact origins (scheme, host, port), as browsers send them. No wildcards."""
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    for origin in found:
        parts = _split(origin)
        if parts is None or "*" in origin or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError(f"must list exact origins such as http://127.0.0.1:8080, but has {origin!r}")
    return found


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the runtime tells every service. Services with variables of their own make a subclass.

    `version` is the content hash of the running code. The two Dapr ports are set when there is a sidecar.
    """

    host: str = variable("HOST", text, default="127.0.0.1")
    port: int = variable("PORT", port_number)
    app_id: str = variable("APP_ID", text)
    version: str = variable("VERSION", text)
    log_level: str = variable("LOG_LEVEL", level_name, default="INFO")
    dapr_http_port: int | None = variable("DAPR_HTTP_PORT", port_number, default=None)
    dapr_grpc_port: int | None = variable("DAPR_GRPC_PORT", port_number, default=None)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read and check every variable.

        Raises SystemExit with code 2 after one line on stderr for each variable that is missing or wrong.
        """
        values: dict[str, Any] = {}
        errors: list[str] = []
        for f in fields(cls):
            name = f.metadata["env"]
            if name in environ:
                try:
                    values[f.name] = f.metadata["parse"](environ[name])
                except ValueError as error:
                    errors.append(f"{name} {error}")
            elif f.default is MISSING:
                errors.append(f"{name} is not set")
        if not errors and (values.get("dapr_http_port") is None) != (values.get("dapr_grpc_port") is None):
            errors.append("DAPR_HTTP_PORT and DAPR_GRPC_PORT must be set together, or neither of them")
        if errors:
            print(*(f"{environ.get('APP_ID', 'settings')}: {e}" for e in errors), sep="\n", file=sys.stderr)  # noqa: T201
            raise SystemExit(2)
        return cls(**values)
