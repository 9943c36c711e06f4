"""What one process owns once: the record's engine, the memory with its index, the background worker."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Coroutine
from typing import Any

from lra.config import Settings
from lra.memory import Memory
from lra.store import StructuredMemoryStore
from lra.tools.workshop import Workshop

logger = logging.getLogger("lra.runtime")
# Who uses the library decides where its log goes; by default nowhere.
logging.getLogger("lra").addHandler(logging.NullHandler())


class Runtime:
    """The parts that sessions of one process share.

    Args:
        settings: The resolved settings.
        store: The record.
        memory: Long-term memory over the same record.
    """

    def __init__(self, settings: Settings, store: StructuredMemoryStore, memory: Memory) -> None:
        self.settings = settings
        self.store = store
        self.memory = memory
        self.workshop = Workshop(settings.sandbox_url, settings.sandbox_api_key, settings.home)
        """Where sandboxes come from."""
        self.long_lived = False
        """Whether the process stays, and so does work that can wait."""
        self.process_id = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, settings: Settings, *, background: bool = False) -> Runtime:
        """Open the record and, for a process that lives longer, start the background indexer.

        Args:
            settings: The resolved settings.
            background: Whether this process should try to own and feed the vector index.

        Raises:
            LraError: The database cannot be used.
        """
        store = StructuredMemoryStore(settings.database_url)
        await store.init_db()
        runtime = cls(settings, store, Memory(store, settings=settings))
        if background:
            runtime.long_lived = True
            await runtime.memory.start()
        return runtime

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something in the background until the runtime closes; its failure is its own."""
        task = asyncio.create_task(_quiet(coroutine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # One that is cancelled before its first step never awaits what it was given.
        task.add_done_callback(lambda _: coroutine.close())

    async def close(self) -> None:
        """Stop background work and release every resource."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
        await self.workshop.close()
        await self.memory.close()
        await self.store.close()


async def _quiet(coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        await coroutine
    except Exception:
        logger.warning("background work failed", exc_info=True)
