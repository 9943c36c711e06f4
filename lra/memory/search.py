"""Search: candidates of every kind, scored on one scale, without repetitions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from lra.errors import UsageError
from lra.memory.echoes import gist, is_question, without_echoes
from lra.memory.fusion import fuse
from lra.memory.hits import SCOPES, Candidate, Hit, Scope
from lra.memory.lexical import BUDGET, LexicalMatch, LexicalSearch
from lra.memory.query import Word, read
from lra.store import StructuredMemoryStore
from lra.store.clock import iso
from lra.store.found import FoundRow, found_rows, pinned_instructions
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
    filters: Filters


class Searcher:
    """Answers questions from the record.

    Args:
        store: The record.
        semantic: Its vectors.
    """

    def __init__(self, store: StructuredMemoryStore, semantic: Semantic) -> None:
        self._store = store
        self._semantic = semantic
        self._lexical = LexicalSearch()

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
        asked = Question(words, await self._semantic.ask(query, patience=patience), budget, filters)
        # All of it in one go: a thread is woken once, whatever a question takes.
        if scope == "sessions":
            return await self._store.database.query(lambda connection: self._sessions(connection, asked, limit))
        found = await self._store.database.query(lambda connection: self._found(connection, asked, scope, limit, least))
        hits = _news_first(query, found)
        return hits[:limit] if echoes else without_echoes(hits, limit)

    async def recall(
        self, text: str, *, limit: int, filters: Filters, patience: float, budget: int, least: float
    ) -> tuple[list[Hit], list[FoundRow]]:
        """Return what may belong in front of the model for a message, and the pinned instructions, the oldest first.

        The arguments are those of `search`.
        """
        words = read(text)
        vector = await self._semantic.ask(text, patience=patience) if words else None
        asked = Question(words, vector, budget, filters)

        def look(connection: Connection) -> tuple[list[Hit], list[FoundRow]]:
            found = self._found(connection, asked, "all", limit, least) if words else []
            return found, pinned_instructions(connection, filters)

        found, instructions = await self._store.database.query(look)
        return without_echoes(_news_first(text, found), limit), instructions

    def _found(self, connection: Connection, asked: Question, scope: Scope, limit: int, least: float) -> list[Hit]:
        found: list[Candidate] = []
        for corpus in _CORPORA[scope]:
            found += self._rows(connection, corpus, asked, limit + _SPARE)
        best = sorted(found, key=_best_first)[: limit + 2 * _SPARE]
        return _hits(connection, best, least)

    def _rows(self, connection: Connection, corpus: Corpus, asked: Question, limit: int) -> list[Candidate]:
        found = self._lexical.rows(
            connection, corpus, asked.words, filters=asked.filters, limit=limit, budget=asked.budget
        )
        return self._fused(connection, corpus, asked, [_candidate(corpus, match) for match in found], limit)

    def _fused(
        self, connection: Connection, corpus: Corpus, asked: Question, found: list[Candidate], limit: int
    ) -> list[Candidate]:
        """Add what is near in meaning, and score everything by both."""
        if asked.vector is None:
            return found
        candidates = {candidate.seq: candidate for candidate in found}
        for seq, _ in self._semantic.nearest(connection, asked.vector, corpus, filters=asked.filters, limit=limit):
            candidates.setdefault(seq, Candidate(corpus=corpus, seq=seq, session=None))
        cosines = self._semantic.cosines(connection, asked.vector, corpus, list(candidates))
        for seq, candidate in candidates.items():
            if seq in cosines:
                candidate.signals["cosine"] = cosines[seq]
            candidate.score = fuse(candidate.lexical, cosines.get(seq))
        return list(candidates.values())

    def _sessions(self, connection: Connection, asked: Question, limit: int) -> list[Hit]:
        matches, terms = self._lexical.turns_by_session(connection, asked.words, filters=asked.filters)
        found = [_candidate("journal", match) for match in matches]
        best: dict[str, Hit] = {}
        for hit in _hits(connection, self._fused(connection, "journal", asked, found, _SESSION_TURNS), _NOTHING):
            best.setdefault(hit.session or "", hit)
        whole = self._lexical.whole_sessions(connection, terms, list(best), filters=asked.filters)
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


def _hits(connection: Connection, candidates: list[Candidate], least: float) -> list[Hit]:
    """Read the rows of candidates that score more than `least`, best first."""
    candidates = [candidate for candidate in candidates if candidate.score > least]
    rows = {
        corpus: found_rows(
            connection, corpus, [candidate.seq for candidate in candidates if candidate.corpus == corpus]
        )
        for corpus in _CORPORA["all"]
    }
    hits = []
    for candidate in sorted(candidates, key=_best_first):
        # A row may have gone since it was found.
        if row := rows[candidate.corpus].get(candidate.seq):
            hits.append(
                Hit(
                    id=row.id,
                    session=row.session,
                    kind=row.kind,
                    content=row.content,
                    created_at=iso(row.created_at),
                    score=candidate.score,
                    signals=candidate.signals,
                )
            )
    return hits


def _best_first(candidate: Candidate) -> tuple[float, bool, int]:
    return -candidate.score, candidate.corpus != "memories", -candidate.seq


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
