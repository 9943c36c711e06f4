"""Corrections that name only the new value: "no, it's Nils", after what was told or asked before."""

from __future__ import annotations

import re

from lra.agent.offline.facts import Fact, read_fact
from lra.agent.offline.intents import Intent, Kind, parse
from lra.agent.offline.questions import read_question
from lra.agent.offline.words import is_question_marked, tidy

_CORRECTS = re.compile(
    r"(?:(?:no|nope|wrong|sorry|oops|wait|actually|correction|not quite|"
    r"that's (?:wrong|not right|incorrect))[\s,.:!-]+)+"
    r"(?P<how>(?:i (?:mean|meant)|it's|it is|that's|it should be|make (?:it|that)|rather)(?: now| actually)? )?"
    r"(?P<one>.+)|"
    r"(?:i meant|(?:it|that)(?: was| is| has been|'s been| got|'s)? (?:moved|changed|postponed|rescheduled) to|"
    r"make (?:it|that)|it should be|it's actually|it is actually|it's now|it is now) (?P<other>.+)",
    re.I,
)
_HEAD = re.compile(
    r"(?P<head>(?:my|our|the) .{1,80}? (?:is|are)(?: called| named)?|"
    r"[^\s']{2,40}'s .{1,60}? (?:is|are)(?: called| named)?|"
    r"i(?:'m| am)(?: called| named| based in| from)?|i (?:live|work) (?:in|at|for|as)|call me) .+",
    re.I,
)
_MOST = 6
"""Words; whoever says more than that names what it is of."""
_NO_VALUE = re.compile(
    r"(?:i|we|you|he|she|they|it|that|this|there|what|please|thanks?|don't|do|not|never|forget|stop|wrong|right|sorry|"
    r"tell|show|give|write|make|let|list|add|run|open|help|search|find|remind|remember|explain|say|play|sing|read|"
    r"fine|good|great|nice|bad|enough|late|true|false|possible|perfect|cool|over|done|all|only|just|too|very|so|"
    r"nothing|no|yes|ok|okay|cancel|wait|later|need|problem|idea|way|worries|matter|but|and|because)\b",
    re.I,
)


_THEIRS = re.compile(
    r"(?:(?:his|her|its|their) names? (?:is|are)|(?:he|she|it|they)(?:'s|'re| is| are) (?:called|named)) "
    r"(?P<value>.{1,60})",
    re.I,
)
_HAVE_ONE = re.compile(r"(?:i|we)(?: have|'ve| have got|'ve got) an? (?:[a-z]+ )?(?P<what>[a-z]+)", re.I)
_MINE = re.compile(
    r"(?:my|our) (?P<what>[a-z]+) (?!is called|is named)(?:is|has|likes?|loves?|lives?|works?|was|'s) .+", re.I
)


def of_somebody(prompt: str, before: str) -> Intent | None:
    """Return the name that a message gives to whom or what the message before told of; None where it gives none.

    Args:
        prompt: The message, such as "his name is Bello".
        before: The message before it, such as "I have a dog".
    """
    match = _THEIRS.fullmatch(tidy(prompt[:200]).rstrip(".! "))
    if match is None or is_question_marked(prompt):
        return None
    told = [fact.content for intent in parse(before) for fact in intent.facts]
    whom = (_HAVE_ONE.fullmatch(told[-1]) or _MINE.fullmatch(told[-1])) if told else None
    fact = read_fact(f"my {whom['what']} is called {match['value']}") if whom else None
    return Intent(Kind.REMEMBER, (fact,)) if fact is not None and fact.key is not None else None


def completed(prompt: str, before: str) -> Intent | None:
    """Return the statement that a correction makes of what was said just before it; None where it makes none.

    Args:
        prompt: The message.
        before: The message before it.
    """
    match = _CORRECTS.fullmatch(tidy(prompt[:200]).rstrip(".! "))
    if match is None or is_question_marked(prompt):
        return None
    value = match["one"] or match["other"]
    named = (
        match["how"] or match["other"] or any(char.isdigit() or not char.islower() for char in value if char.isalnum())
    )
    if not named or len(value.split()) > _MOST or _NO_VALUE.match(value):
        return None
    for head in _heads(before):
        fact = read_fact(f"{head} {value}")
        if fact is not None and fact.key is not None:
            return Intent(Kind.REMEMBER, (fact,))
    return None


def _heads(before: str) -> list[str]:
    """Return what a value may be put behind, of what was told or asked for."""
    told: list[Fact] = [fact for intent in parse(before) for fact in intent.facts if fact.key]
    heads = [match["head"] for fact in told[-1:] if (match := _HEAD.fullmatch(fact.content))]
    if told or (key := read_question(before).key) is None:
        return heads
    owner, _, what = key.partition(".")
    words = {"location": "I live in", "employer": "I work at", "age": "I am", "job": "I work as"}.get(what)
    if owner == "user" and words:
        return [words]
    whose = {"user": "my", "our": "our"}.get(owner, f"{owner.capitalize()}'s")
    return [f"{whose} {what.replace('_', ' ')} is"]
