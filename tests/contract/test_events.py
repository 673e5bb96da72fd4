"""Publish and subscribe: what arrives, what is tried again, what ends on the dead-letter topic."""

import base64
import json
import uuid
from typing import Any

import pytest
from dapr.clients.exceptions import DaprGrpcError

from tests.contract.app import HANG
from tests.contract.world import ATTEMPTS, World
from tests.waits import until


def status_of(error: Any) -> str:
    """The name of the gRPC status; the SDK's errors have no types."""
    return str(error.code().name)


def test_an_event_arrives_as_it_was_published(world: World) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = world.publish(
        data={"n": 2**60, "text": "ü"},
        subject="s",
        time="2026-01-02T03:04:05Z",
        traceid=parent,
        traceparent=parent,
        dataschema="test:1",
    )
    until(lambda: bool(world.app.got(event)), "delivered")
    (got,) = world.app.got(event)
    assert got.topic == "events"
    assert got.content_type == "application/cloudevents+json"
    expected = {
        "id": event,
        "specversion": "1.0",
        "source": "test",
        "type": "test.v1",
        "subject": "s",
        "time": "2026-01-02T03:04:05Z",
        "traceparent": parent,
        "dataschema": "test:1",
        "datacontenttype": "application/json",
        "data": {"n": 2**60, "text": "ü"},
        "topic": "events",
        "pubsubname": "pubsub",
    }
    assert {name: got.event.get(name) for name in expected} == expected


def test_a_cloud_event_without_traceid_gets_the_traceparent_of_the_call(world: World) -> None:
    event = world.publish(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    until(lambda: bool(world.app.got(event)), "delivered")
    got = world.app.got(event)[0].event
    assert got["traceparent"] == got["traceid"]
    assert got["traceparent"] != "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("content_type", "data", "expected"),
    [
        ("application/json", b'{"a": [1, null]}', {"data": {"a": [1, None]}}),
        ("application/json", b"not json", {"data": "not json"}),
        ("text/plain", b"words", {"data": "words"}),
        ("application/octet-stream", b"\xff\x00", {"data_base64": base64.b64encode(b"\xff\x00").decode()}),
    ],
)
def test_other_data_is_wrapped_in_an_event(
    world: World, content_type: str, data: bytes, expected: dict[str, Any]
) -> None:
    mark = str(uuid.uuid4())
    world.first.sdk(
        lambda client: client.publish_event(
            "pubsub",
            "events",
            data,
            publish_metadata={"cloudevent.subject": mark},
            data_content_type=content_type,
        )
    )
    until(lambda: any(d.event.get("subject") == mark for d in world.app.deliveries), "delivered")
    (event,) = [d.event for d in world.app.deliveries if d.event.get("subject") == mark]
    assert event["source"] == "first"
    assert event["type"] == "com.dapr.event.sent"
    assert event["datacontenttype"] == content_type
    assert {name: event[name] for name in expected} == expected


def test_publishing_over_http(world: World) -> None:
    event = str(uuid.uuid4())
    body = json.dumps({"id": event, "data": 1}).encode()
    headers = {"content-type": "application/cloudevents+json"}
    assert world.first.call("POST", "/v1.0/publish/pubsub/events", body, headers).status == 204
    until(lambda: bool(world.app.got(event)), "delivered")
    got = world.app.got(event)[0].event
    assert (got["specversion"], got["type"]) == ("1.0", "com.dapr.event.sent")


def test_one_key_is_one_partition_in_order(world: World) -> None:
    ids = [world.publish(key=key) for key in ("a", "b", "a", "c", "a")]
    until(lambda: all(world.app.got(e) for e in ids), "all delivered")
    places = {json.loads(value)["id"]: (partition, key) for partition, key, value in world.records("events")}
    of_a = [places[ids[n]] for n in (0, 2, 4)]
    assert len(set(of_a)) == 1
    assert of_a[0][1] == b"a"
    firsts = [world.app.got(ids[n])[0].at for n in (0, 2, 4)]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("answer", [200, 204, b"{}", b"no json", b'{"status": ""}'])
def test_any_other_2xx_is_a_success(world: World, answer: Any) -> None:
    event = world.publish(script=(answer,))
    after = world.publish()
    until(lambda: bool(world.app.got(after)), "the next of this partition is delivered")
    assert len(world.app.got(event)) == 1
    assert event not in world.dead()


