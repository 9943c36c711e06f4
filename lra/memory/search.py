"""Search: candidates of every kind, scored on one scale, without repetitions."""

from __future__ import annotations

from lra.errors import UsageError
from lra.memory.echoes import without_echoes
from lra.memory.hits import SCOPES, Candidate, Hit, Scope
from lra.memory.lexical import LexicalMatch, LexicalSearch
from lra.memory.query import Word, read
from lra.store import StructuredMemoryStore
from lra.store.clock import iso
from lra.store.fts import Corpus, Filters


class Searcher:
    """Answers questions from the record.

    Args:
        store: The record.
    """

    def __init__(self, store: StructuredMemoryStore) -> None:
        self._store = store
        self._lexical = LexicalSearch(store.database)

    async def search(self, query: str, *, scope: Scope, limit: int, filters: Filters) -> list[Hit]:
        """Return the best hits, best first.

        Args:
            query: A question in anybody's words.
            scope: Where to look.
            limit: How many hits at most.
            filters: Which rows count.
        """
        if scope not in SCOPES:
            raise UsageError(f"There is no scope {scope!r}.", hint=f"Scopes are {', '.join(SCOPES)}.")
        words = read(query)
        if limit < 1 or not words:
            return []
        if scope == "sessions":
            return await self._sessions(words, limit, filters)
        candidates: list[Candidate] = []
        if scope != "turns":
            candidates += await self._rows("memories", words, limit, filters)
        if scope != "memories":
            candidates += await self._rows("journal", words, limit, filters)
        hits = await self._hits(candidates)
        return without_echoes(hits)[:limit]

    async def _rows(self, corpus: Corpus, words: list[Word], limit: int, filters: Filters) -> list[Candidate]:
        found = await self._lexical.rows(corpus, words, filters=filters, limit=limit + 20)
        return [_candidate(corpus, match) for match in found]

    async def _sessions(self, words: list[Word], limit: int, filters: Filters) -> list[Hit]:
        found = await self._lexical.sessions(words, filters=filters, limit=limit)
        rows = {row.seq: row for row in (await self._store.journal.by_seqs([m.best.seq for m in found])).values()}
        return [
            Hit(
                id=match.session,
                session=match.session,
                kind="session",
                content=rows[match.best.seq].content,
                created_at=iso(rows[match.best.seq].created_at),
                score=match.score,
                signals={"bm25": match.best.bm25, "coverage": match.best.coverage, "session": match.whole},
            )
            for match in found
            if match.best.seq in rows
        ]

    async def _hits(self, candidates: list[Candidate]) -> list[Hit]:
        memories = [c.seq for c in candidates if c.corpus == "memories"]
        turns = [c.seq for c in candidates if c.corpus == "journal"]
        kept = {m.seq: m for m in (await self._store.memories.by_seqs(memories)).values()} if memories else {}
        said = {r.seq: r for r in (await self._store.journal.by_seqs(turns)).values()} if turns else {}
        hits = []
        for candidate in sorted(candidates, key=lambda c: (-c.score, c.corpus != "memories", -c.seq)):
            # A row may have gone since it was found.
            row = kept.get(candidate.seq) if candidate.corpus == "memories" else said.get(candidate.seq)
            if row is None:
                continue
            hits.append(
                Hit(
                    id=row.id,
                    session=row.session_id,
                    kind=getattr(row, "kind", "turn"),
                    content=row.content,
                    created_at=iso(row.created_at),
                    score=candidate.score,
                    signals=candidate.signals,
                )
            )
        return hits


def _candidate(corpus: Corpus, match: LexicalMatch) -> Candidate:
    return Candidate(
        corpus=corpus,
        seq=match.seq,
        session=match.session,
        lexical=match.score,
        score=match.score,
        signals={"bm25": match.bm25, "coverage": match.coverage},
    )
