"""Dapr's HTTP API: health, metadata, publish, state, invocation, shutdown."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bootstrap.local.sidecar import errors
from bootstrap.local.sidecar.api import Sidecar
from bootstrap.local.sidecar.state import Change

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# They belong to one connection; what they say is not true of the next.
HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}
DONE = 204


def create(sidecar: Sidecar, stop: Callable[[], None]) -> Starlette:
    """The application. `stop` is called for `POST /v1.0/shutdown`."""
    api = _Api(sidecar, stop)
    routes = [
        Route("/v1.0/healthz", api.healthz),
        Route("/v1.0/healthz/outbound", api.outbound),
        Route("/v1.0/metadata", api.metadata),
        Route("/v1.0/shutdown", api.shutdown, methods=["POST"]),
        Route("/v1.0/publish/{pubsub}/{topic:path}", api.publish, methods=["POST", "PUT"]),
        Route("/v1.0/state/{store}", api.save, methods=["POST", "PUT"]),
        Route("/v1.0/state/{store}/bulk", api.bulk, methods=["POST", "PUT"]),
        Route("/v1.0/state/{store}/transaction", api.transaction, methods=["POST", "PUT"]),
        Route("/v1.0/state/{store}/{key}", api.get),
        Route("/v1.0/state/{store}/{key}", api.delete, methods=["DELETE"]),
        Route("/v1.0/invoke/{app}/method/{path:path}", api.invoke, methods=METHODS),
    ]
    return Starlette(routes=routes, exception_handlers={errors.ApiError: _problem})


async def _problem(_: Request, error: Any) -> Response:
    return JSONResponse({"errorCode": error.code, "message": error.message}, error.http)


class _Api:
    def __init__(self, sidecar: Sidecar, stop: Callable[[], None]) -> None:
        self._sidecar, self._stop = sidecar, stop

    async def healthz(self, _: Request) -> Response:
        self._sidecar.check(outbound=False)
        return Response(status_code=DONE)

    async def outbound(self, _: Request) -> Response:
        self._sidecar.check(outbound=True)
        return Response(status_code=DONE)

    async def metadata(self, _: Request) -> Response:
        # What there is none of is left out, as in the real one.
        return JSONResponse({name: known for name, known in self._sidecar.metadata().items() if known})

    async def shutdown(self, _: Request) -> Response:
        self._stop()
        return Response(status_code=DONE)

    async def publish(self, request: Request) -> Response:
        at, headers = request.path_params, request.headers
        metadata = {
            k.removeprefix("metadata."): v for k, v in request.query_params.items() if k.startswith("metadata.")
        }
        await self._sidecar.publish(
            at["pubsub"],
            at["topic"],
            await request.body(),
            headers.get("content-type", ""),
            metadata,
            headers.get("traceparent", ""),
        )
        return Response(status_code=DONE)

    async def save(self, request: Request) -> Response:
        store = request.path_params["store"]
        items = [_change(item) for item in await _json(request, list)]
        what = f"failed saving state in state store {store}"
        self._sidecar.change(store, items, failure="ERR_STATE_SAVE", what=what)
        return Response(status_code=DONE)

    async def bulk(self, request: Request) -> Response:
        keys = (await _json(request, dict)).get("keys", [])
        entries = self._sidecar.get(request.path_params["store"], keys)
        found = (
            {"key": e.key} | ({"data": _value(e.value), "etag": e.etag} if e.value is not None else {}) for e in entries
        )
        return JSONResponse(list(found))

    async def transaction(self, request: Request) -> Response:
        operations = (await _json(request, dict)).get("operations", [])
        changes = [_change(o["request"], delete=o["operation"] == "delete") for o in operations]
        self._sidecar.transact(request.path_params["store"], changes)
        return Response(status_code=DONE)

    async def get(self, request: Request) -> Response:
        (entry,) = self._sidecar.get(request.path_params["store"], [request.path_params["key"]])
        if entry.value is None:
            return Response(status_code=DONE)
        return Response(entry.value, media_type="application/json", headers={"etag": entry.etag})

    async def delete(self, request: Request) -> Response:
        key, etag = request.path_params["key"], request.headers.get("if-match", "")
        self._sidecar.change(
            request.path_params["store"],
            [Change(key, None, etag)],
            failure="ERR_STATE_DELETE",
            what=f"failed deleting state with key {key}",
        )
        return Response(status_code=DONE)

    async def invoke(self, request: Request) -> Response:
        app, limits = request.path_params["app"], self._sidecar.resources.invoking
        address, query = self._sidecar.address(app), request.url.query
        url = f"http://{address}/{request.path_params['path']}" + (f"?{query}" if query else "")
        headers = [(k, v) for k, v in request.headers.items() if k not in HOP]
        headers += [("dapr-caller-app-id", self._sidecar.resources.app), ("dapr-callee-app-id", app)]
        body, pauses = await request.body(), limits.retry.pauses()
        while True:
            answer, cause = None, ""
            try:
                async with asyncio.timeout(limits.timeout):
                    answer = await self._sidecar.client.request(request.method, url, content=body, headers=headers)
            except (httpx.HTTPError, TimeoutError) as error:
                cause = str(error) or type(error).__name__
            if answer is not None and not limits.retry.matches(answer.status_code):
                break
            if (pause := next(pauses, None)) is None:
                break
            await asyncio.sleep(pause)
        if answer is None:
            raise errors.invoke_failed(app, cause)
        response = Response(answer.content, answer.status_code)
        response.raw_headers += [
            (k.lower(), v) for k, v in answer.headers.raw if k.lower().decode() not in HOP | {"content-encoding"}
        ]
        return response


async def _json(request: Request, kind: type[Any]) -> Any:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise errors.malformed(error) from error
    if not isinstance(body, kind):
        raise errors.malformed(f"it is no {kind.__name__}")
    return body


def _change(item: dict[str, Any], *, delete: bool = False) -> Change:
    if not item.get("key"):
        raise errors.malformed('"key" is a required field')
    return Change(
        key=item["key"],
        value=None if delete else json.dumps(item.get("value"), ensure_ascii=False, separators=(",", ":")).encode(),
        etag=item.get("etag") or "",
        first=(item.get("options") or {}).get("concurrency") == "first-write",
        text=True,
        ttl=int((item.get("metadata") or {}).get("ttlInSeconds", 0)),
    )


def _value(stored: bytes) -> Any:
    try:
        return json.loads(stored)
    except ValueError:
        return stored.decode(errors="replace")
