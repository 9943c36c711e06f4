"""Forgetting for real: the words leave every table, index, page, backup and file that held them.

What is to be forgotten is noted in the record first, and the note goes last: whatever interrupts it, the next start
finishes it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, create_engine, event, insert

from lra.store import receipts
from lra.store.backups import backups
from lra.store.clock import now_us
from lra.store.database import Database, shielded
from lra.store.erasing import Erased, erase
from lra.store.erasure import Erasure, Receipt, Target
from lra.store.records import MemoryRecord
from lra.store.tables import erasures
from lra.store.typed import forget_in_file, left_in_file

_EMPTY = "{}"
"""The note of what is gone from every row, and perhaps not yet from every page."""
# Numbers of notes are never given twice, and a note goes only when nothing is left to be erased from the rows.
_GENERATION = (
    "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'erasures'), EXISTS (SELECT 1 FROM erasures WHERE spec != ?)"
)
_SMALL = 256 << 20
"""Bytes up to which the file is written anew in any case: pieces of a text may be left where the whole is not."""
_CHECKPOINTS = 50
_PAUSE = 0.1

logger = logging.getLogger("lra.store")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What went with a memory."""

    rows: int
    """Messages, memories, titles and tasks that held its words."""
    sessions: int
    """Conversations they were in."""
    still_mentioned: int
    """Messages and memories that share its telling words and were left alone."""
    receipt: Receipt = field(default_factory=Receipt, compare=False)
    """What every store says when asked again."""

    def sentences(self, done: str, *, find: str = "lra memory search WORDS") -> list[str]:
        """Return the lines that tell a person, without the words that were forgotten.

        Args:
            done: How the first line begins.
            find: The command that finds what is left.
        """
        also = f" (also in {_many(self.rows, 'message')} of {_many(self.sessions, 'conversation')})"
        lines = [done + also if self.rows else done]
        if self.still_mentioned:
            others, one = _many(self.still_mentioned, "other message"), self.still_mentioned == 1
            shares = "shares words with it and stays" if one else "share words with it and stay"
            lines.append(f"{others} {shares}: `{find}` finds {'it' if one else 'them'}.")
        return lines


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


