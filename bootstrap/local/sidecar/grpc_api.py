"""Dapr's gRPC API (`dapr.proto.runtime.v1.Dapr`): publish, state, metadata."""

from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any

import grpc.aio
from dapr.proto import api_service_v1, api_v1, common_v1
from google.protobuf.empty_pb2 import Empty

from bootstrap.local.sidecar import errors
from bootstrap.local.sidecar.api import Sidecar
from bootstrap.local.sidecar.state import Change

FIRST_WRITE = common_v1.StateOptions.StateConcurrency.CONCURRENCY_FIRST_WRITE
Method = Callable[["Service", Any, Any], Awaitable[Any]]


def _answers(method: Method) -> Method:
    @wraps(method)
    async def answer(self: "Service", request: Any, context: Any) -> Any:
        try:
            return await method(self, request, context)
        except errors.ApiError as error:
            return await context.abort(error.grpc, error.message)

    return answer


class Service(api_service_v1.DaprServicer):
    """The methods that the official SDK needs for what the services do; all others are unimplemented."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar

    @_answers
    async def PublishEvent(self, request: Any, context: Any) -> Any:  # noqa: N802
        trace = dict(context.invocation_metadata() or ()).get("traceparent", "")
        await self._sidecar.publish(
            request.pubsub_name,
            request.topic,
            request.data,
            request.data_content_type,
            dict(request.metadata),
            str(trace),
        )
        return Empty()

    @_answers
    async def GetState(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        (entry,) = self._sidecar.get(request.store_name, [request.key])
        return api_v1.GetStateResponse(data=entry.value or b"", etag=entry.etag)

    @_answers
    async def GetBulkState(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        entries = self._sidecar.get(request.store_name, list(request.keys))
        items = [api_v1.BulkStateItem(key=e.key, data=e.value or b"", etag=e.etag) for e in entries]
        return api_v1.GetBulkStateResponse(items=items)

    @_answers
    async def SaveState(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        self._save(request.store_name, (_change(item) for item in request.states))
        return Empty()

    @_answers
    async def DeleteState(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        what = f"failed deleting state with key {request.key}"
        change = _change(request, delete=True)
        self._sidecar.change(request.store_name, [change], failure="ERR_STATE_DELETE", what=what)
        return Empty()

    @_answers
    async def ExecuteStateTransaction(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        changes = [_change(o.request, delete=o.operationType == "delete") for o in request.operations]
        self._sidecar.transact(request.storeName, changes)
        return Empty()

    @_answers
    async def GetMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        known = self._sidecar.metadata()
        return api_v1.GetMetadataResponse(
            id=known["id"],
            runtime_version=known["runtimeVersion"],
            extended_metadata=known["extended"],
            registered_components=[api_v1.RegisteredComponents(**c) for c in known["components"]],
            subscriptions=[
                api_v1.PubsubSubscription(
                    pubsub_name=s["pubsubname"],
                    topic=s["topic"],
                    dead_letter_topic=s["deadLetterTopic"],
                    rules=api_v1.PubsubSubscriptionRules(
                        rules=[api_v1.PubsubSubscriptionRule(path=rule["path"]) for rule in s["rules"]]
                    ),
                )
                for s in known["subscriptions"]
            ],
        )

    def _save(self, store: str, changes: Iterable[Change]) -> None:
        wanted = list(changes)
        if not all(change.key for change in wanted):
            raise errors.key_empty("ERR_STATE_SAVE")
        what = f"failed saving state in state store {store}"
        self._sidecar.change(store, wanted, failure="ERR_STATE_SAVE", what=what)


def _change(item: Any, *, delete: bool = False) -> Change:
    return Change(
        key=item.key,
        value=None if delete else item.value,
        etag=item.etag.value,
        first=item.options.concurrency == FIRST_WRITE,
        ttl=0 if delete else int(dict(item.metadata).get("ttlInSeconds", 0)),
    )


async def serve(sidecar: Sidecar, port: int) -> grpc.aio.Server:
    """Start on loopback. Raises RuntimeError when the port is taken."""
    # Without this, two servers may share a port, and each gets some of the calls.
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    register: Any = api_service_v1.add_DaprServicer_to_server
    register(Service(sidecar), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server
