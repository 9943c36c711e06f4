"""What a message asks for: text in, intents out. Rules only; no model, no state, no tools."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from lra.agent.offline.attributes import attribute_key, is_secret
from lra.agent.offline.code_phrases import read_code
from lra.agent.offline.facts import Fact, read_fact, settled
from lra.agent.offline.questions import Question, is_question, questions_in, read_question
from lra.agent.offline.sentences import bullets, sentence_case, sentences, statements, without_politeness
from lra.agent.offline.small_talk import read_small_talk
from lra.agent.offline.talk_phrases import (
    Where,
    asks_for_last_answer,
    days_ago,
    is_about_talk,
    weekday,
    where_talked,
    without_day,
)
from lra.agent.offline.task_phrases import TaskCommand, read_task_command
from lra.agent.offline.words import LOOK, content_words, is_question_marked, tidy, word_set


class Kind(StrEnum):
    """The kinds of things a message can ask for."""

    REMEMBER = "remember"
    ASK = "ask"
    ABOUT_ME = "about_me"
    RECENT = "recent"
    REPEAT = "repeat"
    TASK = "task"
    CODE = "code"
    FORGET = "forget"
    SECRET = "secret"
    GREETING = "greeting"
    THANKS = "thanks"
    BYE = "bye"
    AGREED = "agreed"
    HELP = "help"
    WHO = "who"
    CLOCK = "clock"
    EMPTY = "empty"
    WHY = "why"
    WRONG = "wrong"
    UNDO = "undo"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing a message asks for; which fields are filled depends on the kind."""

    kind: Kind
    facts: tuple[Fact, ...] = ()
    question: Question | None = None
    task: TaskCommand | None = None
    code: str = ""
    language: str = ""
    days_ago: int | None = None
    """The day asked about, counted back from today; for `recent`, None is the last conversation."""
    weekday: int | None = None
    """The day of the week asked about, from 0 for Monday."""
    where: Where = "before"
    """For `recent`: which talk is meant."""
    topic: str = ""
    """For `forget`: the words that say what."""


_MOST_FACTS = 20
_MOST_LINES = 40
_MOST_INTENTS = 6
_TALKATIVE = 1200
"""Longer messages are pasted rather than said: nothing in them is stored unless that was asked for."""

_COURTESIES = frozenset({Kind.GREETING, Kind.THANKS, Kind.BYE, Kind.AGREED})
ORDERS = _COURTESIES | {
    Kind.TASK,
    Kind.FORGET,
    Kind.RECENT,
    Kind.REPEAT,
    Kind.ABOUT_ME,
    Kind.HELP,
    Kind.WHO,
    Kind.CLOCK,
    Kind.CODE,
    Kind.WHY,
    Kind.WRONG,
    Kind.UNDO,
}
"""What tells nothing that anybody could ask for later."""
_REQUESTS = frozenset(Kind) - _COURTESIES - {Kind.REMEMBER, Kind.OTHER, Kind.EMPTY}

_REMEMBER = re.compile(
    r"(?:rem(?:em|m)?[eb]?ber|memori[sz]e|(?:make|take) (?:a )?note(?: of)?|note(?= that| down|:| to self|,)|"
    r"(?:keep|bear) in mind|(?:do not|don't|dont|never) (?:ever )?forget|(?:write|jot) down|"
    r"(?:save|store|put|write|add)(?: (?:this|that|it))?(?: down)? (?:to|in|into) (?:your |my |the |long-term )*memory|"
    r"(?:save|store)(?=:| that| this:))(?P<rest>(?![^\W_]).*)",
    re.I | re.S,
)
_THAT = re.compile(
    r"[\s,]*(?:(?:this|that|the following|down|for me|to self|also)\b(?: (?:fact|that))?)?[\s,:;-]*", re.I
)
_TOLD = re.compile(r"[\s,]*(?:this|that|the following)?\s*:|[\s,]*that\b", re.I)
_RECALLS = re.compile(
    r"[\s,:]*(?:(?:what|when|where|who|whose|whom|which|why|how|if|whether|me)\b|that time\b|"
    r"(?:my|our) (?P<what>[\w' -]+)$)",
    re.I,
)
_NOTHING = re.compile(
    r"(?:(?:nothing|something|anything|everything|it|this|that|all|me)(?: else| more| of (?:it|this|that))?)?[.! ]*",
    re.I,
)
_CLOSING = re.compile(r"(?:[\s,.!]+(?:please|ok|okay|right|thanks|thank you))+[\s?？؟.!]*$|\s*[?？؟]+\s*$", re.I)
_CLOSING_LENGTH = 60
_FORGET = re.compile(
    r"(?:forget|unlearn|(?:do not|don't) (?:remember|store|save|keep)|"
    r"(?:delete|remove|erase|clear|wipe)\b.{0,60}\bmemor(?:y|ies))\b.*",
    re.I | re.S,
)
_FORGETTING = word_set(
    "forget unlearn remember store save keep delete remove erase clear wipe memory memories everything all fact facts"
)
_TOPIC_WORDS = 5
_SHRUG = re.compile(r"forget (?:it|about it|that|this)", re.I)
_KINDLY = re.compile(r"(?:\w+[,.!]? ){0,3}?(?:can|could|will|would) you\b", re.I)
_SEQUEL = re.compile(r"(?:he|she|it|they|his|her|its|their)\b", re.I)


