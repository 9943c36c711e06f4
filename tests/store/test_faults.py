"""Whatever ends a write or a forgetting, at whatever statement: one is whole or nothing, the other is finished."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from lra.errors import BusyError, LraError
from lra.store import NewMemory, StructuredMemoryStore
from tests.store.faults import CHECKS, NAME, OPERATIONS, at_statement, files_with_token, forget, seed, store_in, write
from tests.store.support import ROOT, Locked

PARTS = 2


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: what is killed is the process, not the machine."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else tmp_path) as name:
        yield Path(name)


@pytest.fixture
async def seeded(tmp_path: Path) -> Path:
    folder = tmp_path / "seed"
    folder.mkdir()
    await seed(folder)
    return folder


@pytest.mark.timeout(120)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", list(OPERATIONS))
def test_killed_at_every_statement(quick_folder: Path, name: str, part: int) -> None:
    (quick_folder / "seed").mkdir()
    command = [sys.executable, "-m", "tests.store.faults", name, str(quick_folder), str(part + 1), str(PARTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    match = re.fullmatch(r"kills (\d+)\n", done.stdout)
    assert match, done.stdout
    assert int(match[1]) >= 3


@pytest.mark.parametrize(("name", "step"), [("write", 1), ("forget", 1)])
async def test_interrupted_at_any_statement(seeded: Path, tmp_path: Path, name: str, step: int) -> None:
    number = 0
    while True:
        number += step
        at = tmp_path / str(number)
        shutil.copytree(seeded, at)
        with at_statement(number, lambda connection: connection.interrupt()) as seen:
            store = store_in(at)
            with suppress(LraError, OperationalError, sqlite3.OperationalError):
                await OPERATIONS[name](store)
            await store.close()
        assert await CHECKS[name](at) == "", number
        shutil.rmtree(at)
        if seen[0] < number:
            break
    assert number > 5


@pytest.mark.parametrize("name", list(OPERATIONS))
async def test_a_full_disk(seeded: Path, name: str) -> None:
    store = store_in(seeded)
    ((pages,),) = await store.database.rows("PRAGMA page_count")
    await store.close()
    full = StructuredMemoryStore(f"sqlite+aiosqlite:///{seeded / NAME}")
    await full.init_db()

    def limit(connection: object) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    await full.database.write(limit)
    big = NewMemory(id="big", content="x " * 200_000)
    with pytest.raises(LraError):
        await full.memories.write(big)
    assert not await full.memories.by_ids(["big"])
    with suppress(LraError):
        await OPERATIONS[name](full)
    await full.close()
    assert await CHECKS[name](seeded) == ""


async def test_a_locked_record_is_left_alone(seeded: Path) -> None:
    store = store_in(seeded)
    await store.init_db()
    store.database._busy_ms = 50
    await store.close()
    with Locked(seeded / NAME):
        for operation in (write, forget):
            with pytest.raises(BusyError):
                await operation(store)
    await store.close()
    assert await CHECKS["write"](seeded) == ""
    assert "target" in await store_in(seeded).memories.by_ids(["target"])


async def test_a_reader_in_the_way_costs_nothing_but_time(seeded: Path) -> None:
    """The log cannot be emptied while somebody reads an older state: what is left is told, and goes later."""
    reader = sqlite3.connect(seeded / NAME, isolation_level=None)
    store = store_in(seeded)
    await store.memories.add(NewMemory(content="Something new"))
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM memories").fetchone()
    from lra.store import forgetting

    before, forgetting._CHECKPOINTS = forgetting._CHECKPOINTS, 2
    try:
        done = await forget(store)
    finally:
        forgetting._CHECKPOINTS = before
    assert not done.receipt.complete
    assert done.receipt.notes
    reader.close()
    await store.close()
    assert await CHECKS["forget"](seeded) == ""
    assert files_with_token(seeded) == []
