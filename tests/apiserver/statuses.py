"""What the API answers when it refuses: Status objects, worded as the real one words them."""

from dataclasses import dataclass, field
from typing import Any

from tests.apiserver.resources import Resource

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


@dataclass
class Refused(Exception):
    """An answer that is not 2xx. `reason` is the API's word for the code unless given."""

    code: int
    message: str
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def status(self) -> dict[str, Any]:
        """The Status object."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason or REASONS.get(self.code, "Unknown"),
        }
        return body | ({"details": self.details} if self.details else {}) | {"code": self.code}


class NoSuchPath(Exception):
    """A path that leads to no kind of object: the API answers in plain text."""


def _details(resource: Resource, name: str) -> dict[str, Any]:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}


def not_found(resource: Resource, name: str) -> Refused:
    return Refused(404, f'{resource.qualified} "{name}" not found', details=_details(resource, name))


def already_exists(resource: Resource, name: str) -> Refused:
    return Refused(
        409, f'{resource.qualified} "{name}" already exists', "AlreadyExists", details=_details(resource, name)
    )


def modified(resource: Resource, name: str) -> Refused:
    return Refused(
        409,
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again",
        details=_details(resource, name),
    )


def forbidden(resource: Resource, name: str, why: str) -> Refused:
    return Refused(403, f'{resource.qualified} "{name}" is forbidden: {why}', details=_details(resource, name))


def no_manager() -> Refused:
    why = "Required value: is required for apply patch"
    details = {
        "group": "meta.k8s.io",
        "kind": "PatchOptions",
        "causes": [{"reason": "FieldValueRequired", "message": why, "field": "fieldManager"}],
    }
    return Refused(422, f'PatchOptions.meta.k8s.io "" is invalid: fieldManager: {why}', details=details)


def no_such_kind() -> Refused:
    return Refused(404, "the server could not find the requested resource")
