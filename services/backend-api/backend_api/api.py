"""The REST API of tasks."""

import logging
import re
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Path, Query, Response

from backend_api.schemas import IdempotencyKey, NewTask, Page, TaskPatch
from backend_api.store import TaskStore
from taskapp.dapr import Invoker
from taskapp.errors import TransientError
from taskapp.events import Status, Task, TaskId
from taskapp.problems import ProblemError

log = logging.getLogger(__name__)

AUDIT = "audit-service"

Id = Annotated[TaskId, Path()]
IfMatch = Annotated[str | None, Header()]
Cursor = Annotated[str, Query(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z_[0-9a-f-]{36}$")]


def task_routes(store: TaskStore, invoker: Invoker) -> APIRouter:
    """The routes under /tasks."""
    router = APIRouter(prefix="/tasks", tags=["tasks"])

    @router.post("", status_code=201)
    def create(
        new: NewTask, response: Response, idempotency_key: Annotated[IdempotencyKey | None, Header()] = None
    ) -> Task:
        """Create a task. The same Idempotency-Key again answers 200 with the task of the first time."""
        task, is_new = store.create(new, idempotency_key)
        response.status_code = 201 if is_new else 200
        response.headers["Location"] = f"/tasks/{task.id}"
        return _tagged(task, response)

    @router.get("")
    def newest(
        status: Status | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: Cursor | None = None,
    ) -> Page:
        """Tasks, newest first. `after` comes from the `next` link of the page before."""
        items, more = store.newest(status, limit, _place(after) if after else None)
        link = None
        if more:
            query = {"limit": limit, "after": _cursor(items[-1])} | ({"status": status} if status else {})
            link = f"/tasks?{urlencode(query)}"
        return Page(items=items, next=link)

    @router.get("/{task_id}")
    def read(task_id: Id, response: Response) -> Task:
        """One task; its version is the ETag."""
        return _tagged(store.get(task_id), response)

    @router.patch("/{task_id}")
    def change(task_id: Id, patch: TaskPatch, response: Response, if_match: IfMatch = None) -> Task:
        """Change fields. With If-Match: only while the task is at that version, else 412."""
        return _tagged(store.update(task_id, patch.changes(), _versions(if_match)), response)

    @router.post("/{task_id}/complete")
    def complete(task_id: Id, response: Response) -> Task:
        """Complete the task; doing it again changes nothing."""
        return _tagged(store.complete(task_id), response)

    @router.post("/{task_id}/reopen")
    def reopen(task_id: Id, response: Response) -> Task:
        """Open a completed task again; doing it again changes nothing."""
        return _tagged(store.reopen(task_id), response)

    @router.delete("/{task_id}", status_code=204)
    def remove(task_id: Id, if_match: IfMatch = None) -> None:
        """Delete the task. Its history stays, its reminder does not go out."""
        store.delete(task_id, _versions(if_match))

    @router.get("/{task_id}/history")
    async def history(task_id: Id) -> Response:
        """What happened to a task, deleted ones included, as the audit service tells it."""
        try:
            answer = await invoker.invoke(AUDIT, "GET", f"/history/{task_id}")
        except TransientError as error:
            log.warning("no history: %s", error, extra={"task_id": task_id})
            detail = "The audit service is away at the moment. Try again soon."
            raise ProblemError(503, detail, headers={"Retry-After": "1"}) from error
        if answer.status == 404:
            raise ProblemError(404, f"There is no history of a task {task_id}.")
        if answer.status != 200:
            raise ProblemError(502, f"The audit service answered with status {answer.status}.")
        return Response(answer.body, media_type="application/json")

    return router


def _tagged(task: Task, response: Response) -> Task:
    response.headers["ETag"] = f'"{task.version}"'
    return task


def _versions(if_match: str | None) -> frozenset[int] | None:
    """The versions in an If-Match header; None when any will do. What is no version of ours matches nothing."""
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(int(digits) for digits in re.findall(r'(?<!W/)"(\d{1,9})"', if_match))


def _cursor(task: Task) -> str:
    return f"{task.created_at.isoformat().replace('+00:00', 'Z')}_{task.id}"


def _place(cursor: str) -> tuple[datetime, str]:
    at, _, task_id = cursor.partition("_")
    try:
        return datetime.fromisoformat(at), task_id
    except ValueError as error:
        raise ProblemError(422, "The query parameter after is not from a next link.") from error
