"""A question as search sees it: its words, whom it names and which time it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lra.memory.query import Word, read
from lra.memory.times import Times, read_times
from lra.memory.words import COMMON_WORDS, FUNCTION_WORDS
from lra.store.clock import now_us
from lra.store.fts import Filters, fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
_MOST_CHARS = 2000
"""Longer messages hold times that nobody asks for."""


@dataclass(frozen=True, slots=True)
class Named:
    """Those who have spoken and are named in a question."""

    speakers: frozenset[str]
    words: frozenset[str]
    """Their names, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, of every index."""

    words: list[Word]
    times: Times
    vector: NDArray[np.float32] | None
    budget: int
    filters: Filters

    def about(self, named: Named) -> list[Word]:
        """Return the words to look for in what was said, where names say who spoke and dates say when."""
        aside = named.words | self.times.words
        return [word for word in self.words if word.text not in aside] or self.words


def ask(
    text: str, *, vector: NDArray[np.float32] | None, budget: int, filters: Filters, words: list[Word] | None = None
) -> Question:
    """Read a question.

    Args:
        text: What was written.
        vector: Its meaning, where there is an embedder.
        budget: How many rows lexical search may visit.
        filters: Which rows count.
        words: Its words, if they have been read.
    """
    moment = datetime.fromtimestamp((filters.as_of or now_us()) / 1_000_000, tz=UTC)
    times = read_times(text, moment) if len(text) <= _MOST_CHARS else Times()
    return Question(
        words=read(text) if words is None else words, times=times, vector=vector, budget=budget, filters=filters
    )


def named_in(words: Sequence[str], speakers: Sequence[str]) -> Named:
    """Return which speakers a question names.

    Args:
        words: The question's words in lower case.
        speakers: Who has spoken.
    """
    asked = set(words)
    found: set[str] = set()
    names: set[str] = set()
    for speaker in speakers:
        own = {word for word in _WORD.findall(fold(speaker).lower()) if _is_name(word)} & asked
        if own:
            found.add(speaker)
            names |= own
    return Named(frozenset(found), frozenset(names))


def _is_name(word: str) -> bool:
    return len(word) > 1 and word not in FUNCTION_WORDS and word not in COMMON_WORDS and not word.isdigit()


def without_names(text: str, named: Named) -> str:
    """Return a question without the names in it, which say more of its meaning than all its other words."""
    if not named.words:
        return text
    names = "|".join(map(re.escape, sorted(named.words, key=len, reverse=True)))
    rest = " ".join(re.sub(rf"\b(?:{names})\b(?:['’]s\b)?", " ", text, flags=re.IGNORECASE).split())
    return rest if _WORD.search(rest) else text
