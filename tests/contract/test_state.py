"""State: ETags, first write, transactions, many keys at once."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from dapr.clients.exceptions import DaprGrpcError, DaprInternalError
from dapr.clients.grpc._request import TransactionalStateOperation, TransactionOperationType
from dapr.clients.grpc._state import Concurrency, Consistency, StateItem, StateOptions

from tests.contract.world import World
from tests.waits import until

STORE = "statestore"
FIRST = StateOptions(concurrency=Concurrency.first_write, consistency=Consistency.strong)


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


def refused(world: World, work: Callable[[Any], Awaitable[Any]]) -> str:
    """The status code with which the sidecar refuses; the SDK wraps some of them once more."""
    with pytest.raises((DaprGrpcError, DaprInternalError)) as caught:
        world.first.sdk(work)
    error: Any = caught.value.__cause__ if isinstance(caught.value, DaprInternalError) else caught.value
    return str(error.code().name)


def test_what_is_saved_is_read(world: World, key: str) -> None:
    async def work(client: Any) -> Any:
        await client.save_state(STORE, key, b"\x00\xff")
        return await client.get_state(STORE, key)

    found = world.first.sdk(work)
    assert found.data == b"\x00\xff"
    assert found.etag


def test_a_missing_key_is_empty(world: World, key: str) -> None:
    found = world.first.sdk(lambda client: client.get_state(STORE, key))
    assert (found.data, found.etag) == (b"", "")
    assert world.first.call("GET", f"/v1.0/state/{STORE}/{key}").status == 204


def test_each_write_has_its_own_etag_and_the_last_one_wins(world: World, key: str) -> None:
    async def work(client: Any) -> list[Any]:
        found = []
        for value in ("1", "2"):
            await client.save_state(STORE, key, value)
            found.append(await client.get_state(STORE, key))
        return found

    one, two = world.first.sdk(work)
    assert two.data == b"2"
    assert one.etag != two.etag


@pytest.mark.parametrize("options", [None, FIRST])
def test_an_old_etag_changes_nothing(world: World, key: str, options: StateOptions | None) -> None:
    async def prepare(client: Any) -> Any:
        await client.save_state(STORE, key, "1")
        found = await client.get_state(STORE, key)
        await client.save_state(STORE, key, "2", etag=found.etag, options=options)
        return found.etag

    old = world.first.sdk(prepare)
    assert refused(world, lambda c: c.save_state(STORE, key, "3", etag=old, options=options)) == "ABORTED"
    assert refused(world, lambda c: c.delete_state(STORE, key, etag=old)) == "ABORTED"
    assert world.first.sdk(lambda c: c.get_state(STORE, key)).data == b"2"


def test_an_etag_of_a_missing_key_changes_nothing(world: World, key: str) -> None:
    assert refused(world, lambda c: c.save_state(STORE, key, "1", etag="x")) == "ABORTED"
    assert refused(world, lambda c: c.delete_state(STORE, key, etag="x")) == "ABORTED"


def test_of_many_that_create_a_key_one_is_first(world: World, key: str) -> None:
    async def race(client: Any) -> list[Any]:
        writes = (client.save_state(STORE, key, str(n), options=FIRST) for n in range(20))
        return await asyncio.gather(*writes, return_exceptions=True)

    results = world.first.sdk(race)
    won = [n for n, result in enumerate(results) if not isinstance(result, Exception)]
    assert len(won) == 1
    assert world.first.sdk(lambda c: c.get_state(STORE, key)).data == str(won[0]).encode()
    assert refused(world, lambda c: c.save_state(STORE, key, "late", options=FIRST)) == "ABORTED"


def test_deleting(world: World, key: str) -> None:
    async def work(client: Any) -> Any:
        await client.delete_state(STORE, key)
        await client.save_state(STORE, key, "1")
        found = await client.get_state(STORE, key)
        await client.delete_state(STORE, key, etag=found.etag)
        await client.save_state(STORE, key, "again", options=FIRST)
        return await client.get_state(STORE, key)

    assert world.first.sdk(work).data == b"again"


def test_many_keys_at_once(world: World, key: str) -> None:
    async def work(client: Any) -> Any:
        await client.save_bulk_state(STORE, [StateItem(key=f"{key}-{n}", value=str(n)) for n in range(3)])
        return await client.get_bulk_state(STORE, [f"{key}-{n}" for n in (2, 0, 9)])

    found = {item.key: (item.data, bool(item.etag)) for item in world.first.sdk(work).items}
    assert found == {f"{key}-2": (b"2", True), f"{key}-0": (b"0", True), f"{key}-9": (b"", False)}


def test_of_many_writes_the_others_are_made(world: World, key: str) -> None:
    items = [StateItem(key=key, value="1", etag="x"), StateItem(key=f"{key}-b", value="2")]
    assert refused(world, lambda c: c.save_bulk_state(STORE, items)) == "ABORTED"
    assert world.first.sdk(lambda c: c.get_state(STORE, f"{key}-b")).data == b"2"


def test_a_transaction_is_all_or_nothing(world: World, key: str) -> None:
    def put(name: str, value: str, etag: str | None = None) -> TransactionalStateOperation:
        return TransactionalStateOperation(key=name, data=value, etag=etag)

    gone = TransactionalStateOperation(operation_type=TransactionOperationType.delete, key=key)
    good = [put(key, "1"), put(f"{key}-b", "2"), gone]
    world.first.sdk(lambda c: c.execute_state_transaction(STORE, good))
    bad = [put(key, "3"), put(f"{key}-b", "4", etag="x")]
    assert refused(world, lambda c: c.execute_state_transaction(STORE, bad)) == "INTERNAL"
    found = world.first.sdk(lambda c: c.get_bulk_state(STORE, [key, f"{key}-b"]))
    assert {item.key: item.data for item in found.items} == {key: b"", f"{key}-b": b"2"}


def test_state_that_expires(world: World, key: str) -> None:
    save = {"state_metadata": {"ttlInSeconds": "1"}}
    world.first.sdk(lambda c: c.save_state(STORE, key, "1", **save))
    until(lambda: not world.first.sdk(lambda c: c.get_state(STORE, key)).data, "expired")
    world.first.sdk(lambda c: c.save_state(STORE, key, "2", options=FIRST))


def test_state_over_http(world: World, key: str) -> None:
    path = f"/v1.0/state/{STORE}"
    item = {"key": key, "value": {"a": [1, "ü"]}, "options": {"concurrency": "first-write"}}
    assert world.first.call("POST", path, json.dumps([item]).encode()).status == 204
    found = world.first.call("GET", f"{path}/{key}")
    assert (found.status, found.json()) == (200, {"a": [1, "ü"]})
    again = world.first.call("POST", path, json.dumps([item]).encode())
    assert (again.status, again.json()["errorCode"]) == (409, "ERR_STATE_SAVE")
    bulk = world.first.call("POST", f"{path}/bulk", json.dumps({"keys": [key, "none"]}).encode())
    assert {entry["key"]: entry.get("data") for entry in bulk.json()} == {key: {"a": [1, "ü"]}, "none": None}
    operations = [{"operation": "upsert", "request": {"key": key, "value": 2}}]
    body = json.dumps({"operations": operations}).encode()
    assert world.first.call("POST", f"{path}/transaction", body).status == 204
    stale = world.first.call("DELETE", f"{path}/{key}", headers={"if-match": "x"})
    assert (stale.status, stale.json()["errorCode"]) == (409, "ERR_STATE_DELETE")
    assert world.first.call("DELETE", f"{path}/{key}").status == 204
    assert world.first.call("GET", f"{path}/{key}").status == 204
    broken = world.first.call("POST", path, b"{")
    assert (broken.status, broken.json()["errorCode"]) == (400, "ERR_MALFORMED_REQUEST")


def test_what_is_not_there(world: World, key: str) -> None:
    assert refused(world, lambda c: c.get_state("other", key)) == "INVALID_ARGUMENT"
    assert refused(world, lambda c: c.get_state(STORE, "a||b")) == "INVALID_ARGUMENT"
    other = world.first.call("GET", f"/v1.0/state/other/{key}")
    assert (other.status, other.json()["errorCode"]) == (400, "ERR_STATE_STORE_NOT_FOUND")
    none = world.second.call("GET", f"/v1.0/state/{STORE}/{key}")
    assert (none.status, none.json()["errorCode"]) == (500, "ERR_STATE_STORE_NOT_CONFIGURED")
