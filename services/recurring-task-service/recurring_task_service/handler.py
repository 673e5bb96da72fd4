"""What a completed task sets going."""

import logging
from collections.abc import Callable
from datetime import datetime

from recurring_task_service.occurrence import next_occurrence
from taskapp.dapr import Invoker
from taskapp.errors import PoisonEvent, TransientError
from taskapp.events import CloudEvent, TaskEvent

logger = logging.getLogger(__name__)

BACKEND = "backend-api"
TRY_LATER = frozenset({408, 425, 429})  # request timeout, too early, too many requests


class Recurrences:
    """Asks the backend for the next occurrence of each completed recurring task.

    Holds no state: the idempotency key names the completed task, so that the backend makes one successor
    however often the event comes, and also when the task is reopened and completed again.
    """

    def __init__(self, backend: Invoker, now: Callable[[], datetime]) -> None:
        self._backend = backend
        self._now = now

    async def handle(self, event: CloudEvent[TaskEvent]) -> None:
        """Create the next occurrence if the event is a completion that calls for one.

        Raises TransientError when the backend is away or busy, PoisonEvent when it refuses the occurrence.
        """
        task = event.data.task
        if event.kind != "completed" or task.recurrence is None:
            return
        occurrence = next_occurrence(task, self._now())
        if occurrence is None:
            logger.warning("no next occurrence: it would leave the calendar", extra={"task_id": task.id})
            return
        answer = await self._backend.invoke(
            BACKEND,
            "POST",
            "/tasks",
            json=occurrence.model_dump(mode="json"),
            headers={"Idempotency-Key": f"next-of-{task.id}"},
        )
        if answer.status in TRY_LATER:
            raise TransientError(f"{BACKEND} answered {answer.status} to POST /tasks")
        if answer.status >= 300:
            raise PoisonEvent(f"{BACKEND} refused the next occurrence of {task.id} with {answer.status}")
        logger.info("next occurrence created" if answer.status == 201 else "next occurrence is already there")
