"""Words mistyped in the ways that fingers slip, where it is certain which word was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ASKING = ("what", "where", "when", "which", "whose", "whats", "wheres", "whens", "who", "how")
_NO_SLIPS = frozenset(
    {
        "that",
        "there",
        "then",
        "here",
        "were",
        "those",
        "hat",
        "chat",
        "wheat",
        "wet",
        "watch",
        "hen",
        "mali",
        "county",
        "manger",
    }
)
_FIRST = re.compile(
    r"(?P<word>[a-z]{3,7})(?P<rest>(?:'s)? (?:is|are|was|were|do|does|did|am|my|our|the|can|should)\b)", re.I
)
_SWAPPED = 4
"""Letters from which two that changed places leave a word that can be known again."""
_LEFT_OUT = 6
"""Letters from which a word can be known again with one letter too few or too many."""


def asked(line: str) -> str:
    """Return a line with its question word spelt right: "waht is my name"."""
    match = _FIRST.match(line)
    if match is None or (word := match["word"].lower()) in _ASKING or word in _NO_SLIPS:
        return line
    meant = next(
        (right for right in _ASKING if _swapped(word, right) or (len(right) > 3 and _one_off(word, right))), None
    )
    return line if meant is None else meant + line[match.end("word") :]


def spelt(word: str, known: Iterable[str]) -> str:
    """Return the known word that a word is a slip of; the word itself where it is none.

    Args:
        word: A word in small letters.
        known: Words that may be meant.
    """
    words = frozenset(known)
    if word in words or word in _NO_SLIPS or not word.isascii() or len(word) < _SWAPPED:
        return word
    near = [
        right
        for right in words
        if (len(right) >= _SWAPPED and _swapped(word, right)) or (len(right) >= _LEFT_OUT and _one_off(word, right))
    ]
    return near[0] if len(near) == 1 else word


def _swapped(word: str, right: str) -> bool:
    """Whether two neighbouring letters have changed places."""
    if len(word) != len(right) or word == right:
        return False
    places = [at for at in range(len(word)) if word[at] != right[at]]
    return (
        len(places) == 2
        and places[1] == places[0] + 1
        and word[places[0]] == right[places[1]]
        and word[places[1]] == right[places[0]]
    )


def _one_off(word: str, right: str) -> bool:
    """Whether one letter is missing or too many."""
    short, long = sorted((word, right), key=len)
    if len(long) - len(short) != 1:
        return False
    # A first or last letter more or less makes other words: "other" and "mother", "weigh" and "weight", plurals.
    return any(long[:at] + long[at + 1 :] == short for at in range(1, len(long) - 1))
