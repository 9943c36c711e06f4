"""Sentences that look like English to an index: few words very often, most words rarely."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

SEED = 20_231
_VOCABULARY = 20_000
_EXPONENT = 1.05

_FREQUENT_TEXT = """
the to and of a in is it that for was on with i my we at as have be this are he she they you not had but by from or
what all were when there can said an your which their if do will each about how up out them then many some so these
would other into has more her two like him see time could no make than first been its who now people over did down
only way find use may long little very after words called just where most know get through back much go good new
work day our want because any give think say help right before great same old tell thing man year live ask house
"""
_FREQUENT = tuple(_FREQUENT_TEXT.split())
_ONSETS = ("b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "r", "s",
           "sh", "sl", "st", "t", "tr", "v", "w", "z")  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "oo", "ou")
_CODAS = ("", "", "l", "m", "n", "nd", "r", "rk", "s", "st", "t", "x")
_ENDINGS = ("", "", "", "", "s", "ed", "ing", "er", "ly", "ment", "tion")


class Corpus:
    """A fixed vocabulary and the sentences made from it; equal for equal seeds."""

    def __init__(self, seed: int = SEED) -> None:
        self._random = random.Random(seed)
        self.words = self._vocabulary()
        self._sums = list(accumulate(1 / (rank + 2.7) ** _EXPONENT for rank in range(len(self.words))))

    def _vocabulary(self) -> list[str]:
        words = dict.fromkeys(_FREQUENT)
        pick = self._random.choice
        while len(words) < _VOCABULARY:
            stem = "".join(
                pick(_ONSETS) + pick(_VOWELS) + pick(_CODAS) for _ in range(self._random.choice((1, 2, 2, 3)))
            )
            words[stem + pick(_ENDINGS)] = None
        return list(words)

    def word(self) -> str:
        """Return a word, frequent ones frequently."""
        return self.words[bisect_left(self._sums, self._random.random() * self._sums[-1])]

    def sentence(self) -> str:
        """Return a sentence of 8 to 25 words."""
        words = [self.word() for _ in range(self._random.randint(8, 25))]
        return " ".join(words).capitalize() + "."

    def sentences(self, count: int) -> Iterator[str]:
        """Return so many sentences."""
        return (self.sentence() for _ in range(count))

    def question(self, about: str) -> str:
        """Return a question that shares a few words with a sentence, as people ask."""
        told = [word for word in dict.fromkeys(about.lower().rstrip(".").split()) if word not in _FREQUENT]
        asked = self._random.sample(told, min(len(told), self._random.randint(2, 4)))
        return " ".join(["what", "did", "i", "say", "about", "the", *asked, self.word()]) + "?"