class Forgetting:
    """Erases memories, messages and conversations with every copy of their text."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def generation(self) -> int | None:
        """Return a number that rises with every forgetting, of whatever process; None while one is under way.

        Whoever keeps text reads it anew when the number is another one, or None.
        """
        (row,) = await self._database.rows(_GENERATION, (_EMPTY,))
        return None if row[1] else int(row[0] or 0)

    async def forget(self, record: MemoryRecord, *, actor: str = "user") -> Forgotten:
        """Remove one memory and replace its text by `[forgotten]` wherever it stands; see `erase`."""
        return await self.erase(Erasure(targets=(Target.of(record),)), actor=actor)

    async def erase(self, erasure: Erasure, *, actor: str = "user") -> Forgotten:
        """Forget, and ask every store afterwards whether it has.

        Once begun it is finished, here or at the next start, even when the caller is cancelled.

        Args:
            erasure: What to forget.
            actor: Who asked.

        Returns:
            What went with it, how much may still mention it, and the receipt.
        """
        return await shielded(self._erase(erasure, actor))

    async def _erase(self, erasure: Erasure, actor: str) -> Forgotten:
        note = {"spec": erasure.to_json(), "at": now_us()}
        seq = await self._database.write(
            lambda connection: int(connection.execute(insert(erasures), note).inserted_primary_key[0])  # type: ignore[index]
        )
        erased, receipt = await self._complete(seq, erasure, actor)
        return Forgotten(
            rows=erased.rows, sessions=erased.sessions, still_mentioned=erased.still_mentioned, receipt=receipt
        )

    async def finish(self) -> int:
        """Finish what another process has begun to forget and did not; returns how many requests that were."""
        notes = await self._database.rows("SELECT seq, spec FROM erasures ORDER BY seq")
        for seq, spec in notes:
            erasure = Erasure.from_json(spec)
            if erasure is None:
                receipt = await self._clean_pages(seq, (), always=True)
            else:
                _, receipt = await self._complete(seq, erasure, "user")
            if receipt.complete:
                logger.info("finished forgetting that was interrupted")
            else:
                left = ", ".join(name for name, count in receipt.left.items() if count)
                logger.warning("something is left of what was to be forgotten, in: %s", left)
        return len(notes)

    async def finish_quietly(self) -> None:
        """Do the same, and leave it to the next start when something is in the way."""
        try:
            await self.finish()
        except Exception as error:
            # Nothing that is wrong here may keep the record from being opened.
            logger.warning("forgetting could not be finished: %s", type(error).__name__)

    async def _complete(self, seq: int, erasure: Erasure, actor: str) -> tuple[Erased, Receipt]:
        erased = await self._database.write(lambda connection: erase(connection, erasure, actor=actor))
        receipt = Receipt(await self._database.query(lambda connection: receipts.ask(connection, erasure)))
        copies = await asyncio.to_thread(backups, self._database.path)
        receipt = await self._in_copies(erasure, copies, receipt)
        receipt = receipt.with_store("prompt history", await asyncio.to_thread(_in_files, erasure))
        if not receipt.complete:
            # The note stays, and with it the work.
            return erased, receipt
        return erased, await self._clean_pages(seq, erasure.texts, receipt=receipt)

    async def _in_copies(self, erasure: Erasure, copies: list[Path], receipt: Receipt) -> Receipt:
        left, notes = 0, []
        for copy in copies:
            try:
                left += await asyncio.to_thread(_erase_copy, copy, erasure)
            except Exception as error:
                logger.warning("a backup could not be cleared: %s", type(error).__name__)
                # What is damaged, or lies where nothing can be written, matters only if it holds the words.
                if await asyncio.to_thread(receipts.bytes_left, [copy], erasure.texts):
                    left += 1
                    notes.append(
                        f"The backup {copy} could not be changed; delete it, or it is tried at the next start."
                    )
        return receipt.with_store("backups", left, notes)

    async def _clean_pages(
        self, seq: int, texts: tuple[str, ...] | list[str], *, always: bool = False, receipt: Receipt | None = None
    ) -> Receipt:
        """Empty the log and, where words are left in pages that are free, write the file anew; then drop the note."""
        receipt = receipt or Receipt()
        # From here on nothing has to be known but that pages may have to be cleaned.
        await self._execute("UPDATE erasures SET spec = ? WHERE seq = ?", (_EMPTY, seq))
        emptied = await self._checkpoint()
        path = self._database.path
        files = [path, path.with_name(f"{path.name}-wal")]
        left = await asyncio.to_thread(receipts.bytes_left, files, list(texts))
        small = (await asyncio.to_thread(path.stat)).st_size <= _SMALL
        if emptied and (always or small or left):
            await self._database.query(_vacuum)
            emptied = await self._checkpoint()
            left = await asyncio.to_thread(receipts.bytes_left, files, list(texts))
        notes = []
        if emptied and not left:
            await self._execute("DELETE FROM erasures WHERE seq = ?", (seq,))
            await self._checkpoint()
        else:
            notes.append("Another process is reading the database; its pages are cleaned at the next start.")
        return receipt.with_store("pages of the file", left, notes)

    async def _execute(self, statement: str, parameters: tuple[object, ...]) -> None:
        def work(connection: Connection) -> None:
            connection.exec_driver_sql(statement, parameters)

        await self._database.write(work)

    async def _checkpoint(self) -> bool:
        """Move the log into the file and empty it, waiting a while for readers; tells whether it is empty."""
        for _ in range(_CHECKPOINTS):
            if await self._database.query(_truncated):
                return True
            await asyncio.sleep(_PAUSE)
        return False


def _truncated(connection: Connection) -> bool:
    """Move the log into the file and empty it, unless somebody still reads from it."""
    (before,) = connection.exec_driver_sql("PRAGMA busy_timeout").one()
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        return not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {before}")


def _vacuum(connection: Connection) -> None:
    """Write the file anew, without its free pages."""
    connection.exec_driver_sql("VACUUM")


def _erase_copy(path: Path, erasure: Erasure) -> int:
    """Forget in a backup as well; returns what is left there. Blocks."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None, "timeout": 10})

    @event.listens_for(engine, "connect")
    def _connected(connection: object, _record: object) -> None:
        connection.execute("PRAGMA secure_delete = ON")  # type: ignore[attr-defined]
        connection.execute("PRAGMA foreign_keys = ON")  # type: ignore[attr-defined]

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.begin() as connection:
            erase(connection, erasure, count=False)
        with engine.connect() as connection:
            left = sum(receipts.ask(connection, erasure).values())
        files = [path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-journal"))]
        if path.stat().st_size <= _SMALL or receipts.bytes_left(files, erasure.texts):
            engine.dispose()
            with closing(sqlite3.connect(path, isolation_level=None)) as database:
                database.execute("VACUUM")
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return left + receipts.bytes_left(files, erasure.texts)
    finally:
        engine.dispose()
        os.chmod(path, 0o600)


def _in_files(erasure: Erasure) -> int:
    """Forget in prompt histories; returns what is left there. Blocks."""
    texts = [*(target.content for target in erasure.targets), *erasure.typed]
    left = 0
    for file in map(Path, erasure.files):
        for text in texts:
            forget_in_file(file, text)
            left += left_in_file(file, text)
    return left