@pytest.mark.parametrize("answer", ["RETRY", 500, 400, "unheard-of", HANG])
def test_what_fails_at_first_is_tried_again(world: World, answer: Any) -> None:
    event = world.publish(script=(answer, "SUCCESS"))
    until(lambda: len(world.app.got(event)) == 2, "tried again")
    after = world.publish()
    until(lambda: bool(world.app.got(after)), "the next of this partition is delivered")
    assert len(world.app.got(event)) == 2
    assert event not in world.dead()


@pytest.mark.parametrize("answer", ["RETRY", 503, HANG])
def test_what_fails_every_time_becomes_a_dead_letter(world: World, answer: Any) -> None:
    event = world.publish(script=(answer,))
    until(lambda: event in world.dead(), "on the dead-letter topic")
    assert len(world.app.got(event)) == ATTEMPTS
    copies = [(key, value) for _, key, value in world.records("events") if json.loads(value)["id"] == event]
    assert copies[0] in [(key, value) for _, key, value in world.records("events-dead")]


@pytest.mark.parametrize("answer", ["DROP", 404])
def test_what_is_dropped_becomes_a_dead_letter_at_once(world: World, answer: Any) -> None:
    event = world.publish(script=(answer,))
    until(lambda: event in world.dead(), "on the dead-letter topic")
    assert len(world.app.got(event)) == 1


def test_what_is_no_event_becomes_a_dead_letter_unseen(world: World) -> None:
    text = f"no event {uuid.uuid4()}"
    world.first.sdk(
        lambda client: client.publish_event("pubsub", "events", text, publish_metadata={"rawPayload": "true"})
    )
    until(lambda: text in world.dead(), "on the dead-letter topic")


def test_dropping_without_a_dead_letter_topic_forgets_the_event(world: World) -> None:
    event = world.publish("plain", script=("DROP",))
    after = world.publish("plain")
    until(lambda: bool(world.app.got(after)), "the next one is delivered")
    assert len(world.app.got(event)) == 1


def test_failing_without_a_dead_letter_topic_is_tried_for_ever(world: World) -> None:
    event = world.publish("plain", script=(*["RETRY"] * (ATTEMPTS + 1), "SUCCESS"))
    after = world.publish("plain")
    until(lambda: bool(world.app.got(after)), "the next one is delivered")
    assert len(world.app.got(event)) == ATTEMPTS + 2


def test_a_failing_event_holds_up_its_own_partition_only(world: World) -> None:
    for key in ("k", *"abcdefgh"):
        world.publish(key=key)
    places = {key: partition for partition, key, _ in world.records("events") if key}
    other = next(key.decode() for key, partition in places.items() if partition != places[b"k"])
    stuck = world.publish(key="k", script=(HANG,))
    until(lambda: bool(world.app.got(stuck)), "stuck")
    free = world.publish(key=other)
    until(lambda: bool(world.app.got(free)), "delivered meanwhile")
    assert stuck not in world.dead()
    until(lambda: stuck in world.dead(), "on the dead-letter topic")


@pytest.mark.parametrize(
    ("pubsub", "topic", "status", "code", "name"),
    [
        ("pubsub", "foreign", 403, "PERMISSION_DENIED", "ERR_PUBSUB_FORBIDDEN"),
        ("pubsub", "unheard-of", 403, "PERMISSION_DENIED", "ERR_PUBSUB_FORBIDDEN"),
        ("other", "events", 404, "INVALID_ARGUMENT", "ERR_PUBSUB_NOT_FOUND"),
    ],
)
def test_what_may_not_be_published(world: World, pubsub: str, topic: str, status: int, code: str, name: str) -> None:
    with pytest.raises(DaprGrpcError) as caught:
        world.first.sdk(lambda client: client.publish_event(pubsub, topic, b"{}"))
    assert status_of(caught.value) == code
    reply = world.first.call("POST", f"/v1.0/publish/{pubsub}/{topic}", b"{}")
    assert (reply.status, reply.json()["errorCode"]) == (status, name)


def test_a_malformed_cloud_event_is_refused(world: World) -> None:
    with pytest.raises(DaprGrpcError) as caught:
        world.first.sdk(
            lambda client: client.publish_event(
                "pubsub", "events", b"{", data_content_type="application/cloudevents+json"
            )
        )
    assert status_of(caught.value) == "INVALID_ARGUMENT"
