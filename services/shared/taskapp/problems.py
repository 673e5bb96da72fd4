"""Errors to HTTP clients as problem details (RFC 9457)."""

import http
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from taskapp.errors import TransientError

log = logging.getLogger(__name__)


class ProblemError(Exception):
    """Answer the request with this problem. `detail` is one sentence for the person who reads it."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        super().__init__(detail)


def problem_response(
    status: int,
    detail: str,
    *,
    instance: str,
    errors: Iterable[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An application/problem+json response; `errors` are {"field", "message"} objects."""
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    if found := list(errors):
        problem["errors"] = found
    return Response(json.dumps(problem), status, dict(headers or {}), "application/problem+json")


_WORDS = {"missing": "is required", "extra_forbidden": "is not a known field", "json_invalid": "should be JSON"}


def _message(error: Mapping[str, Any]) -> str:
    return _WORDS.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location[1:]) or str(location[0])


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    found = [{"field": _field(e["loc"]), "message": _message(e)} for e in error.errors()]
    fields = ", ".join(dict.fromkeys(e["field"] for e in found))
    detail = f"The request is not valid: see {fields}."
    return problem_response(422, detail, instance=request.url.path, errors=found)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    return problem_response(error.status_code, str(error.detail), instance=request.url.path, headers=error.headers)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this type only
    return problem_response(error.status, error.detail, instance=request.url.path, headers=error.headers)


async def _on_transient(request: Request, error: Exception) -> Response:
    log.warning("a dependency is away: %s", error, extra={"path": request.url.path})
    detail = "A part that this needs is away at the moment. Try again soon."
    return problem_response(503, detail, instance=request.url.path, headers={"Retry-After": "1"})


def install(app: FastAPI) -> None:
    """Make every known error of the app a problem. Unknown ones are the trace middleware's."""
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(TransientError, _on_transient)
