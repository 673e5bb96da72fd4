"""Publishing, where the broker gives no answer."""

import asyncio
from pathlib import Path

import httpx
import pytest

from bootstrap.local.sidecar.api import Sidecar
from bootstrap.local.sidecar.broker import Connection
from bootstrap.local.sidecar.delivery import Delivery
from bootstrap.local.sidecar.errors import ApiError
from bootstrap.local.sidecar.resources import Component, Limits, Resources

PUBSUB = Component("pubsub", "pubsub.kafka", "v1", {"brokers": "127.0.0.1:1"})


class Silent(Connection):
    """To a broker that acknowledges nothing."""

    async def publish(self, *_: object) -> None:
        await asyncio.Event().wait()


def test_a_broker_that_does_not_acknowledge_in_time_has_not_taken_it(tmp_path: Path) -> None:
    resources = Resources("shop", (PUBSUB,), publishing=Limits(timeout=0.01))

    async def publish() -> None:
        async with httpx.AsyncClient() as client, asyncio.timeout(10):
            delivery = Delivery(resources, 1, client)
            sidecar = Sidecar(resources, 1, tmp_path / "registry", Silent(PUBSUB.metadata), delivery, client)
            await sidecar.publish("pubsub", "orders", b"{}", "application/json", {}, "")

    with pytest.raises(ApiError) as refused:
        asyncio.run(publish())
    assert (refused.value.code, refused.value.http) == ("ERR_PUBSUB_PUBLISH_MESSAGE", 500)
