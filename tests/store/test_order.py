"""Order comes from the record, not from clocks, and writers do not lose each other's rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from lra.store import Entry, StructuredMemoryStore
from tests.store.support import python, start

Make = Callable[..., StructuredMemoryStore]

WRITER = """
import asyncio, sys
from lra.store import StructuredMemoryStore

async def main(path, name, count):
    store = StructuredMemoryStore(f"sqlite+aiosqlite:///{path}")
    for number in range(int(count)):
        await store.append_conversation("shared", "user", f"{name} {number}")
        await store.upsert_task("shared", f"{name}{number}", f"task {number} of {name}")
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_rows_with_the_same_time_keep_their_order(open_store: Make) -> None:
    store = open_store()
    await store.ensure_session("s")
    for number in range(50):
        await store.journal.append("s", None, [Entry(role="user", content=str(number), created_at=1)])
    assert [row.content for row in await store.journal.rows("s")] == [str(number) for number in range(50)]
    assert [row.content for row in await store.journal.recent(3)] == ["47", "48", "49"]


async def test_a_clock_that_goes_backwards_changes_no_order(open_store: Make) -> None:
    store = open_store()
    await store.ensure_session("s")
    for moment in (300, 200, 100):
        await store.journal.append("s", None, [Entry(role="user", content=str(moment), created_at=moment)])
    assert [row.content for row in await store.journal.rows("s")] == ["300", "200", "100"]


async def test_writers_in_one_process_wait_for_each_other(open_store: Make) -> None:
    first, second = open_store(), open_store()
    await first.init_db()

    async def write(store: StructuredMemoryStore, name: str) -> None:
        for number in range(40):
            await store.append_conversation("shared", "user", f"{name} {number}")

    await asyncio.gather(write(first, "a"), write(first, "b"), write(second, "c"))
    lines = [row.content for row in await first.journal.rows("shared")]
    for name in "abc":
        assert [line for line in lines if line.startswith(name)] == [f"{name} {number}" for number in range(40)]


async def test_writers_in_two_processes_lose_nothing(open_store: Make, path: Path) -> None:
    # On a database that is not there yet: both also try to create it.
    processes = [start(WRITER, str(path), name, "60") for name in "ab"]
    for process in processes:
        _, errors = await asyncio.to_thread(process.communicate, timeout=50)
        assert process.returncode == 0, errors
    store = open_store()
    lines = [row.content for row in await store.journal.rows("shared")]
    assert len(lines) == 120
    for name in "ab":
        assert [line for line in lines if line.startswith(name)] == [f"{name} {number}" for number in range(60)]
    assert len(await store.tasks.find()) == 120
    assert await store.database.check() is None


async def test_a_cancelled_writer_leaves_all_or_nothing(open_store: Make) -> None:
    store = open_store()
    await store.ensure_session("s")

    async def write(number: int) -> None:
        await store.journal.append("s", None, [Entry(role="user", content=f"{number}{part}") for part in "abc"])

    for number in range(30):
        task = asyncio.create_task(write(number))
        for _ in range(number):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    lines = [row.content for row in await store.journal.rows("s")]
    assert len(lines) % 3 == 0
    assert lines == [f"{line[:-1]}{part}" for line in lines[::3] for part in "abc"]
    # Writing goes on as before.
    await write(99)
    assert [row.content for row in await store.journal.rows("s")][-1] == "99c"


def test_a_store_that_is_never_closed_lets_the_interpreter_end() -> None:
    code = """
import asyncio
from lra.store import StructuredMemoryStore

async def main():
    store = StructuredMemoryStore()
    await store.append_conversation("s", "user", "hello")
    await asyncio.gather(*(store.get_conversations("s") for _ in range(5)))
    print("done")

asyncio.run(main())
"""
    assert python(code, timeout=30) == "done\n"


def test_one_store_serves_several_event_loops_in_turn() -> None:
    code = """
import asyncio
from lra.store import StructuredMemoryStore

store = StructuredMemoryStore()
asyncio.run(store.append_conversation("s", "user", "first"))
asyncio.run(store.append_conversation("s", "user", "second"))
print([line["content"] for line in asyncio.run(store.get_conversations("s"))])
"""
    assert python(code, timeout=30) == "['first', 'second']\n"
