"""The door for HTTP on loopback: one request, never a proxy, no exception for a service that is away."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """`status` is 0 when there was no answer; `text` is then why."""

    status: int
    text: str

    def json(self) -> Any:
        """The body as JSON, or None where it is not."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    def table(self) -> dict[str, Any]:
        """The body as a JSON object, or an empty one where it is not."""
        found = self.json()
        return found if isinstance(found, dict) else {}


def rows(value: Any) -> list[dict[str, Any]]:
    """The objects of a JSON array, none where it is not one."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def request(method: str, url: str, body: object = None, timeout: float = 2.0) -> Answer:
    """One request; `timeout` in seconds, for the connection and each read."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        payload = None if body is None else json.dumps(body).encode()
        connection.request(method, path or "/", payload, {"content-type": "application/json"} if payload else {})
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(error) or type(error).__name__)
    finally:
        connection.close()
