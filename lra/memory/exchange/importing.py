"""Reading files of every format into the record: all that is readable of a file, or nothing of it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Unpack

from sqlalchemy import Connection

from lra.errors import LraError, UsageError
from lra.memory.exchange.formats import Source, recognise
from lra.memory.exchange.items import Item, LeftOut, Meter, Placed, Problem
from lra.memory.exchange.options import ImportOptions
from lra.memory.exchange.original import import_original
from lra.memory.exchange.report import ImportReport, Tally
from lra.memory.exchange.seen import Seen, digest
from lra.memory.secrets import kinds_of
from lra.memory.spaces import USER
from lra.store import StructuredMemoryStore
from lra.store.bulk import (
    FactLine,
    SessionLine,
    TurnLine,
    VectorLine,
    forgotten,
    insert_facts,
    insert_sessions,
    insert_turns,
    insert_vectors,
    known,
    known_sessions,
    known_vectors,
)
from lra.text import one_line

BATCH = 500
_FORGOTTEN = "memories that were forgotten here"
_NOTHING = "Nothing was imported."


async def import_path(store: StructuredMemoryStore, path: Path, **options: Unpack[ImportOptions]) -> ImportReport:
    """Read a file or folder into the record in one transaction.

    It is read twice: once to see what is wrong with it, while the record stays free for others, and once to write.

    Args:
        store: The record.
        path: What to read.
        options: See `ImportOptions`.

    Raises:
        UsageError: It cannot be read, or an id of JSON lines is known with other content; nothing was kept.
        LraError: Nothing in it can be read, or the first problem under `strict`; nothing was kept.
    """
    source = await asyncio.to_thread(recognise, path, options.get("format"))
    dry_run = options.get("dry_run", False)
    if source.format == "original":
        return await import_original(store, source, dry_run=dry_run)
    meter = Meter(source.size, options.get("progress"))

    refused: set[str] = set()

    def look(connection: Connection) -> Tally:
        meter.start("Reading")
        with Seen() as seen:
            return _Import(source, meter, options, refused, seen=seen).run(connection)

    def write(connection: Connection) -> Tally:
        meter.start("Writing")
        return _Import(source, meter, options, refused).run(connection)

    tally = await store.database.query(look)
    if tally.wrong and not tally.read:
        hint = "Nothing else in it can be read, and nothing was imported." if tally.wrong > 1 else _NOTHING
        raise LraError(f"{path}, {tally.problems[0]}.", hint=hint)
    if not dry_run and tally.new:
        secrets, count = tally.secrets, tally.secret_facts
        tally = await store.database.write(write)
        tally.secrets, tally.secret_facts = secrets, count
    return replace(tally.report(source.format, dry_run=dry_run), passed_over=source.passed_over)


@dataclass(slots=True)
class _Batch:
    """What of a batch is to be added."""

    turns: list[TurnLine] = field(default_factory=list)
    facts: list[FactLine] = field(default_factory=list)
    sessions: list[SessionLine] = field(default_factory=list)
    vectors: list[VectorLine] = field(default_factory=list)


class _Import:
    """One pass through a source.

    Args:
        source: What is read.
        meter: Counts what was read.
        options: See `ImportOptions`.
        refused: The places of facts that hold a secret and are not kept; the first pass finds them.
        seen: What came before in the source, for a pass that writes nothing; without it, the pass writes.
    """

    def __init__(
        self, source: Source, meter: Meter, options: ImportOptions, refused: set[str], *, seen: Seen | None = None
    ) -> None:
        self._source = source
        self._meter = meter
        self._refused = refused
        self._seen = seen
        self._strict = options.get("strict", False)
        self._namespace = options.get("namespace")
        self._allow_secrets = options.get("allow_secrets", False)
        self._own = source.format == "lra"
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._tally = Tally()

    def run(self, connection: Connection) -> Tally:
        """Go through the whole source; blocks."""
        items = self._source.read(self._meter)
        while batch := list(islice(items, BATCH)):
            new = self._new(connection, self._lines(batch))
            if self._seen is None:
                self._write(connection, new)
            else:
                self._note(new)
        return self._tally

    def _write(self, connection: Connection, new: _Batch) -> None:
        tally = self._tally
        tally.sessions += insert_sessions(connection, new.sessions)
        insert_turns(connection, new.turns)
        insert_facts(connection, new.facts, process=self._process)
        insert_vectors(connection, new.vectors)
        self._count(new)

    def _note(self, new: _Batch) -> None:
        assert self._seen is not None
        self._seen.add(("journal", turn.id, turn.content) for turn in new.turns)
        self._seen.add(("memories", fact.id, fact.content) for fact in new.facts)
        self._seen.add(("sessions", session.id, "") for session in new.sessions)
        self._tally.sessions += len(new.sessions)
        self._count(new)

    def _count(self, new: _Batch) -> None:
        tally = self._tally
        tally.turns += len(new.turns)
        tally.facts += len(new.facts)
        tally.vectors += len(new.vectors)
        tally.kinds.update(str(fact.values.get("kind", "fact")) for fact in new.facts)
        for content in [line.content for line in new.facts] + [line.content for line in new.turns]:
            if not tally.example(one_line(content, 100)):
                break

    def _lines(self, batch: list[Item]) -> Iterator[Placed]:
        """Give what could be read; note the rest."""
        for item in batch:
            if isinstance(item, Placed):
                yield item
            elif isinstance(item, LeftOut):
                self._tally.left_out[item.what] += 1
            else:
                self._problem(item)

    def _problem(self, problem: Problem) -> None:
        if self._strict:
            raise LraError(f"{self._source.path}, {problem}.", hint=_NOTHING)
        self._tally.problem(problem)

    def _new(self, connection: Connection, placed: Iterator[Placed]) -> _Batch:
        """Sort out what is known already."""
        lines = list(placed)
        names = {
            "journal": [one.line.id for one in lines if isinstance(one.line, TurnLine)],
            "memories": [one.line.id for one in lines if isinstance(one.line, FactLine)],
            "sessions": [one.line.id for one in lines if isinstance(one.line, SessionLine)],
        }
        contents: dict[tuple[str, str], int] = {}
        for table in ("journal", "memories"):
            found = known(connection, table, names[table])
            contents |= {(table, name): digest(content) for name, content in found.items()}
        contents |= {("sessions", name): digest("") for name in known_sessions(connection, names["sessions"])}
        if self._seen is not None:
            contents |= self._seen.known((table, name) for table, ids in names.items() for name in ids)
        vectors = [one.line for one in lines if isinstance(one.line, VectorLine)]
        contents |= {(fingerprint, name): 0 for name, fingerprint in known_vectors(connection, vectors)}
        gone = set() if self._own else forgotten(connection, names["memories"])
        new = _Batch()
        for one in lines:
            self._sort(one, new, contents, gone)
        return new

    def _sort(self, one: Placed, new: _Batch, contents: dict[tuple[str, str], int], gone: set[str]) -> None:
        line = one.line
        if isinstance(line, VectorLine):
            if contents.setdefault((line.fingerprint, line.content_hash), id(line)) == id(line):
                new.vectors.append(line)
        elif isinstance(line, SessionLine):
            if ("sessions", line.id) not in contents:
                contents["sessions", line.id] = digest("")
                new.sessions.append(line)
        elif not self._repeats(one, line, contents):
            if isinstance(line, TurnLine):
                new.turns.append(line)
            elif line.id in gone:
                self._tally.left_out[_FORGOTTEN] += 1
            elif self._may_be_kept(one, line):
                if self._namespace is not None and line.values.get("namespace", USER) == USER:
                    line.values["namespace"] = self._namespace
                new.facts.append(line)

    def _repeats(self, one: Placed, line: TurnLine | FactLine, contents: dict[tuple[str, str], int]) -> bool:
        """Tell whether a line is known, and refuse or note one that is known otherwise."""
        name = ("journal" if isinstance(line, TurnLine) else "memories", line.id)
        said = digest(line.content)
        before = contents.get(name)
        if before is None:
            contents[name] = said
            return False
        if before == said:
            self._tally.skipped += 1
            return True
        reason = f"the id {line.id!r} is known with other content"
        if self._own:
            raise UsageError(f"{self._source.path}, {one.place}: {reason}.", hint=_NOTHING)
        self._problem(Problem(one.place, f"{reason}, which stays as it is"))
        self._tally.differing += 1
        return True

    def _may_be_kept(self, one: Placed, line: FactLine) -> bool:
        """Note secrets; what comes from another program is kept only when they are allowed."""
        if self._seen is not None and (kinds := kinds_of(line.content)):
            self._tally.secret(Problem(one.place, ", ".join(kinds)))
            if not (self._own or self._allow_secrets):
                self._refused.add(one.place)
        return one.place not in self._refused
