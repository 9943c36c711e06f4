"""Questions about what was said: in this conversation, in the last one, on some day."""

from __future__ import annotations

import re
from typing import Literal

from lra.agent.offline.words import TALK, stems

Where = Literal["before", "either", "here", "last", "first"]
"""Which talk is asked about: earlier ones, those and this one, this one alone, its last message or its first."""

_TALKED = re.compile(
    r"(?:(?:do you remember|tell me|can you recall|recall) )?"
    r"(?:what (?:did|have|had|were|was|are) (?:we|i|you|you and i) (?:(?:been|just|last|all|recently|even) ){0,2}"
    r"(?:talk|discuss|chat|speak|spoke|say|said|do|work|ask|tell)\w*\b|"
    r"where (?:did|had|were) we(?: leave off| left off| stop| stopped| at)?|"
    r"(?:summari[sz]e|recap|sum up) (?:our|the|my|what we)\b|"
    r"(?:do you (?:still )?(?:remember|recall) |tell me about |show me |what was |what happened in |what about )?"
    r"(?:our|the|my) (?:last|previous|earlier|recent|past|latest|yesterday's) "
    r"(?:conversation|chat|talk|session|discussion)s?|what (?:happened|was) (?:last time|yesterday|earlier)|"
    r"what (?:was|is|were) (?:my|the|our) (?:last|previous) (?:question|message|thing|topic)s?\b.{0,30}|"
    r"(?:show|list)(?: me)? (?:my |our |the )?(?:recent )?conversations?)",
    re.I,
)
_HERE = re.compile(
    r"\b(?:earlier|before|just|so far|a (?:moment|minute) ago|this (?:conversation|session|chat))\b", re.I
)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DAY = re.compile(
    r"\b(?:since |from |earlier |on )?(?:(?P<yesterday>yesterday)|today|this (?:morning|afternoon|evening)|"
    rf"(?P<ago>\d{{1,4}}|{'|'.join(_NUMBERS[1:])}) days? ago|"
    r"(?:last |on )(?P<weekday>(?:mon|tues|wednes|thurs|fri|satur|sun)day))\b",
    re.I,
)
_ONLY_HERE = re.compile(
    r"\b(?:so far|in here|(?:in|of|during) this (?:conversation|session|chat|talk))\b|"
    r"(?:can you )?(?:summari[sz]e|sum up|recap|sum|(?:give me |make |write )?(?:an? |the )?(?:short |brief )?"
    r"(?:summary|recap) of)(?: (?:this|our|the|my|all|whole|entire|present|current|conversation|chat|talk|session|"
    r"discussion|what|we|i|have|has|been|said|talked|discussed|talking|discussing|about|here|up|it|everything|for|me|now|"
    r"please))*|(?:summary|recap|tl;?dr)(?: please)?",
    re.I,
)
_SUMMARY = re.compile(r"(?:can you )?(?:summari[sz]e|sum up|recap)\b|(?:\w+ ){0,4}(?:summary|recap|tl;?dr)\b", re.I)
_NOT_HERE = re.compile(r"\b(?:last|previous|yesterday(?:'s)?|earlier|past|recent|other|ago|today)\b", re.I)
_LAST_OF_MINE = re.compile(
    r"what (?:did|have|had) i (?:just|last) "
    r"(?:say|said|ask|asked|write|wrote|written|type|typed|tell you|told you|mention)"
    r"(?: (?:just now|to you|you|now|again))*|"
    r"what (?:was|is|were) (?:my|the) (?:last|previous) (?:question|message|sentence|line|prompt)"
    r"(?: (?:again|to you))*|"
    r"what(?: was|'s| is) the last thing i (?:said|asked|wrote|typed|told you)(?: to you)?",
    re.I,
)
_FIRST_OF_MINE = re.compile(
    r"what (?:did|have|had) i (?:say|said|ask|asked|write|wrote|written|tell you|told you)(?: to)?(?: you)? "
    r"(?:at )?first|"
    r"what did i first (?:say|ask|write|tell you)(?: you| to you)?|"
    r"what (?:was|is) (?:my|the) (?:very )?first (?:question|message|sentence|line|thing)"
    r"(?: (?:i (?:said|asked|wrote|told you)|here|in this (?:conversation|chat|session)|to you|today))*",
    re.I,
)
_LAST_ANSWER = re.compile(
    r"what (?:did|have|had) you (?:just |last )?"
    r"(?:say|said|tell me|told me|write|written|answer|answered|reply|replied)"
    r"(?: (?:just now|just|again|last|to me|before|a (?:moment|second|minute) ago|there))*|"
    r"what(?: was|'s| is|'d) (?:that(?: again)?|your (?:last |previous )?(?:answer|reply|message|response)(?: again)?|"
    r"(?:the last thing )?you(?: just)? (?:said|say|wrote))|"
    r"(?:repeat|say|show)(?: me)? (?:that|it|this|yourself|(?:your|the) last (?:answer|message|reply|response)|"
    r"what you (?:just )?said)(?: (?:again|once more|one more time|please))*|repeat|come again|"
    r"pardon(?: me)?|say again|i (?:did not|didn't) (?:get|catch|understand) (?:that|it)",
    re.I,
)


def is_about_talk(line: str) -> bool:
    """Whether a line asks what was talked about, without naming a subject."""
    if (
        _FIRST_OF_MINE.fullmatch(line)
        or _LAST_OF_MINE.fullmatch(line)
        or (_SUMMARY.match(line) and _ONLY_HERE.fullmatch(line))
    ):
        return True
    return bool(_TALKED.match(line)) and not stems(line) - TALK


def asks_for_last_answer(line: str) -> bool:
    """Whether a line asks to hear the last answer again."""
    return bool(_LAST_ANSWER.fullmatch(line))


def where_talked(line: str) -> Where:
    """Return which talk a line asks about that is known to ask about one."""
    if _LAST_OF_MINE.fullmatch(line):
        return "last"
    if _FIRST_OF_MINE.fullmatch(line):
        return "first"
    if _NOT_HERE.search(line) is None and (
        _ONLY_HERE.fullmatch(line) or _ONLY_HERE.search(line) or _SUMMARY.match(line)
    ):
        return "here"
    if "last" in line.lower().split():
        return "before"
    return "either" if _HERE.search(line) or not _NOT_HERE.search(line) else "before"


def days_ago(line: str) -> int | None:
    """Return the day a line speaks of, counted back from today; None when it names none, or one of the week."""
    if not (match := _DAY.search(line)) or match["weekday"]:
        return None
    if match["ago"]:
        return int(match["ago"]) if match["ago"].isdecimal() else _NUMBERS.index(match["ago"].lower())
    return 1 if match["yesterday"] else 0


def weekday(line: str) -> int | None:
    """Return the day of the week a line speaks of, from 0 for Monday; None when it names none."""
    match = _DAY.search(line)
    return _WEEKDAYS.index(match["weekday"].lower()[:3]) if match and match["weekday"] else None


def without_day(line: str) -> str:
    """Return a line without the day it speaks of."""
    return " ".join(_DAY.sub(" ", line).split())
