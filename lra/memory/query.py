"""Reading a question: which words to look for, and how much each of them tells."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from lra.memory.forms import others
from lra.memory.words import ASKING_WORDS, COMMON_WORDS, FUNCTION_WORDS
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
    """What the index holds of it; several when it stands for other forms too or for every word that begins so."""
    frequency: int
    weight: float

    @property
    def match(self) -> str:
        """The FTS5 expression that finds it."""
        if self.word.gram:
            return f'"{self.word.text}"{"*" if len(self.word.text) == 1 else ""}'
        return " OR ".join(f'"{form}"' for form in (self.word.text, *others(self.word.text)))


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


_LITTLE = 3
"""Words of such a message at most."""
_OWN = frozenset({"my", "mine", "our", "ours"})
"""Whoever says one of these asks about themselves."""


def read(query: str) -> list[Word]:
    """Return the words that carry a question; function words only when there is nothing else."""
    parsed = QueryTerms.parse(query[:_MAX_CHARS])
    words = [
        Word(text, common=text in COMMON_WORDS or text in ASKING_WORDS)
        for text in parsed.words
        if text not in FUNCTION_WORDS
    ]
    grams = [
        Word(gram, share=_gram_share(gram), gram=True)
        for run in parsed.runs
        for gram in (run[i : i + 2] for i in range(max(1, len(run) - 1)))
    ]
    if not words and not grams:
        words = [Word(text, common=True) for text in parsed.words]
    return list(dict.fromkeys([*words, *grams]))


def says_little(text: str, words: Sequence[Word]) -> bool:
    """Whether a message is one that people answer or go on with: "y", "2", "are you sure?".

    Args:
        text: The message.
        words: What `read` found in it.
    """
    said = QueryTerms.parse(text[:_MAX_CHARS]).words
    if len(said) > _LITTLE or not _OWN.isdisjoint(said):
        return False
    return all(not word.gram and (word.common or (len(word.text) == 1 and word.text.isascii())) for word in words)


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
    connection: Connection,
    known: lexicon.Lexicon,
    corpus: Corpus,
    words: Sequence[Word],
    *,
    budget: int,
    optional: Container[str] = (),
) -> Terms:
    """Look the words up in an index.

    Args:
        connection: Any connection.
        known: What is known of the indexes.
        corpus: Which index.
        words: The words of the question.
        budget: How many rows may be visited; terms beyond it are `frequent`.
        optional: Words that need not be anywhere: dates, which a row may say or merely bear.
    """
    if not words:
        return Terms()
    rows = known.size(connection, corpus)
    distinct = _distinct(connection, known, words)
    counts = lexicon.frequencies(connection, corpus, list({stem for _, stems in distinct for stem in stems}))
    terms = []
    for place, (word, stems) in enumerate(distinct):
        forms = {stem: counts.get(stem, 0) for stem in stems}
        if word.gram and len(word.text) == 1:
            forms = lexicon.beginning_with(connection, corpus, word.text, limit=_MAX_FORMS)
        seen = min(rows, sum(forms.values()))
        telling = weight(seen, rows, common=word.common) * word.share
        terms.append(Term(place=place, word=word, stems=tuple(forms), frequency=seen, weight=telling))
    heaviest = sorted(terms, key=lambda term: -term.weight)
    wanted = [term for term in heaviest if term.frequency or term.word.text not in optional]
    attainable = sum(term.weight for term in wanted[:ATTAINABLE_TERMS]) or 1.0
    present = [term for term in heaviest if term.frequency][:MAX_TERMS]
    rare: list[Term] = []
    frequent: list[Term] = []
    visited = 0
    for term in sorted(present, key=lambda term: term.frequency):
        visited += term.frequency
        (rare if visited <= budget else frequent).append(term)
    return Terms(rare=rare, frequent=frequent, attainable=attainable, rows=rows)


def _distinct(
    connection: Connection, known: lexicon.Lexicon, words: Sequence[Word]
) -> list[tuple[Word, tuple[str, ...]]]:
    """Return for each thing that is asked for the word and the stems by which it is found, no stem twice."""
    other = {word.text: others(word.text) for word in words}
    asked = [text for word in words for text in (word.text, *other[word.text])]
    stems = dict(zip(asked, known.stems(connection, asked), strict=True))
    found: list[tuple[Word, tuple[str, ...]]] = []
    taken: set[str] = set()
    for word in words:
        for stem in stems[word.text]:
            if stem not in taken:
                # A word that falls into several tokens has no other forms.
                forms = [form for text in other[word.text] for form in stems[text]]
                kept = tuple(dict.fromkeys([stem, *(form for form in forms if form not in taken)]))
                taken.update(kept)
                found.append((word, kept))
    return found
