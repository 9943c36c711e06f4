"""Tools for tasks, which outlive the session they were made in."""

from __future__ import annotations

from typing import Any

from pydantic_ai import FunctionToolset, RunContext

from lra.events import TaskChanged
from lra.store import TaskRecord
from lra.text import clean_text
from lra.tools.deps import AgentDeps


def _short(task: TaskRecord) -> dict[str, Any]:
    full = task.to_dict()
    return {name: full[name] for name in ("id", "title", "status", "description", "created_at")}


async def create_task(ctx: RunContext[AgentDeps], title: str, description: str = "") -> str:
    """Note something that is to be done.

    Args:
        title: What is to be done, in a few words.
        description: Details, if any.
    """
    await ctx.deps.ensure_session()
    task = await ctx.deps.structured_store.tasks.create(
        clean_text(title),
        description=clean_text(description),
        session_id=ctx.deps.session_id,
        turn_id=ctx.deps.turn_id,
    )
    ctx.deps.tell(TaskChanged(id=task.id, title=task.title, status=task.status))
    return f"Task created: {task.id}"


async def update_task_status(ctx: RunContext[AgentDeps], task_id: str, status: str) -> str:
    """Change the status of a task.

    Args:
        task_id: The task's id.
        status: pending, in_progress, done or cancelled.
    """
    task = await ctx.deps.structured_store.tasks.update(task_id, status=status, turn_id=ctx.deps.turn_id)
    ctx.deps.tell(TaskChanged(id=task.id, title=task.title, status=task.status))
    return f"Task {task.id} updated to {task.status}"


async def list_tasks(ctx: RunContext[AgentDeps], status: str | None = None) -> list[dict[str, Any]]:
    """List tasks of all sessions in the order they were made.

    Args:
        status: Only tasks with this status: pending, in_progress, done or cancelled.
    """
    tasks = await ctx.deps.structured_store.tasks.find(status=status or None, limit=200)
    return [_short(task) for task in tasks]


async def get_task_state(ctx: RunContext[AgentDeps], task_id: str) -> dict[str, Any] | None:
    """Read one task.

    Args:
        task_id: The task's id.
    """
    task = await ctx.deps.structured_store.get_task(task_id)
    return _short(task) if task else None


def task_toolset() -> FunctionToolset[AgentDeps]:
    """Return the task tools as a Pydantic AI toolset."""
    return FunctionToolset([create_task, update_task_status, list_tasks, get_task_state], id="tasks")
