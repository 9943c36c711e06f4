"""Search: candidates of every kind, scored on one scale, without repetitions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from lra.errors import UsageError
from lra.memory.changes import mark_changed
from lra.memory.echoes import gist, is_question, without_echoes
from lra.memory.fusion import fuse
from lra.memory.hits import SCOPES, Candidate, Hit, Scope
from lra.memory.lexical import BUDGET, LexicalMatch, LexicalSearch, Width
from lra.memory.proximity import Proximity
from lra.memory.query import Terms, read, says_little
from lra.memory.question import Named, Question, ask, named_in, without_names
from lra.memory.secrets import repeatable
from lra.memory.talk import Talk, Turn
from lra.memory.times import Span, nearness, told_in, year_of
from lra.memory.weights import SESSIONS
from lra.store import StructuredMemoryStore, lexicon
from lra.store.clock import iso
from lra.store.found import FoundRow, found_rows, pinned_instructions
from lra.store.fts import Corpus, Filters
from lra.store.redaction import MARK

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lra.memory.semantic import Semantic


_SESSIONS_READ = 120
_TURNS_OF_SESSION = 2
_SEARCH = Width(rows=300, seeds=60, enough=40)
_RECALL = Width(rows=48, seeds=8, enough=16, spare=4)
_SESSIONS = Width(rows=1000, seeds=200, enough=200, judgement=SESSIONS)
_SAID_THEN = 200
_SESSIONS_THEN = 20
_YEARS = 30
_DATED = 150
"""Turns whose words are asked for the time they tell of."""
_TIME_SHARE = 0.2
"""How far the time alone can raise what is left of a memory's score."""
_CORPORA: dict[Scope, tuple[Corpus, ...]] = {
    "memories": ("memories",),
    "turns": ("journal",),
    "all": ("memories", "journal"),
}
_ECHO = 0.5
"""What is left of the score of a question that asks for nothing else."""
_NOTHING = 0.01
"""Scores that say no more than that a row exists."""

