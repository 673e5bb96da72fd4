import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskapp.errors import PoisonEvent
from taskapp.events import CloudEvent, ReminderDue, TaskEvent, parse_event, reminder_id
from taskapp.testing import make_task

AT = datetime(2030, 1, 31, 9, tzinfo=UTC)
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

moments = st.datetimes(datetime(2, 1, 2), datetime(9998, 12, 30), timezones=st.timezones())
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(
    title=texts.map(str.strip).filter(lambda t: 0 < len(t) <= 200),
    description=texts,
    due_at=st.none() | moments,
    changes=st.lists(texts),
)
def test_a_task_event_survives_the_wire(
    title: str, description: str, due_at: datetime | None, changes: list[str]
) -> None:
    task = make_task(title=title, description=description, due_at=due_at)
    event = CloudEvent.of_task("updated", task, changes, traceparent=TRACE)
    assert parse_event(event.to_json().encode(), TaskEvent) == event


def test_the_envelope_is_what_the_contract_says() -> None:
    event = CloudEvent.of_task("created", make_task(version=1), ["title"], traceparent=TRACE)
    wire = json.loads(event.to_json())
    data = wire.pop("data")
    assert wire == {
        "specversion": "1.0",
        "id": event.id,
        "source": "backend-api",
        "type": "taskapp.task.created.v1",
        "time": "2030-01-01T09:00:00Z",
        "subject": event.data.task.id,
        "datacontenttype": "application/json",
        "dataschema": "taskapp:task-event:1",
        "traceparent": TRACE,
        "traceid": TRACE,
    }
    assert (data["schema_version"], data["sequence"], data["changes"]) == (1, 1, ["title"])
    assert data["task"]["title"] == "Water the plants"
    assert event.kind == "created"
    assert event.with_new_id().data == event.data
    assert event.with_new_id().id != event.id


def test_the_same_reminder_has_the_same_id_in_every_time_zone() -> None:
    task = make_task()
    event = CloudEvent.of_reminder(task, AT, now=AT)
    assert event.id == event.data.reminder_id == reminder_id(task.id, AT.astimezone(timezone(timedelta(hours=5))))
    assert event.id != reminder_id(task.id, AT + timedelta(seconds=1))
    assert parse_event(event.to_json().encode(), ReminderDue) == event
    assert event.type == "taskapp.reminder.due.v1"


def test_fields_and_kinds_of_newer_publishers_are_ignored() -> None:
    wire = json.loads(CloudEvent.of_task("created", make_task()).to_json())
    wire |= {"type": "taskapp.task.archived.v1", "shiny": True, "topic": "task-events", "pubsubname": "pubsub"}
    wire["data"]["task"]["colour"] = "green"
    assert parse_event(json.dumps(wire).encode(), TaskEvent).kind == "archived"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ((), [], "not a JSON object"),
        (("type",), "taskapp.reminder.due.v1", "the type is 'taskapp.reminder.due.v1'"),
        (("type",), 7, "the type is 7"),
        (("type",), "taskapp.task.created.v2", "the data schema"),
        (("dataschema",), "taskapp:task-event:2", "the data schema is 'taskapp:task-event:2'"),
        (("data",), "x", "data: "),
        (("data", "schema_version"), 2, "the schema version is 2"),
        (("data", "schema_version"), "one", "data.schema_version"),
        (("data", "sequence"), 0, "data.sequence"),
        (("data", "task", "title"), " ", "data.task.title"),
        (("data", "task", "due_at"), "2030-01-01T00:00:00", "data.task.due_at"),
        (("data", "task", "status"), "doing", "data.task.status"),
        (("id",), "", "id: "),
        (("subject",), "not-a-task", "subject: "),
        (("specversion",), "0.3", "specversion: "),
        (("time",), 1_900_000_000, "time: "),
    ],
)
def test_poison_says_what_is_wrong(path: tuple[str, ...], value: object, reason: str) -> None:
    wire = json.loads(CloudEvent.of_task("created", make_task()).to_json())
    if path:
        inner = wire
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
    else:
        wire = value
    with pytest.raises(PoisonEvent) as poison:
        parse_event(json.dumps(wire).encode(), TaskEvent)
    assert reason in poison.value.reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary() | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_body_is_an_event_or_poison(body: bytes) -> None:
    with pytest.raises(PoisonEvent):
        parse_event(body, TaskEvent)


@given(data=st.data(), value=json_values)
def test_any_damage_to_an_event_is_survived(data: st.DataObject, value: object) -> None:
    wire = json.loads(CloudEvent.of_task("created", make_task()).to_json())
    part = data.draw(st.sampled_from([wire, wire["data"], wire["data"]["task"]]))
    part[data.draw(st.sampled_from(sorted(part)))] = value
    with suppress(PoisonEvent):
        parse_event(json.dumps(wire).encode(), TaskEvent)
