"""`Memory`: what an agent remembers, as one object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from lra.memory import recall as recalling
from lra.memory.erasing import Eraser, Plan
from lra.memory.hits import Hit, MemoryStatus, Scope
from lra.memory.index.worker import CHROMA_FROM
from lra.memory.loops import Recollection
from lra.memory.readers import Reader
from lra.memory.search import Searcher
from lra.memory.semantic import SEARCH_PATIENCE, Semantic
from lra.memory.spaces import USER, project_space
from lra.memory.tags import tags_in
from lra.memory.writing import Particulars, Write, Writer
from lra.store import MemoryRecord, NewMemory, StructuredMemoryStore
from lra.store.fts import Context, Filters
from lra.store.records import HistoryRow
from lra.text import clean_text

if TYPE_CHECKING:
    from lra.config import Settings
    from lra.memory.embedding import Embedder
    from lra.memory.exchange.options import ImportOptions
    from lra.memory.exchange.report import ImportReport
    from lra.memory.index.care import IndexCare
    from lra.store.forgetting import Forgotten
    from lra.store.undoing import MemoryBack


class Memory:
    """Long-term memory: remember, search, recall, forget.

    Every write is in the record before it returns; the vector index learns of it in the background. Built without
    arguments it uses the configured database; it opens on first use.

    Args:
        store: The record.
        settings: Where the vector index lives and which embedder fills it; the configured ones by default.
        embedder: An embedder to use instead of the configured one; its owner closes it.
        chroma_from: Stored vectors from which Chroma answers; below, exact search is quicker.
        agent: Who recalls; memories private to another agent are not for it.
    """

    def __init__(
        self,
        store: StructuredMemoryStore | None = None,
        *,
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        chroma_from: int = CHROMA_FROM,
        agent: str = "lra",
    ) -> None:
        self.agent = agent
        self.store = store or StructuredMemoryStore(settings.database_url if settings else None)
        self._semantic = Semantic(self.store, settings=settings, embedder=embedder, chroma_from=chroma_from)
        self._searcher = Searcher(self.store, self._semantic)
        self._recalled = Recollection()
        self._writer = Writer(self.store, self._recalled)
        self._folder = settings.folder if settings else None
        self._project: str | None = None

    async def remember(
        self,
        content: str,
        *,
        kind: str = "fact",
        key: str | None = None,
        tags: Sequence[str] = (),
        pin: bool = False,
        source: str = "user",
        session_id: str | None = None,
        turn_id: int | None = None,
        namespace: str = USER,
        **more: Unpack[Particulars],
    ) -> Write:
        """Keep something: the same is counted, another value of the same key takes the old one's place.

        What contradicts a memory without having its key stands beside it, and is named in the result.

        Args:
            content: What to remember.
            kind: `fact`, `preference`, `instruction`, `summary` or any other word.
            key: What it is about (`user.dog.name`); a new value takes the old one's place.
            tags: Words to find it by.
            pin: Whether an instruction goes in front of the model in every turn.
            source: Who wrote it: `user`, `tool`, `summary`, `extraction` or `import`.
            session_id: The session it came from.
            turn_id: The turn it came from.
            namespace: Which of several separate memories it belongs to; see `project`.
            **more: What few memories have; see `Particulars`.

        Raises:
            UsageError: It is empty, or its validity ends before it begins.
            SecretRefusedError: It holds a secret, and `allow_secret` was not given.
            EchoRefusedError: A tool wrote what only an earlier answer has said.
        """
        new = NewMemory(
            content=clean_text(content).strip(),
            kind=kind,
            key=key or None,
            tags=tuple(tags_in(tags)),
            pin=pin,
            source=source,
            session_id=session_id,
            turn_id=turn_id,
            namespace=namespace,
        )
        write = await self._writer.remember(new, more)
        self._wake()
        return write

    async def project(self) -> str:
        """Return the namespace of the project in whose folder this memory was opened."""
        if self._project is None:
            folder = self._folder
            self._project = await asyncio.to_thread(lambda: project_space(folder or Path.cwd()))
        return self._project

    def _wake(self) -> None:
        if self._semantic.indexer is not None:
            self._semantic.indexer.wake()

    async def search(
        self,
        query: str,
        *,
        scope: Scope = "all",
        limit: int = 10,
        since: int | None = None,
        until: int | None = None,
        as_of: int | None = None,
        session: str | None = None,
        exclude_session: str | None = None,
        namespace: str | None = None,
        echoes: bool = False,
    ) -> list[Hit]:
        """Return what fits a question, best first.

        Args:
            query: The question, in any language.
            scope: Where to look: `memories`, `turns`, `sessions` (a session stands for its best turn) or `all`.
            limit: How many hits at most.
            since: Nothing from before this moment (microseconds, UTC).
            until: Nothing from this moment on.
            as_of: What held at this moment.
            session: Only from this session.
            exclude_session: Nothing from this session.
            namespace: Only memories of this namespace.
            echoes: Whether hits may repeat what a better one says.
        """
        filters = Filters(
            session=session,
            exclude_session=exclude_session,
            namespace=namespace,
            since=since,
            until=until,
            as_of=as_of,
        )
        return await self._searcher.search(
            clean_text(query), scope=scope, limit=limit, filters=filters, patience=SEARCH_PATIENCE, echoes=echoes
        )

    async def search_for(
        self,
        reader: Reader,
        query: str,
        *,
        scope: Scope = "all",
        limit: int = 10,
        until: int | None = None,
        summaries: bool = True,
    ) -> list[Hit]:
        """Return what fits a question of a model: of what holds everywhere and of the project, what it may see.

        Args:
            reader: The model.
            query: Its question.
            scope: Where to look, as in `search`.
            limit: How many hits at most.
            until: Nothing from this moment on.
            summaries: Whether summaries of conversations count among the memories.
        """
        filters = Filters(
            namespaces=(await self.project(), USER),
            until=until,
            agent=self.agent,
            remote=not reader.local,
            summaries=summaries,
        )
        hits = await self._searcher.search(
            clean_text(query), scope=scope, limit=limit, filters=filters, patience=SEARCH_PATIENCE
        )
        self._recalled.note(reader.session_id, hits)
        return hits

    async def recall(
        self,
        text: str,
        *,
        session_id: str | None = None,
        context_after: int = 0,
        limit: int = 4,
        max_chars: int = 2000,
        local: bool = False,
    ) -> list[Hit]:
        """Return what belongs in front of the model for a message; usually little, often nothing.

        Pinned instructions always come, first and beyond the limit, within a budget of their own. What belongs to the
        project comes before what holds everywhere.

        Args:
            text: The person's message.
            session_id: The session it belongs to; what stands in its context is left out.
            context_after: Where its context begins: rows of the journal up to here have been left out of it.
            limit: How many hits at most.
            max_chars: How much text at most.
            local: Whether every model that will read it runs on this machine, and local-only memories may come.
        """
        project = await self.project()
        hits, instructions = await self._searcher.recall(
            clean_text(text),
            limit=limit + recalling.SPARE,
            filters=Filters(
                context=Context(session_id, context_after) if session_id else None,
                namespaces=(project, USER),
                agent=self.agent,
                remote=not local,
            ),
            patience=recalling.PATIENCE,
            budget=recalling.BUDGET,
            least=recalling.LEAST,
        )
        always = recalling.pinned(instructions, max_chars=max_chars)
        ids = {hit.id for hit in always}
        left = max_chars - sum(len(hit.content) for hit in always)
        fitting = [hit for hit in hits if hit.id not in ids]
        own = {hit.id for hit in fitting if hit.namespace == project}
        # Both orders are stable: among what fits as well, the project's comes first, and so it does in the end.
        chosen = recalling.select(text, sorted(fitting, key=lambda hit: hit.id not in own), limit=limit, max_chars=left)
        found = always + sorted(chosen, key=lambda hit: (bool(hit.changed), hit.id not in own))
        self._recalled.note(session_id, found)
        return found

    async def forget(self, memory_id: str) -> MemoryRecord:
        """Erase a memory and every copy of its words.

        Raises:
            NotFoundError: There is no such memory.
        """
        record, _ = await self.erase(memory_id)
        return record

    async def erase(self, memory_id: str) -> tuple[MemoryRecord, Forgotten]:
        """Forget a memory, and say what went with it.

        Raises:
            NotFoundError: There is no such memory.
        """
        record = await self.store.memories.get(memory_id)
        return record, await self.forget_planned(await self.eraser.plan([record.id]))

    @property
    def eraser(self) -> Eraser:
        """What plans a request to forget."""
        return Eraser(self.store)

    async def forget_planned(self, plan: Plan) -> Forgotten:
        """Forget what was planned, everywhere, and return what every store says when it is asked again."""
        forgotten = await self.eraser.erase(plan, await asyncio.to_thread(self._semantic.chroma_path))
        self._semantic.forgotten()
        self._wake()
        return forgotten

    async def undo(self) -> list[MemoryBack]:
        """Take back the last write of a person or of a tool; empty when there is none."""
        back = await self.store.last_write.undo()
        self._wake()
        return back

    async def edit(self, memory_id: str, content: str, *, allow_secret: bool = False, source: str = "user") -> Write:
        """Replace a memory's text.

        Args:
            memory_id: Which one.
            content: Its new text.
            allow_secret: Whether it may hold a secret.
            source: Who changes it, as for `remember`.

        Raises:
            NotFoundError: There is no such memory.
            SecretRefusedError: It holds a secret, and `allow_secret` was not given.
        """
        write = await self._writer.edit(memory_id, clean_text(content).strip(), allow_secret=allow_secret, actor=source)
        self._wake()
        return write

    async def pin(self, memory_id: str, pinned: bool = True) -> MemoryRecord:
        """Put a memory first wherever it counts, or no longer.

        Raises:
            NotFoundError: There is no such memory.
        """
        return await self.store.memories.change(memory_id, pin=int(pinned))

    async def tag(self, memory_id: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> MemoryRecord:
        """Add and remove words that a memory is found by; a comma parts two.

        Raises:
            NotFoundError: There is no such memory.
        """
        record = await self.store.memories.get(memory_id)
        gone = {*remove, *tags_in(remove)}
        tags = [tag for tag in dict.fromkeys([*record.tags, *tags_in(add)]) if tag not in gone]
        changed = await self.store.memories.change(record.id, tags=tags)
        self._wake()
        return changed

    async def get(self, memory_id: str) -> MemoryRecord:
        """Return a memory by its id or an unambiguous beginning of it.

        Raises:
            NotFoundError: There is no such memory.
        """
        return await self.store.memories.get(memory_id)

    async def find(
        self, *, session_id: str | None = None, kind: str | None = None, limit: int | None = None
    ) -> list[MemoryRecord]:
        """Return memories in force, newest first."""
        return await self.store.memories.find(session_id=session_id, kind=kind, limit=limit)

    async def history(self, memory_id: str) -> list[HistoryRow]:
        """Return every change of a memory, oldest first, also after it was forgotten."""
        return await self.store.memories.history(memory_id)

    async def import_file(self, path: Path | str, **options: Unpack[ImportOptions]) -> ImportReport:
        """Read memories and conversations from a file or folder, all that is readable of it or nothing.

        Args:
            path: JSON lines of `export`, or what another program left; the content tells which.
            options: What `ImportOptions` names.

        Raises:
            LraError: Nothing can be read, or an id of JSON lines is known with other content; the message names the
                line.
        """
        from lra.memory.exchange.importing import import_path

        report = await import_path(self.store, Path(path), **options)
        self._wake()
        return report

    def export(self, *, vectors: bool = False) -> AsyncIterator[str]:
        """Give every memory and turn as JSON lines that `import_file` reads.

        Args:
            vectors: Whether to add the stored vectors.
        """
        from lra.memory.exchange.exporting import export_lines

        return export_lines(self.store, vectors=vectors)

    async def start(self, *, fetch: bool = True) -> None:
        """Begin to keep the vector index in the background; says nothing when that fails, see `status`.

        Args:
            fetch: Whether a model may be fetched for it; without, nothing happens while there is none.
        """
        if fetch or await self._semantic.embedder() is not None:
            (await self._semantic.worker()).start()

    async def warm(self) -> None:
        """Load the embedder and the vectors ahead of the first question, where there are any.

        It ends when the files of a large record's vectors are up to date; questions do not wait for that.
        """
        await self._semantic.ask("", patience=SEARCH_PATIENCE)
        await self._semantic.settle()

    async def drain(self, timeout: float | None = None) -> bool:
        """Wait until the index knows everything; without a running worker the work is done here.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            False when the time is up, there is no embedder, or another process that should do the work does not.
        """
        return await (await self._semantic.worker()).drain(timeout)

    def care(self) -> IndexCare:
        """Return what examines, mends and rebuilds the indexes."""
        return self._semantic.care()

    async def status(self) -> MemoryStatus:
        """Return how memory is doing; loads nothing."""
        embedder = await self._semantic.embedder()
        indexer = self._semantic.indexer
        detail = {}
        if indexer is not None and indexer.mirror is not None:
            detail["chroma"] = indexer.mirror.detail
        if indexer is not None and indexer.trouble:
            detail["trouble"] = indexer.trouble
        if self._semantic.failure:
            detail["search"] = self._semantic.failure
        return MemoryStatus(
            embedding=self._semantic.reason,
            embedder_ready=embedder is not None,
            owner=indexer is not None and indexer.owner,
            pending=await self.store.queue.pending(),
            memories=await self.store.memories.count(),
            indexed=await self.store.vectors.count(embedder.fingerprint) if embedder else 0,
            detail=detail,
        )

    async def close(self) -> None:
        """Stop the background work; the record stays open for its owner to close."""
        await self._semantic.close()
