"""Search: candidates of every kind, scored on one scale, without repetitions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lra.errors import UsageError
from lra.memory.echoes import gist, is_question, without_echoes
from lra.memory.fusion import fuse
from lra.memory.hits import SCOPES, Candidate, Hit, Scope
from lra.memory.lexical import BUDGET, LexicalMatch, LexicalSearch
from lra.memory.query import Word, read
from lra.store import StructuredMemoryStore
from lra.store.clock import iso
from lra.store.fts import Corpus, Filters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lra.memory.semantic import Semantic


_SPARE = 20
"""Candidates beyond the limit, for those that turn out to be echoes."""
_SESSION_TURNS = 200
_CORPORA: dict[Scope, tuple[Corpus, ...]] = {
    "memories": ("memories",),
    "turns": ("journal",),
    "all": ("memories", "journal"),
}
_ECHO = 0.5
"""What is left of the score of a question that asks for nothing else."""
_NOTHING = 0.01
"""Scores that say no more than that a row exists."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is asked of every index."""

    words: list[Word]
    vector: NDArray[np.float32] | None
    budget: int


class Searcher:
    """Answers questions from the record.

    Args:
        store: The record.
        semantic: Its vectors.
    """

    def __init__(self, store: StructuredMemoryStore, semantic: Semantic) -> None:
        self._store = store
        self._semantic = semantic
        self._lexical = LexicalSearch(store.database)

    async def search(
        self,
        query: str,
        *,
        scope: Scope,
        limit: int,
        filters: Filters,
        patience: float,
        budget: int = BUDGET,
        echoes: bool = False,
        least: float = _NOTHING,
    ) -> list[Hit]:
        """Return the best hits, best first.

        Args:
            query: A question in anybody's words.
            scope: Where to look.
            limit: How many hits at most.
            filters: Which rows count.
            patience: Seconds that the question's vector is waited for.
            budget: How many rows lexical search may visit.
            echoes: Whether hits may repeat what a better one says.
            least: Candidates that score no more than this are not even read.
        """
        if scope not in SCOPES:
            raise UsageError(f"There is no scope {scope!r}.", hint=f"Scopes are {', '.join(SCOPES)}.")
        words = read(query)
        if limit < 1 or not words:
            return []
        asked = Question(words, await self._semantic.ask(query, patience=patience), budget)
        if scope == "sessions":
            return await self._sessions(asked, limit, filters)
        corpora = _CORPORA[scope]
        found = await asyncio.gather(*(self._rows(corpus, asked, limit + _SPARE, filters) for corpus in corpora))
        hits = await self._hits([candidate for candidates in found for candidate in candidates], least)
        hits = _news_first(query, hits)
        return (hits if echoes else without_echoes(hits))[:limit]

    async def _rows(self, corpus: Corpus, asked: Question, limit: int, filters: Filters) -> list[Candidate]:
        found = await self._lexical.rows(corpus, asked.words, filters=filters, limit=limit, budget=asked.budget)
        return await self._fused(corpus, asked, [_candidate(corpus, match) for match in found], limit, filters)

    async def _fused(
        self, corpus: Corpus, asked: Question, found: list[Candidate], limit: int, filters: Filters
    ) -> list[Candidate]:
        """Add what is near in meaning, and score everything by both."""
        if asked.vector is None:
            return found
        candidates = {candidate.seq: candidate for candidate in found}
        for seq, _ in await self._semantic.nearest(asked.vector, corpus, filters=filters, limit=limit):
            candidates.setdefault(seq, Candidate(corpus=corpus, seq=seq, session=None))
        cosines = await self._semantic.cosines(asked.vector, corpus, list(candidates))
        for seq, candidate in candidates.items():
            if seq in cosines:
                candidate.signals["cosine"] = cosines[seq]
            candidate.score = fuse(candidate.lexical, cosines.get(seq))
        return list(candidates.values())

    async def _sessions(self, asked: Question, limit: int, filters: Filters) -> list[Hit]:
        matches, terms = await self._lexical.turns_by_session(asked.words, filters=filters)
        found = [_candidate("journal", match) for match in matches]
        candidates = await self._fused("journal", asked, found, _SESSION_TURNS, filters)
        hits = await self._hits(candidates)
        best: dict[str, Hit] = {}
        for hit in hits:
            best.setdefault(hit.session or "", hit)
        whole = await self._lexical.whole_sessions(terms, list(best), filters=filters)
        sessions = [
            replace(
                hit,
                id=name,
                kind="session",
                score=(whole.get(name, 0.0) + hit.score) / 2,
                signals={**hit.signals, "session": whole.get(name, 0.0)},
            )
            for name, hit in best.items()
        ]
        return sorted(sessions, key=lambda hit: -hit.score)[:limit]

    async def _hits(self, candidates: list[Candidate], least: float = _NOTHING) -> list[Hit]:
        candidates = [candidate for candidate in candidates if candidate.score > least]
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


def _news_first(query: str, hits: list[Hit]) -> list[Hit]:
    """Put an earlier question behind what tells something; the best match of a question is itself."""
    asked = gist(query)
    told = [replace(hit, score=hit.score * _ECHO) if is_question(hit.content, asked) else hit for hit in hits]
    return sorted(told, key=lambda hit: -hit.score)


def _candidate(corpus: Corpus, match: LexicalMatch) -> Candidate:
    return Candidate(
        corpus=corpus,
        seq=match.seq,
        session=match.session,
        lexical=match.score,
        score=match.score,
        signals={"bm25": match.bm25, "coverage": match.coverage},
    )
