"""Statements as they hold from now on: without the words of their being new, and without what they correct."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lra.agent.offline.denials import SOMEBODY

_HEAD = (
    r"(?P<head>(?:my|our|the) (?:[^\s,;:?]{1,40} ){1,6}?(?:is|are)|"
    r"[^\s,;:?']{2,40}'s (?:[^\s,;:?]{1,40} ){1,4}?(?:is|are)|"
    r"i(?:'m| am)|(?:i|we) (?:live|work))"
)
_PLACED = r"(?:(?:in|at|for|as|called|named) )"
_BUT = re.compile(
    rf"{_HEAD} (?:not|no longer) (?P<how>{_PLACED}?)(?P<old>[^,;]{{1,80}}?)(?: any ?more| any longer)?"
    rf"(?:,? (?:but|rather)(?: rather| now| actually| it's| it is)?|[,;:-]+ (?:it's|it is|that's|they're|they are))"
    rf"(?: now)? (?P<how2>{_PLACED}?)(?P<new>.{{1,200}})",
    re.I,
)
_NOT = re.compile(
    rf"(?P<whole>{_HEAD} .{{1,200}}?)(?:,? (?:and )?(?:not|no longer)|,? instead of|,? rather than) "
    r"(?P<old>[^,;]{1,80})",
    re.I,
)
_CHANGED = re.compile(
    r"(?P<what>(?:my|our|the) (?:[^\s,;:?]{1,40} ){1,6}?)(?:(?:has|have|was|were|got) )?(?:just )?(?:been )?"
    r"(?:(?:changed|moved|switched|postponed|updated|"
    r"(?:went|gone|going) (?:up|down)|rose|risen|increased|"
    r"dropped|fell)(?: from [^,;]{1,80}?)? to|became|become) (?P<new>.{1,200})",
    re.I,
)
_OTHERWISE = re.compile(
    rf"(?P<who>{SOMEBODY}) "
    r"(?:no longer .{1,80}?|(?:doesn't|does not) .{1,80}? any ?(?:more|longer))[,;:-]+ (?:but |and )?(?:now )?"
    r"(?:he|she)(?: now)? (?P<new>(?!(?:does|did|has|had|can|could|would)\b)[a-z]+s .{1,200})",
    re.I,
)
_CLAUSE = re.compile(r"(?:i|we|you|he|she|it|they|call|can|do|please|what|that|because|so)\b", re.I)
_CONTRACTED = (
    (re.compile(r"\b(is|are|am)n't\b", re.I), r"\1 not"),
    (re.compile(r"\bdon't (?=live|work)", re.I), "not "),
)
# Only after these is it certain that the word belongs to the verb: "here and now" and "Right Now" are names.
_NEWLY_INSIDE = re.compile(
    r"\b(?P<verb>i|we|is|are|am|i'm|we're|i've|has|have|(?:is|are|am|i'm) called|(?:live|lives|work|works))"
    r" (?:now|actually|currently|in fact|by now)(?= )",
    re.I,
)
_NEWLY_AFTER = re.compile(
    r"(?<!\band)(?<!\bor)(?<!\buntil)(?<!\btill)(?<!\bby)(?<!\bfor)(?<!\bup to)(?<!\bhere)"
    r"(?:,? (?:(?:right )?now|nowadays|these days|as of (?:now|today)|at the moment|actually|in fact|by the way|btw))+$"
)


def corrected(line: str) -> Iterator[str]:
    """Give what a statement puts in the place of something else, where it does: "not A but B" says B.

    Args:
        line: One sentence without its closing punctuation.
    """
    for pattern, instead in _CONTRACTED:
        line = pattern.sub(instead, line)
    line = re.sub(r"^(i|we) not (live|work)", r"\1 \2 not", line, flags=re.I)
    line = re.sub(r"^(i|we) no longer (live|work)", r"\1 \2 no longer", line, flags=re.I)
    if (match := _BUT.fullmatch(line)) and not _CLAUSE.match(match["new"]):
        yield f"{match['head']} {match['how2'] or match['how']}{match['new']}"
    if (match := _NOT.fullmatch(line)) and not re.search(r" (?:not|no longer)$", match["head"]):
        yield match["whole"]
    if (match := _CHANGED.fullmatch(line)) and not _CLAUSE.match(match["new"]):
        yield f"{match['what']}is {match['new']}"


def otherwise(line: str) -> str | None:
    """Return what a line says of somebody instead of what is over: "Tom no longer works here, he works at Bosch"."""
    match = _OTHERWISE.fullmatch(line)
    return f"{match['who']} {match['new']}" if match else None


def lasting(line: str) -> str:
    """Return a statement without words such as "now" and "actually", which are untrue or empty when it is read."""
    return _NEWLY_AFTER.sub("", _NEWLY_INSIDE.sub(r"\g<verb>", line)).rstrip(" ,")
