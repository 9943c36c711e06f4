"""`lra memory`: backups of everything, and going back to one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import notices, output
from lra.cli.options import Json, Yes, confirm
from lra.cli.work import run, settings

if TYPE_CHECKING:
    from lra.config import Settings


def backup(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="File or folder to write to; beside the database by default.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Copy conversations, memories and tasks to one private file, also while they are in use."""
    from lra.store import backups as store

    path = _database(settings())
    target = Path(file) if file is not None else None
    if target is not None and target.is_dir():
        target = target / store.name_for(path, store.BY_HAND).name
    if target is not None and target.exists():
        confirm(f"{target} exists. Replace it?", yes)
    made, held = run(asyncio.to_thread(store.make, path, target))
    if as_json:
        output.write_json({**made.to_dict(), **held})
        return
    output.write(str(made.path))
    notices.say(f"It was checked and holds {_listed(held)}.")


def backups(as_json: Json = False) -> None:
    """List the backups that are there, oldest first."""
    from lra.store import backups as store

    found = store.described(_database(settings()))
    if as_json:
        output.write_json([one.to_dict() for one in found])
        return
    rows = [(output.when(one.to_dict()["made_at"]), one.reason, _size(one.size), one.path) for one in found]
    output.write_table(("MADE", "WHY", "SIZE", "FILE"), rows, empty="There is no backup yet: `lra memory backup`.")


def restore(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A backup, as `lra memory backups` lists them.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Go back to a backup; what is there now is kept as a backup first."""
    from lra.store.restoring import inspect
    from lra.store.restoring import restore as exchange

    loaded = settings()
    path, source = _database(loaded), Path(file)
    held = run(asyncio.to_thread(inspect, source))
    notices.say(f"{source} holds {_listed(held)}.")
    confirm(f"Put it in the place of everything in {path}?", yes)
    done = run(asyncio.to_thread(exchange, path, source))
    run(_begin_anew(loaded, path))
    if as_json:
        output.write_json({**done.held, "kept": str(done.kept) if done.kept else None})
        return
    output.write(f"Restored {_listed(done.held)}")
    if done.kept:
        notices.say(f"What was there before is in {done.kept}")


async def _begin_anew(loaded: Settings, path: Path) -> None:
    """Bring the restored database to the current schema, and have the index built from it."""
    import shutil

    from lra.memory.index.exact import folder_of
    from lra.store import StructuredMemoryStore

    await asyncio.to_thread(shutil.rmtree, folder_of(path), ignore_errors=True)
    store = StructuredMemoryStore(loaded.database_url)
    try:
        await store.init_db()
        if await asyncio.to_thread(loaded.vector_store_path.exists):
            await store.queue.enqueue_all()
    finally:
        await store.close()


def _database(loaded: Settings) -> Path:
    from lra.store.database import Database

    return Database(loaded.database_url).path


def _listed(held: dict[str, int]) -> str:
    *first, last = (f"{count} {name if count != 1 else _ONE[name]}" for name, count in held.items())
    return f"{', '.join(first)} and {last}"


_ONE = {"sessions": "session", "messages": "message", "memories": "memory", "tasks": "task"}


def _size(count: int) -> str:
    return f"{count / 1_048_576:.1f} MB" if count >= 1_048_576 else f"{max(1, round(count / 1024))} kB"