def parse(text: str) -> tuple[Intent, ...]:
    """Return what a message asks for, in its order; at least one intent, whatever the text.

    Args:
        text: The message. Only its head is looked at, while text to store or code to run is taken whole.
    """
    head = tidy(text[:LOOK])
    if not head and len(text) <= LOOK:
        return (Intent(Kind.EMPTY),)
    spoken = without_politeness(head)
    if found := _read_code(text, spoken):
        return (found,)
    if len(text) > LOOK:
        return (_read_remember(spoken, whole=text) or _long(text),)
    if "```" in head:
        return (_read_remember(spoken) or Intent(Kind.OTHER),)
    lines = list(islice((part for line in sentences(head) for part in questions_in(line)), _MOST_LINES))
    if len(lines) > 1 and not bullets(head.partition("\n")[2]) and any(_requests(line) for line in lines[1:]):
        return _mixed(lines, storing=len(head) <= _TALKATIVE)
    first = _read_remember(spoken) or _read_line(spoken, head)
    if first is not None and (first.kind is not Kind.ASK or len(lines) < 2):
        return (first,)
    if len(lines) > 1:
        return _mixed(lines, storing=len(head) <= _TALKATIVE)
    return (_implied(head, spoken),)


def _requests(line: str) -> bool:
    found = _read_line(without_politeness(line), line)
    return found is not None and found.kind in _REQUESTS


def _read_code(text: str, spoken: str) -> Intent | None:
    found = None if _REMEMBER.match(spoken[:200]) else read_code(text, spoken)
    return Intent(Kind.CODE, code=found[0], language=found[1]) if found else None


def _read_remember(spoken: str, *, whole: str = "") -> Intent | None:
    match = _REMEMBER.match(spoken)
    if match is None or _only_recalls(match["rest"]):
        return None
    rest = match["rest"]
    content = rest[end.end() :] if (end := _THAT.match(rest)) else rest
    if whole:
        start = whole.find(content[:200].strip()) if content.strip() else -1
        return Intent(Kind.REMEMBER, (Fact(whole[max(start, 0) :].strip()),))
    if items := bullets(rest.partition("\n")[2]) if not rest.partition("\n")[0].strip(" ,:-") else []:
        return Intent(Kind.REMEMBER, _capped([read_fact(item) or Fact(sentence_case(item)) for item in items]))
    content = content[:-_CLOSING_LENGTH] + _CLOSING.sub("", content[-_CLOSING_LENGTH:])
    if re.match(r"[\s,]*to\s(?!self\b)", rest, re.I):
        return Intent(Kind.REMEMBER, (Fact(f"Remember {content.strip(' ,')}".rstrip(".! "), "instruction"),))
    return Intent(Kind.REMEMBER, _told_facts(content.strip(" \n\t-–:;,")))


def _only_recalls(rest: str) -> bool:
    """Whether "remember" was said of the past: remember when, remember my name, remember Anna?"""
    if _TOLD.match(rest) and not re.match(r"[\s,]*that time\b", rest, re.I):
        return False
    bare = rest.rstrip(" ?？؟.!")
    if read_fact(bare) is not None:
        return False
    if match := _RECALLS.match(bare):
        what = match["what"]
        if what is None or attribute_key("my", what):
            return True
    return is_question_marked(rest)


def _told_facts(content: str) -> tuple[Fact, ...]:
    """Return what was to be remembered: one fact for each statement, or the words as they are."""
    if _NOTHING.fullmatch(content):
        return ()
    facts = [read_fact(piece) for piece in statements(content)]
    if facts and all(facts):
        return _capped([fact for fact in facts if fact])
    whole = sentence_case(content if "\n" in content else content.rstrip(".! "))
    return (read_fact(content) or Fact(whole),) if whole else ()