_SAID = frozenset({"turn", "summary"})


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
        vector = await self._vector(query, patience)
        asked = ask(query, words=words, vector=vector, budget=budget, filters=filters)
        # All of it in one go: a thread is woken once, whatever a question takes.
        if scope == "sessions":
            return await self._store.database.query(lambda connection: self._sessions(connection, asked, limit))
        width = replace(
            _SEARCH, rows=max(_SEARCH.rows, limit + _SEARCH.spare), enough=max(_SEARCH.enough, limit + _SEARCH.spare)
        )
        found = await self._store.database.query(
            lambda connection: self._found(connection, asked, scope, limit, least, width)
        )
        hits = _news_first(query, found)
        return hits[:limit] if echoes else without_echoes(hits, limit)

    async def recall(
        self, text: str, *, limit: int, filters: Filters, patience: float, budget: int, least: float
    ) -> tuple[list[Hit], list[FoundRow]]:
        """Return what may belong in front of the model for a message, and the pinned instructions, the oldest first.

        The arguments are those of `search`.
        """
        words = read(text)
        asked = ask(text, words=words, vector=None, budget=budget, filters=filters)
        if says_little(text, words) and not asked.times:
            words = []
        if words:
            asked = replace(asked, vector=await self._vector(text, patience))

        def look(connection: Connection) -> tuple[list[Hit], list[FoundRow]]:
            found = self._found(connection, asked, "all", limit, least, _RECALL) if words else []
            return found, pinned_instructions(connection, filters)

        found, instructions = await self._store.database.query(look)
        return without_echoes(_news_first(text, found), limit), instructions

    async def _vector(self, text: str, patience: float) -> NDArray[np.float32] | None:
        """Return the meaning of a question, if there is an embedder."""
        if await self._semantic.embedder() is None:
            return None
        speakers = await self._store.database.query(lexicon.speakers)
        named = named_in([word.text for word in read(text)], speakers)
        return await self._semantic.ask(without_names(text, named), patience=patience)

    def _found(
        self, connection: Connection, asked: Question, scope: Scope, limit: int, least: float, width: Width
    ) -> list[Hit]:
        found: list[Candidate] = []
        proximity: Proximity | None = None
        if "memories" in _CORPORA[scope]:
            found += self._rows(connection, "memories", asked, limit + width.spare)
        if "journal" in _CORPORA[scope]:
            talk, terms = self._talk(connection, asked, width, limit + width.spare)
            proximity = self._proximity(connection, terms)
            turns = sorted(talk.turns.values(), key=lambda turn: (-turn.raw, -turn.row.seq))[: limit + width.spare]
            found += [_said(turn, asked) for turn in turns]
        best = sorted(found, key=_best_first)[: limit + 2 * width.spare]
        return _hits(connection, best, least, asked, proximity)

    def _proximity(self, connection: Connection, terms: Terms) -> Proximity:
        return Proximity(terms, lambda words: self._lexical.lexicon.stems(connection, words))

    def _talk(self, connection: Connection, asked: Question, width: Width, near: int) -> tuple[Talk, Terms]:
        """Return turns that may answer a question, ranked in their conversations."""
        named = Named(frozenset(), frozenset())
        if speakers := lexicon.speakers(connection):
            named = named_in([word.text for word in asked.words], speakers)
        more: list[int] = []
        if asked.vector is not None:
            nearest = self._semantic.nearest(connection, asked.vector, "journal", filters=asked.filters, limit=near)
            more += [seq for seq, _ in nearest]
        # Days that everybody means; those of every year would be too many.
        for span in asked.times.spans(()):
            more += lexicon.said_between(connection, span.start, span.end, sessions=_SESSIONS_THEN, limit=_SAID_THEN)
        talk, terms = self._lexical.talk(
            connection,
            asked.about(named),
            filters=asked.filters,
            width=width,
            budget=asked.budget,
            optional=asked.times.words,
            more=more,
        )
        if asked.vector is not None:
            talk.by_meaning(self._semantic.cosines(connection, asked.vector, "journal", list(talk.turns)))
        if asked.times and talk.turns:
            spans = _spans(asked, [turn.row.at for turn in talk.turns.values()])
            talk.by_time(spans, lexicon.texts(connection, talk.likely(_DATED)))
        talk.rank(named.speakers)
        return talk, terms

    def _rows(self, connection: Connection, corpus: Corpus, asked: Question, limit: int) -> list[Candidate]:
        found = self._lexical.rows(
            connection,
            corpus,
            asked.words,
            filters=asked.filters,
            limit=limit,
            budget=asked.budget,
            optional=asked.times.words,
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
        talk, terms = self._talk(connection, asked, _SESSIONS, _SESSIONS.seeds)
        turns: dict[str, list[Turn]] = {}
        for turn in sorted(talk.turns.values(), key=lambda turn: (-turn.raw, -turn.row.seq)):
            turns.setdefault(turn.row.session, []).append(turn)
        best = [
            turn for said in list(turns.values())[: max(limit, _SESSIONS_READ)] for turn in said[:_TURNS_OF_SESSION]
        ]
        texts = lexicon.texts(connection, [turn.row.seq for turn in best])
        proximity = self._proximity(connection, terms)
        for turn in best:
            turn.closer(proximity.of(texts.get(turn.row.seq, "")))
        chosen: dict[str, Candidate] = {}
        for turn in best:
            candidate = _said(turn, asked)
            other = chosen.get(turn.row.session)
            if other is None or candidate.score > other.score:
                chosen[turn.row.session] = candidate
        hits = _hits(connection, list(chosen.values()), _NOTHING, asked, None)
        return [replace(hit, id=hit.session or "", kind="session") for hit in hits][:limit]


def _hits(
    connection: Connection, candidates: list[Candidate], least: float, asked: Question, proximity: Proximity | None
) -> list[Hit]:
    """Read the rows of candidates that score more than `least`, best first."""
    candidates = [candidate for candidate in candidates if candidate.score > least]
    rows = {
        corpus: found_rows(
            connection, corpus, [candidate.seq for candidate in candidates if candidate.corpus == corpus]
        )
        for corpus in _CORPORA["all"]
    }
    for found in rows.values():
        # The words that stand for erased ones tell nothing, whatever is asked.
        for seq in [seq for seq, row in found.items() if MARK in row.content and not _left(row.content)]:
            del found[seq]
    spans = _spans(asked, [row.created_at for row in rows["memories"].values()]) if asked.times else []
    for candidate in candidates:
        # A row may have gone since it was found.
        if (row := rows[candidate.corpus].get(candidate.seq)) is None:
            continue
        if candidate.turn is not None and proximity is not None:
            candidate.turn.closer(proximity.of(row.content))
            candidate.score = candidate.turn.score(timed=bool(asked.times))
        told = told_in(row.content, row.created_at) if spans and candidate.turn is None else ()
        if candidate.turn is None and spans and (fits := nearness(row.created_at, spans, told)):
            candidate.signals["time"] = fits
            candidate.score = 1.0 - (1.0 - candidate.score) * (1.0 - _TIME_SHARE * fits)
    hits = [
        Hit(
            id=row.id,
            session=row.session,
            kind=row.kind,
            # A memory may hold a secret, since somebody said yes to it; of what was only said nobody did.
            content=row.content if row.kind not in _SAID else repeatable(row.content),
            created_at=iso(row.created_at),
            score=candidate.score,
            signals=candidate.signals,
            namespace=row.namespace,
        )
        for candidate in sorted(candidates, key=_best_first)
        if (row := rows[candidate.corpus].get(candidate.seq))
    ]
    return mark_changed(connection, hits, asked.filters)


def _left(text: str) -> bool:
    """Tell whether anything is left of a text of which words were erased."""
    return any(char.isalnum() for char in text.replace(MARK, ""))


def _spans(asked: Question, moments: list[int]) -> list[Span]:
    """Return the times that are asked for; dates without a year in every year that the rows are of."""
    years = [year_of(at) for at in (min(moments), max(moments))] if moments else []
    return asked.times.spans(range(years[0], years[1] + 1)[-_YEARS:] if years else ())


def _said(turn: Turn, asked: Question) -> Candidate:
    return Candidate(
        corpus="journal",
        seq=turn.row.seq,
        session=turn.row.session,
        lexical=turn.signals["coverage"],
        score=turn.score(timed=bool(asked.times)),
        signals=turn.signals,
        turn=turn,
    )


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
