"""The embedder before the present one, which answers until the new vectors are complete."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lra.config import Settings, load_settings
from lra.errors import LraError
from lra.memory.index.answering import Answering, AnsweringFile
from lra.memory.index.exact import folder_of

if TYPE_CHECKING:
    from lra.memory.embedding import Embedder

_LOOK_SECONDS = 1.0
"""Another process may complete the vectors; so often it is looked whether it has."""


class Earlier:
    """Knows which embedder answers, and builds the earlier one for as long as it does.

    Args:
        database: The record's file.
    """

    def __init__(self, database: Path) -> None:
        self._folder = folder_of(database)
        self._file = AnsweringFile(self._folder)
        self._look_at = 0.0
        self._embedder: Embedder | None = None
        self._unusable = ""

    async def fingerprint(self) -> str | None:
        """Return whose vectors were complete last."""
        answering = await asyncio.to_thread(self._file.read)
        return answering.fingerprint if answering else None

    async def until(self, wanted: Embedder | None, settings: Settings | None) -> Embedder | None:
        """Return the earlier embedder while the wanted one's vectors are not complete; None when there is none."""
        now = asyncio.get_running_loop().time()
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            answering = await asyncio.to_thread(self._file.read)
            if answering is None or (wanted is not None and answering.fingerprint == wanted.fingerprint):
                await self.close()
            elif self._embedder is None or self._embedder.fingerprint != answering.fingerprint:
                await self.close()
                if answering.embedding and answering.fingerprint != self._unusable:
                    self._embedder = await asyncio.to_thread(_built, answering, settings)
                    self._unusable = "" if self._embedder else answering.fingerprint
        return self._embedder

    async def completed(self, embedder: Embedder, settings: Settings | None, *, chosen: bool) -> None:
        """Let another embedder answer.

        Args:
            embedder: Whose vectors are complete.
            settings: The settings; the configured ones by default.
            chosen: Whether they lead to it; a program's own embedder cannot be built again.
        """

        def write() -> None:
            from lra.memory.embedding import lasting

            now = Answering(embedder.fingerprint, lasting(settings or load_settings()) if chosen else "")
            if self._file.read() == now:
                return
            self._file.write(now)
            for path in self._folder.glob("*.vectors*"):
                # Nobody asks the vectors of another embedder any more; they stay in the record.
                if not path.name.endswith(".lock") and f"-{embedder.fingerprint}.vectors" not in path.name:
                    path.unlink(missing_ok=True)

        try:
            await asyncio.to_thread(write)
        except OSError:
            # A folder that may not be written: whoever starts next looks through the record once more.
            return
        self._look_at = 0.0

    async def interrupted(self) -> None:
        """Forget whose vectors were complete; no embedder is wanted for now, and rows come that have none."""
        await asyncio.to_thread(self._file.remove)
        self._look_at = 0.0

    async def close(self) -> None:
        """Let go of the earlier embedder."""
        embedder, self._embedder = self._embedder, None
        if embedder is not None:
            await embedder.close()


def _built(answering: Answering, settings: Settings | None) -> Embedder | None:
    from lra.memory.embedding import choose_embedder

    try:
        choice = choose_embedder(replace(settings or load_settings(), embedding=answering.embedding))
        embedder = choice.embedder
        # A folder may hold another model by now.
        return embedder if embedder is not None and embedder.fingerprint == answering.fingerprint else None
    except LraError:
        return None