def _capped(facts: list[Fact]) -> tuple[Fact, ...]:
    distinct = list(dict.fromkeys(settled(facts)))
    if len(distinct) <= _MOST_FACTS:
        return tuple(distinct)
    rest = "\n".join(fact.content for fact in distinct[_MOST_FACTS - 1 :])
    return (*distinct[: _MOST_FACTS - 1], Fact(rest))


def _read_line(spoken: str, head: str) -> Intent | None:
    """Read one line that is a command, small talk or a question; None when it is none of these.

    What begins like "remember" and was not taken for something to remember asks for what was.
    """
    short, plain = spoken.rstrip(" .!?？…~"), head.rstrip(" .!?？…~") or head
    if kind := read_small_talk(plain) or read_small_talk(short):
        return Intent(Kind(kind))
    day, of_week = days_ago(short), weekday(short)
    if (day is not None or of_week is not None) and read_small_talk(without_day(short)) == Kind.ABOUT_ME:
        return Intent(Kind.ABOUT_ME, days_ago=day, weekday=of_week)
    if _FORGET.match(spoken) and not is_question_marked(spoken):
        return Intent(Kind.AGREED) if _SHRUG.fullmatch(short) else Intent(Kind.FORGET, topic=_to_forget(spoken))
    order = spoken.rstrip(" ?？") if _KINDLY.match(head) else spoken
    if (command := read_task_command(order)) is not None:
        return Intent(Kind.TASK, task=command)
    if asks_for_last_answer(short):
        return Intent(Kind.REPEAT)
    if is_about_talk(without_day(short)):
        return Intent(Kind.RECENT, days_ago=day, weekday=of_week, where=where_talked(short))
    if is_question(spoken) or is_question_marked(head) or _REMEMBER.match(spoken):
        return Intent(Kind.ASK, question=read_question(spoken))
    return None


def _to_forget(spoken: str) -> str:
    """Return the words of an order to forget that say what; none where it is everything."""
    words = [word for word in content_words(spoken[:200]) if word not in _FORGETTING]
    return " ".join(words[:_TOPIC_WORDS])


def _implied(head: str, spoken: str) -> Intent:
    """Read a line that is no command and no question: statements to keep, or nothing known."""
    if len(head) <= _TALKATIVE:
        facts = [fact for piece in statements(head) if (fact := read_fact(piece))]
        facts = facts or [fact for fact in (read_fact(spoken),) if fact]
        if any(is_secret(fact.content) for fact in facts):
            return Intent(Kind.SECRET)
        if facts:
            return Intent(Kind.REMEMBER, _capped(facts))
    return Intent(Kind.OTHER)


def _mixed(lines: list[str], *, storing: bool) -> tuple[Intent, ...]:
    """Read a message of several sentences: what is stated is kept together, each request stands for itself."""
    facts: list[Fact] = []
    found: list[Intent] = []
    told = ""
    for line in lines:
        spoken = without_politeness(line)
        asked = _read_remember(spoken)
        intent = asked or _read_line(spoken, line) or (_implied(line, spoken) if storing else Intent(Kind.OTHER))
        if intent.kind is Kind.REMEMBER:
            facts.extend(intent.facts)
            told = "asked" if asked else "said"
        elif intent.kind is Kind.OTHER and facts and (told == "asked" or (told and _SEQUEL.match(line))):
            facts[-1] = Fact(f"{facts[-1].content}. {line.rstrip('.! ')}", facts[-1].memory_type)
        else:
            told = ""
            found.append(intent)
    requests = [intent for intent in found if intent.kind in _REQUESTS]
    pointed = [intent for intent in requests if intent.question is None or intent.question.topic]
    requests = pointed or requests
    stored = [Intent(Kind.REMEMBER, _capped(facts))] if facts else []
    return tuple(dict.fromkeys([*stored, *requests]))[:_MOST_INTENTS] or (found[0] if found else Intent(Kind.OTHER),)


def _long(text: str) -> Intent:
    """Read a message too long to be taken apart: only a question at its very end is."""
    if not is_question_marked(text):
        return Intent(Kind.OTHER)
    last = list(sentences(tidy(text[-500:])))[-1:]
    return Intent(Kind.ASK, question=read_question(last[0] if last else text[-200:]))
