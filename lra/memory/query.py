"""Reading a question: which words to look for, and how much each of them tells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from lra.memory.words import COMMON_WORDS, FUNCTION_WORDS
from lra.store import lexicon
from lra.store.fts import Corpus, QueryTerms

MAX_TERMS = 32
"""Longer texts are represented by their most telling words."""
ATTAINABLE_TERMS = 8
"""Nothing short matches more words of a long text than this; a match of so many is complete."""

_BACKGROUND_ROWS = 400.0
_BACKGROUND_COMMON = 40.0
_MAX_CHARS = 20_000
_MAX_FORMS = 50


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the question as it was read, before any index was asked."""

    text: str
    common: bool = False
    share: float = 1.0
    """How much it counts beside a full word; parts of unspaced script overlap and count less."""
    gram: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One token to look for in an index."""

    place: int
    word: Word
    stems: tuple[str, ...]
    """What the index holds of it; several when it stands for every word that begins with it."""
    frequency: int
    weight: float

    @property
    def match(self) -> str:
        """The FTS5 expression that finds it."""
        star = "*" if self.word.gram and len(self.word.text) == 1 else ""
        return f'"{self.word.text}"{star}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A question as one index sees it."""

    rare: list[Term] = field(default_factory=list)
    """Looked up row by row."""
    frequent: list[Term] = field(default_factory=list)
    """In too many rows to visit; they only raise what the rare ones found."""
    attainable: float = 1.0
    """The weight that a perfect match would gather."""
    rows: int = 0

    @property
    def all(self) -> list[Term]:
        """Both kinds."""
        return [*self.rare, *self.frequent]


def read(query: str) -> list[Word]:
    """Return the words that carry a question; function words only when there is nothing else."""
    parsed = QueryTerms.parse(query[:_MAX_CHARS])
    words = [Word(text, common=text in COMMON_WORDS) for text in parsed.words if text not in FUNCTION_WORDS]
    grams = [
        Word(gram, share=_gram_share(gram), gram=True)
        for run in parsed.runs
        for gram in (run[i : i + 2] for i in range(max(1, len(run) - 1)))
    ]
    if not words and not grams:
        words = [Word(text, common=True) for text in parsed.words]
    return list(dict.fromkeys([*words, *grams]))


def _gram_share(gram: str) -> float:
    """Kana alone are mostly endings and particles; two signs of meaning count most."""
    kana = sum("\u3040" <= char <= "\u309f" for char in gram)
    return 0.6 if not kana else 0.35 if kana < len(gram) else 0.12


def weight(frequency: int, rows: int, *, common: bool) -> float:
    """Return a term's inverse document frequency, as if a background of ordinary text had been seen before."""
    seen = frequency + (_BACKGROUND_COMMON if common else 0.0)
    total = rows + _BACKGROUND_ROWS
    return math.log1p((total - seen + 0.5) / (seen + 0.5))


def resolve(
    connection: Connection, known: lexicon.Lexicon, corpus: Corpus, words: Sequence[Word], *, budget: int
) -> Terms:
    """Look the words up in an index.

    Args:
        connection: Any connection.
        known: What is known of the indexes.
        corpus: Which index.
        words: The words of the question.
        budget: How many rows may be visited; terms beyond it are `frequent`.
    """
    if not words:
        return Terms()
    stemmed = known.stems(connection, [word.text for word in words])
    rows = known.size(connection, corpus)
    distinct: dict[str, Word] = {}
    for word, stems in zip(words, stemmed, strict=True):
        for stem in stems:
            distinct.setdefault(stem, word)
    counts = lexicon.frequencies(connection, corpus, list(distinct))
    terms = []
    for place, (stem, word) in enumerate(distinct.items()):
        forms = {stem: counts.get(stem, 0)}
        if word.gram and len(word.text) == 1:
            forms = lexicon.beginning_with(connection, corpus, word.text, limit=_MAX_FORMS)
        seen = min(rows, sum(forms.values()))
        telling = weight(seen, rows, common=word.common) * word.share
        terms.append(Term(place=place, word=word, stems=tuple(forms), frequency=seen, weight=telling))
    heaviest = sorted(terms, key=lambda term: -term.weight)
    attainable = sum(term.weight for term in heaviest[:ATTAINABLE_TERMS]) or 1.0
    present = [term for term in heaviest if term.frequency][:MAX_TERMS]
    rare: list[Term] = []
    frequent: list[Term] = []
    visited = 0
    for term in sorted(present, key=lambda term: term.frequency):
        visited += term.frequency
        (rare if visited <= budget else frequent).append(term)
    return Terms(rare=rare, frequent=frequent, attainable=attainable, rows=rows)
