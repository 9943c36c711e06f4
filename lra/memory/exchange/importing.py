"""Reading JSON lines into the record: all of a file, or nothing of it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from lra.errors import UsageError
from lra.memory.exchange.lines import LineError, parse
from lra.memory.hits import ImportReport
from lra.store import StructuredMemoryStore
from lra.store.bulk import FactLine, TurnLine, insert_facts, insert_turns, known

BATCH = 500

Numbered = tuple[int, TurnLine | FactLine]


async def import_lines(store: StructuredMemoryStore, path: Path) -> ImportReport:
    """Read a file into the record in one transaction.

    Args:
        store: The record.
        path: JSON lines in UTF-8.

    Raises:
        UsageError: The file cannot be read, a line is wrong, or its id is known with other content; nothing was kept.
    """
    # Read once before the database is locked, so that a bad line costs nobody else's time.
    await asyncio.to_thread(_check, path)
    process = f"{socket.gethostname()}:{os.getpid()}"

    def work(connection: Connection) -> ImportReport:
        lines = _lines(path)
        counts = [0, 0, 0]
        while batch := _take(lines):
            turns, facts, skipped = _new(connection, path, batch)
            insert_turns(connection, turns)
            insert_facts(connection, facts, process=process)
            for place, more in enumerate((len(turns), len(facts), skipped)):
                counts[place] += more
        return ImportReport(*counts)

    return await store.database.write(work)


def _take(lines: Iterator[Numbered]) -> list[Numbered]:
    return list(islice(lines, BATCH))


def _check(path: Path) -> None:
    for _ in _lines(path):
        pass


def _lines(path: Path) -> Iterator[Numbered]:
    number = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                if text.strip():
                    yield number, parse(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise _wrong(path, number, "it is not UTF-8") from error
    except LineError as error:
        raise _wrong(path, number, str(error)) from error


def _wrong(path: Path, number: int, reason: str) -> UsageError:
    return UsageError(f"{path}, line {number}: {reason}.", hint="Nothing was imported.")


def _new(connection: Connection, path: Path, batch: list[Numbered]) -> tuple[list[TurnLine], list[FactLine], int]:
    """Return what of a batch is not in the record yet, and how many lines are."""
    turns = known(connection, "journal", [line.id for _, line in batch if isinstance(line, TurnLine)])
    facts = known(connection, "memories", [line.id for _, line in batch if isinstance(line, FactLine)])
    new_turns: list[TurnLine] = []
    new_facts: list[FactLine] = []
    skipped = 0
    for number, line in batch:
        kept = turns if isinstance(line, TurnLine) else facts
        if (content := kept.get(line.id)) is not None:
            if content != line.content:
                raise _wrong(path, number, f"the id {line.id!r} is known with other content")
            skipped += 1
            continue
        kept[line.id] = line.content
        if isinstance(line, TurnLine):
            new_turns.append(line)
        else:
            new_facts.append(line)
    return new_turns, new_facts, skipped
