"""A forgetting and a write, ended at any statement; also a program that ends them by `kill -9`."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from lra.store import Entry, NewMemory, StructuredMemoryStore
from lra.store.erasure import Erasure, Target

WORDS = "User's nickname is zanzibar42quartz"
TOKEN = b"zanzibar42quartz"
ANSWER = "So be it, zanzibar42quartz."
NAME = "memory.db"
CHANGES = re.compile(r"\s*(?:BEGIN|COMMIT|INSERT|UPDATE|DELETE|REPLACE|VACUUM|PRAGMA wal_checkpoint)", re.IGNORECASE)
"""Statements that change files; what ends the process between two of them ends it before the later one."""


def store_in(folder: Path) -> StructuredMemoryStore:
    return StructuredMemoryStore(f"sqlite+aiosqlite:///{folder / NAME}")


async def seed(folder: Path) -> None:
    """A record with a memory, where it came from, what was made of it, a backup and a prompt history."""
    store = store_in(folder)
    await store.ensure_session("source")
    turn = await store.journal.begin_turn("source", Entry(role="user", content=WORDS), model="m", title=WORDS)
    await store.journal.append("source", turn.id, [Entry(role="assistant", content=ANSWER)])
    await store.journal.finish_turn(turn.id, outcome="failed", error=f"The model refused: {WORDS}")
    await store.audit.append("tool", {"said": WORDS}, session_id="source")
    await store.tasks.create(f"Print: {WORDS}")
    new = NewMemory(id="target", content=WORDS, key="user.nick", session_id="source", turn_id=turn.id, tags=("nick",))
    await store.memories.add(new)
    await store.memories.add(NewMemory(id="other", content="The sky is blue", key="sky.colour"))
    await store.vectors.put("f", {"hash": b"\0" * 8})
    await store.database.backup(folder / f"{NAME}.backup-0002-1")
    await store.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    await store.close()
    (folder / "history").write_text(f"\n# 2026-01-01 00:00:00\n+call me: {WORDS}\n")


def erasure(folder: Path) -> Erasure:
    target = Target(kind="memory", id="target", content=WORDS, session_id="source", turn_id=1)
    return Erasure(targets=(target,), files=(str(folder / "history"),))


async def forget(store: StructuredMemoryStore) -> Any:
    return await store.forgetting.erase(erasure(store.database.path.parent))


async def write(store: StructuredMemoryStore) -> Any:
    return await store.memories.write(NewMemory(id="new", content="The sky is grey", key="sky.colour"))


OPERATIONS: dict[str, Callable[[StructuredMemoryStore], Awaitable[Any]]] = {"forget": forget, "write": write}


def files_with_token(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.is_file() and TOKEN in file.read_bytes())


async def forgotten(folder: Path) -> str:
    """Open the record as the next start does, and say what is wrong: it is finished, or nothing has begun."""
    store = store_in(folder)
    await store.init_db()
    rows = await store.database.rows("SELECT count(*) FROM erasures")
    found = await store.memories.by_ids(["target", "other"])
    unsound = await store.database.check()
    await store.close()
    left = files_with_token(folder)
    if sorted(found) == ["other", "target"] and not rows[0][0] and len(left) == 3 and not unsound:
        return ""
    if left or rows[0][0] or list(found) != ["other"] or unsound:
        return f"left {left}, noted {rows[0][0]}, there {list(found)}, {unsound}"
    return ""


async def written(folder: Path) -> str:
    """Say what is wrong with the record after a write that was ended: it is there as a whole or not at all."""
    store = store_in(folder)
    memories = await store.memories.find(superseded=True)
    live = [memory.id for memory in memories if memory.superseded_by is None and memory.id != "target"]
    query = "SELECT d.id FROM memories_fts f JOIN memories d ON d.seq = f.rowid WHERE memories_fts MATCH 'grey'"
    found = [row[0] for row in await store.database.rows(query)]
    lines = [line.action for line in await store.memories.history("new")]
    queued = await store.database.rows("SELECT op FROM index_queue WHERE ref = 'other'")
    await store.close()
    done = (live, found, lines, queued[0][0]) == (["new"], ["new"], ["created"], "delete")
    return (
        "" if done or (live, found, lines, queued[0][0]) == (["other"], [], [], "upsert") else f"{live} {found} {lines}"
    )


CHECKS: dict[str, Callable[[Path], Coroutine[Any, Any, str]]] = {"forget": forgotten, "write": written}


@contextmanager
def at_statement(number: int, act: Callable[[Any], None]) -> Iterator[list[int]]:
    """Do something at one of the statements that run from now on; gives how many there were."""
    seen = [0]

    def connected(connection: Any, _record: Any) -> None:
        def trace(statement: str) -> None:
            if not CHANGES.match(statement):
                return
            seen[0] += 1
            if seen[0] == number:
                act(connection)

        connection.set_trace_callback(trace)

    event.listen(Engine, "connect", connected)
    try:
        yield seen
    finally:
        event.remove(Engine, "connect", connected)


def _in_a_process(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def kill_at_every(name: str, folder: Path, first: int, step: int) -> None:
    """Kill the operation at each `step`-th statement; print what is wrong afterwards, and how often it was killed."""
    asyncio.run(seed(folder / "seed"))

    async def operation(at: Path) -> None:
        store = store_in(at)
        await store.init_db()
        await OPERATIONS[name](store)

    number, kills = first, 0
    while True:
        at = folder / f"{number}"
        shutil.copytree(folder / "seed", at)

        def killed(at: Path = at, number: int = number) -> None:
            with at_statement(number, lambda _: os.kill(os.getpid(), signal.SIGKILL)):
                asyncio.run(operation(at))

        status = _in_a_process(killed)

        def check(at: Path = at, number: int = number) -> None:
            if wrong := asyncio.run(CHECKS[name](at)):
                print(f"killed at statement {number}: {wrong}", flush=True)

        _in_a_process(check)
        shutil.rmtree(at)
        if not os.WIFSIGNALED(status):
            break
        number, kills = number + step, kills + 1
    print(f"kills {kills}", flush=True)


if __name__ == "__main__":
    kill_at_every(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
