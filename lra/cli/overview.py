"""`lra list-memory`: everything that is kept, at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lra.cli import output
from lra.cli.options import HELP, Json, SessionOption, at_most
from lra.cli.work import with_store
from lra.text import one_line

if TYPE_CHECKING:
    from lra.store import StructuredMemoryStore

app = typer.Typer(add_completion=False, context_settings=HELP)


@app.command("list-memory")
def list_memory(
    session: SessionOption = None,
    limit: Annotated[int, at_most("The latest so many of each.")] = 10,
    as_json: Json = False,
) -> None:
    """Show the latest turns, tasks, summaries and memories, of one session or of all."""

    async def work(store: StructuredMemoryStore) -> dict[str, Any]:
        return await _collect(store, session or None, limit)

    found = with_store(work)
    if as_json:
        output.write_json(found)
        return
    for name in ("turns", "tasks", "summaries", "memories"):
        items = found[name]
        output.write(f"{name.capitalize()}: {len(items)}{' (latest)' if len(items) == limit else ''}")
        for item in items:
            label = item.get("role") or item.get("status") or item["id"]
            head = f"  {label}: "
            said = item.get("content") or item.get("title") or ""
            output.write(head + one_line(said, min(100, output.room() - len(head))))


async def _collect(store: StructuredMemoryStore, session: str | None, limit: int) -> dict[str, Any]:
    from lra.store.clock import iso

    session_id = (await store.sessions.resolve(session)).id if session else None
    turns = [
        {"role": row.role, "content": row.content, "created_at": iso(row.created_at), "session": row.session_id}
        for row in await store.journal.recent(limit, session_id=session_id)
    ]
    tasks = (await store.tasks.find(session_id=session_id))[-limit:]
    summaries = await store.memories.find(session_id=session_id, kind="summary", limit=limit)
    memories = [record for record in await store.memories.find(session_id=session_id) if record.kind != "summary"]
    return {
        "session": session_id,
        "turns": turns,
        "tasks": [task.to_dict() for task in tasks],
        "summaries": [record.to_dict() for record in summaries],
        "memories": [record.to_dict() for record in memories[:limit]],
    }
