"""Splitting what a person wrote into sentences and statements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lra.agent.offline.facts import read_fact

_BREAK = re.compile(r"(?<=[.!?…])[\"')\]]*\s+|\n+|(?<=[。！？؟])")
_ABBREVIATED = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|prof|st|vs|jr|sr|e\.g|i\.e|etc|a\.m|p\.m|ca|approx)|\b[a-z]|^\d{1,3})\.$", re.I
)
_CLAUSE = re.compile(
    r"\s*(?:,\s*(?:and\s+|but\s+)?|;\s*|\band\s+|\bbut\s+)(?:now\s+)?(?=(?:my|our|i|i'm|we|i've)\b)", re.I
)
_BULLET = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)])\s+")
_POLITE = re.compile(
    r"(?:(?:hey|hi|hello|ok|okay|oh|so|well|please|pls|kindly|now|also|then|and|um|uh|lra|btw|by the way|just|"
    r"quick question|question|(?:could|can|would|will) you(?: please| kindly| just| maybe)?|would you mind|"
    r"i(?:'d| would) like (?:you )?to|i (?:want|need) you to|you should|let's|let us|may i ask(?: you)?|"
    r"do me a favou?r and)\b[\s,:;.!-]*){1,6}",
    re.I,
)


def sentences(text: str) -> Iterator[str]:
    """Split at sentence ends and line breaks, not after abbreviations or list numbers."""
    held = ""
    for piece in _BREAK.split(text):
        held = f"{held} {piece}" if held else piece
        if held.strip() and not _ABBREVIATED.search(held[-12:]):
            yield held.strip()
            held = ""
    if held.strip():
        yield held.strip()


def statements(text: str) -> list[str]:
    """Split a text into statements that stand alone; a clause that does not stays with the one before."""
    found: list[str] = []
    for sentence in sentences(text):
        first = len(found)
        for piece in _CLAUSE.split(sentence):
            if len(found) > first and read_fact(piece) is None:
                found[-1] = f"{found[-1]} and {piece}"
            elif piece.strip():
                found.append(piece.strip())
    return found


def bullets(text: str) -> list[str]:
    """Return the items of a text that is a list and nothing else; otherwise nothing."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or not all(_BULLET.match(line) for line in lines):
        return []
    return [_BULLET.sub("", line, count=1).strip() for line in lines]


def without_politeness(text: str) -> str:
    """Return a text from its first word that says something; all of it when it is only polite."""
    polite = _POLITE.match(text)
    return (text[polite.end() :] if polite else text) or text


def sentence_case(text: str) -> str:
    """Capitalise an ordinary first word; names such as `npm` stay as they are."""
    ordinary = re.match(r"(?:my|our|i|i'm|we|the|a|an|his|her|their|he|she|it|they|always|never|this|that)\b", text)
    return text[:1].upper() + text[1:] if ordinary else text
