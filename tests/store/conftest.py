"""Fixtures of the record's tests: stores that are closed in the end, and small disks of their own."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from lra.store import StructuredMemoryStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database of this test is."""
    return tmp_path / "data" / "memory.db"


@pytest.fixture
async def open_store(path: Path) -> AsyncIterator[Callable[..., StructuredMemoryStore]]:
    """Make stores on the test's database, or on another."""
    stores: list[StructuredMemoryStore] = []

    def make(at: Path = path) -> StructuredMemoryStore:
        stores.append(StructuredMemoryStore(f"sqlite+aiosqlite:///{at}"))
        return stores[-1]

    yield make
    for store in stores:
        await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"hardware: no file system can be mounted here ({mounted.stderr.decode().strip()})")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
