"""`lra tasks`: what is to be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import output
from lra.cli.ids import open_task_ids, task_ids
from lra.cli.options import HELP, FromSession, Json, SessionOption, Yes, as_text, at_most, confirm, required_text
from lra.cli.work import with_store
from lra.text import clean_text, one_line

if TYPE_CHECKING:
    from lra.store import StructuredMemoryStore, TaskRecord

app = typer.Typer(help="List, add and finish tasks.", no_args_is_help=True, add_completion=False, context_settings=HELP)

_NAMES = "The task's id, or its beginning."
TaskId = Annotated[str, typer.Argument(metavar="ID", help=_NAMES, autocompletion=task_ids, callback=as_text)]
OpenTaskId = Annotated[str, typer.Argument(metavar="ID", help=_NAMES, autocompletion=open_task_ids, callback=as_text)]


@app.command("list")
def list_tasks(
    status: Annotated[
        str | None,
        typer.Option(
            "--status",
            metavar="STATUS",
            help="pending, in_progress, done or cancelled; all by default.",
            callback=as_text,
        ),
    ] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Leave out what is done or cancelled.")] = False,
    session: SessionOption = None,
    limit: Annotated[int | None, at_most("Only the oldest so many.")] = None,
    as_json: Json = False,
) -> None:
    """List tasks, oldest first."""

    async def work(store: StructuredMemoryStore) -> list[TaskRecord]:
        session_id = (await store.sessions.resolve(session)).id if session else None
        found = await store.tasks.find(session_id=session_id, status=status)
        if open_only:
            found = [task for task in found if task.status in {"pending", "in_progress"}]
        return found[:limit]

    tasks = with_store(work)
    if as_json:
        output.write_json([task.to_dict() for task in tasks])
        return
    rows = [(task.id, task.status, task.title, output.when(task.to_dict()["created_at"])) for task in tasks]
    output.write_table(("ID", "STATUS", "TITLE", "CREATED"), rows, wide="TITLE", empty="There are no tasks.")


@app.command("add")
def add(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is to be done, in quotes.")],
    description: Annotated[str, typer.Option("--description", "-d", metavar="TEXT", help="More about it.")] = "",
    session: FromSession = None,
    as_json: Json = False,
) -> None:
    """Add a task and print its id."""
    checked = one_line(required_text(title, "The title"), 10_000)

    async def work(store: StructuredMemoryStore) -> TaskRecord:
        session_id = (await store.sessions.resolve(session)).id if session else None
        return await store.tasks.create(checked, description=clean_text(description), session_id=session_id)

    task = with_store(work)
    if as_json:
        output.write_json(task.to_dict())
    else:
        output.write(task.id)


@app.command("start")
def start(task_id: OpenTaskId, as_json: Json = False) -> None:
    """Mark a task as being worked on."""
    _change(task_id, "in_progress", as_json)


@app.command("done")
def done(task_id: OpenTaskId, as_json: Json = False) -> None:
    """Mark a task as done."""
    _change(task_id, "done", as_json)


@app.command("cancel")
def cancel(task_id: OpenTaskId, as_json: Json = False) -> None:
    """Mark a task as not to be done any more."""
    _change(task_id, "cancelled", as_json)


@app.command("reopen")
def reopen(task_id: TaskId, as_json: Json = False) -> None:
    """Mark a task that was begun, done or cancelled as still to be done."""
    _change(task_id, "pending", as_json)


@app.command("delete")
def delete(task_id: TaskId, yes: Yes = False) -> None:
    """Remove a task for good."""
    task = with_store(_get(task_id))
    confirm(f"Delete the task {one_line(task.title, 60)!r}?", yes)

    async def work(store: StructuredMemoryStore) -> TaskRecord:
        return await store.tasks.delete(task.id)

    with_store(work)
    output.write(f"{task.id} deleted: {one_line(task.title)}")


def _get(task_id: str) -> Callable[[StructuredMemoryStore], Awaitable[TaskRecord]]:
    async def work(store: StructuredMemoryStore) -> TaskRecord:
        return await store.tasks.get(task_id)

    return work


def _change(task_id: str, status: str, as_json: bool) -> None:
    async def work(store: StructuredMemoryStore) -> TaskRecord:
        return await store.tasks.update(task_id, status=status)

    task = with_store(work)
    if as_json:
        output.write_json(task.to_dict())
    else:
        output.write(f"{task.id} {task.status}: {one_line(task.title)}")
