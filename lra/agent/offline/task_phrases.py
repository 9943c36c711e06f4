"""Commands about tasks: adding, listing, changing, asking for one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lra.agent.offline.words import is_question_marked

Action = Literal["add", "list", "set", "state", "delete"]
Status = Literal["pending", "in_progress", "done", "cancelled", "open"]

_MOST_TASKS = 20

_TASK = r"(?:tasks?|to-?dos?|to do|action items?)"
_STATUS_WORDS: tuple[tuple[str, Status], ...] = (
    (r"in[ -]progress|started|ongoing|underway|active|running|being worked on", "in_progress"),
    (r"cancell?ed|dropped|abandoned|obsolete", "cancelled"),
    (r"not done|to be done|undone|unfinished|incomplete|open|left|remaining|outstanding|unstarted|to do", "open"),
    (r"pending|waiting|planned|reopened", "pending"),
    (r"done|finished|completed?|closed|ready|solved|resolved", "done"),
)
_ANY_STATUS = "|".join(words for words, _ in _STATUS_WORDS)

_ADD = re.compile(
    rf"(?:(?:add|create|make)(?: me)?(?: an?(?: new)?| another| the| these| some| new|"
    r" (?:two|three|four|five|several|\d{1,2}))?|new)"
    rf"(?: following)? {_TASK}(?: items?)?(?: to (?:my|the)(?: {_TASK})? list)?"
    r"(?: called| named| titled| saying| that says| for me)?"
    r"(?:\s*[:\-–]\s*| to (?!my|the)| for |\s+|$)(?P<title>.*)",
    re.I | re.S,
)
_LABEL = re.compile(r"(?:(?:to-?do|to do|task)s?\s*[:\-–]\s*|to-?do\s+)(?P<title>.+)", re.I | re.S)
_ON_LIST = re.compile(
    rf"(?:add|put|write) (?P<title>.{{1,500}}?) (?:to|on|onto|in) (?:my|the|our) (?:{_TASK} ?)?(?:list|{_TASK})",
    re.I | re.S,
)
_REMIND = re.compile(
    r"remind me(?P<how> to| that| about| of| at| on| in|,| tomorrow| tonight)?\s+(?P<title>.+)", re.I | re.S
)
_ASKS = re.compile(r"(?:what|where|when|who|how|why|which|if|whether)\b", re.I)
_TIMED = re.compile(
    r"\b(?:tomorrow|tonight|later|next|every|at \d|on (?:mon|tues|wednes|thurs|fri|satur|sun)day|"
    r"in (?:an?|\d+|two|three|five|ten) (?:minutes?|hours?|days?|weeks?|months?))",
    re.I,
)

_LIST = (
    re.compile(
        r"(?:list|show|display|see|view|print|give me|tell me|read|check)(?: me)?(?: all)?(?: of)?(?: my| the| our)?"
        rf"(?: current| existing)?(?: (?:{_ANY_STATUS}))?(?: list of| overview of)?(?: my)?"
        r" (?:tasks|todos|to-dos|(?:task|todo|to-do|to do) ?list)\b.*",
        re.I,
    ),
    re.compile(
        r"(?:my |all |all my |the |open |done |finished |pending )?(?:tasks|todos|to-?do list|to-?dos|task list)", re.I
    ),
    re.compile(
        r"(?:what|which|how many|whats|any|are there|is there|do i have|have i|did i)\b.{0,40}?"
        r"\b(?:tasks|todos|to-dos|to-?do list|task list|tasklist)\b.{0,60}",
        re.I,
    ),
    re.compile(
        r"what(?:'s| is| else is|s| do i (?:still )?have| have i got)?(?: still)? (?:left|open|outstanding|remaining|"
        r"pending|to (?:do|be done)|on my (?:list|plate|agenda))"
        r"(?: (?:left )?(?:to do|for today|today|for me|now|still))*",
        re.I,
    ),
    re.compile(
        r"what (?:do i (?:still )?(?:have|need|got)|should i|must i|am i supposed)(?: to)?(?: still)? do"
        r"(?: next| now| today| tomorrow| this week| first)?",
        re.I,
    ),
    re.compile(r"what(?:'s| is) (?:next|due)(?: on my list| for me| today| tomorrow| this week| soon| now)*", re.I),
)
_MARK = re.compile(
    rf"(?:mark|set|move|flag|change|put|update)\s+(?P<target>.{{1,300}}?)\s+(?:(?:as|to|into|is|=)\s+)?"
    rf"(?:status\s+)?[\"']?(?P<status>{_ANY_STATUS})[\"']?",
    re.I | re.S,
)
_IS_NOW = re.compile(
    r"(?:the |my )?task\s+(?P<target>.{1,300}?)\s+(?:is|has been|was)\s+(?:now\s+|already\s+)?"
    rf"(?P<status>{_ANY_STATUS})",
    re.I | re.S,
)
_VERBS: tuple[tuple[re.Pattern[str], Status], ...] = (
    (re.compile(r"(?:finish|complete|(?:tick|check|cross) off|close|resolve)\s+(?P<target>.+)", re.I | re.S), "done"),
    (
        re.compile(
            r"(?:i(?:'m| am) done with|done with|done:|finished:|finished|completed)\s+(?P<target>.+)", re.I | re.S
        ),
        "done",
    ),
    (re.compile(r"(?:start|begin|resume|work on|pick up|continue)\s+(?P<target>.+)", re.I | re.S), "in_progress"),
    (re.compile(r"(?:cancel|drop|abandon|call off)\s+(?P<target>.+)", re.I | re.S), "cancelled"),
    (re.compile(r"(?:reopen|re-open|undo|restart|unfinish)\s+(?P<target>.+)", re.I | re.S), "pending"),
    (
        re.compile(
            rf"i(?:'ve| have)? (?:just )?(?:finished|completed|done|closed)\s+(?:the |my )?(?P<target>{_TASK}\b.+)",
            re.I | re.S,
        ),
        "done",
    ),
    (
        re.compile(rf"i(?:'ve| have)? (?:just )?started\s+(?:the |my )?(?P<target>{_TASK}\b.+)", re.I | re.S),
        "in_progress",
    ),
)
_LOOSE = re.compile(
    r"(?:(?:cancel|call off|finished|completed) (?!my\b|our\b|the\b|an? )|finish\b|complete\b|tick off|"
    r"check off|cross off|(?:i(?:'m| am) )?done with|done:|finished:)",
    re.I,
)
_GUESSED = re.compile(
    r"(?:start|begin|resume|restart|reopen|re-open|unfinish) (?!(?:over|again|anew|with|by|from|now)\b)", re.I
)
_STATE = re.compile(
    rf"(?:(?:what(?:'s| is) the |show (?:me )?the |give me the |get (?:the )?)?(?:status|state) of (?:the |my )?task|"
    rf"(?:how is|how's|is|what about) (?:the |my )?task|task state|(?:show|get)(?: me)? (?:the )?task)\s+"
    rf"(?P<target>.{{1,300}}?)(?:\s+(?:going|doing|coming along|{_ANY_STATUS}|now|yet))*",
    re.I | re.S,
)
_DELETE = re.compile(
    rf"(?:delete|remove|erase|clear)\s+(?:all |of |the |my |every )*(?P<target>{_TASK}\b.*)|"
    rf"(?:delete|remove|erase)\s+(?:the |my )?(?P<named>[^.]{{1,80}}?) (?:task|to-?do)",
    re.I | re.S,
)
_AGAIN = re.compile(rf"\s*[;.,]\s*(?:and\s+|then\s+)?(?:add|create|new)\s+(?:an?\s+)?(?:new\s+)?{_TASK}\s*:?\s*", re.I)
_NAMED_TASK = re.compile(rf"(?:the |my )?(?:{_TASK})\b(?: (?:called|named|titled))?\s*[:#]?\s*", re.I)
_POINTING = re.compile(
    r"(?:it|this|that|these|those|them|the (?:sentence|code|text|story|poem|function)|my (?:sentence|code))\b", re.I
)
_REFERENCE = re.compile(r"(?:number |no\.? |id |#)?#?\d+|[0-9a-f]{4,}(?:-[0-9a-f]+)*|[a-z]{1,6}[-_]?\d+", re.I)


@dataclass(frozen=True, slots=True)
class TaskCommand:
    """What is to happen to which task."""

    action: Action
    titles: tuple[str, ...] = ()
    target: str = ""
    status: Status | None = None
    guess: bool = False
    """Whether it is a task only if one is called so."""
    reminder: bool = False
    """Whether an alarm was expected, which is not something that can be given."""


def read_task_command(line: str) -> TaskCommand | None:
    """Return the task command that a line gives, politeness already removed, or None.

    Args:
        line: The text of one message or sentence, at most a few thousand characters.
    """
    plain = line.strip().rstrip(".! ")
    for reader in (_read_list, _read_state, _read_set, _read_add):
        if (command := reader(plain)) is not None:
            return command
    if match := _DELETE.fullmatch(plain):
        return TaskCommand("delete", target=_target(match["target"] or match["named"]))
    return None


def _read_list(line: str) -> TaskCommand | None:
    short = line.rstrip("?？ ")
    if len(short) > 160 or not any(pattern.fullmatch(short) for pattern in _LIST):
        return None
    return TaskCommand("list", status=_status(short, default=None if "all" in short.lower().split() else "open"))


def _read_state(line: str) -> TaskCommand | None:
    match = _STATE.fullmatch(line.rstrip("?？ "))
    return TaskCommand("state", target=_target(match["target"])) if match else None


def _read_add(line: str) -> TaskCommand | None:
    if is_question_marked(line):
        return None
    if match := _REMIND.fullmatch(line):
        how, title = (match["how"] or "").strip(), match["title"].strip()
        asks = _ASKS.match(title) is not None or how == "of"
        if asks or (how in {"about", ""} and not _TIMED.search(line)):
            return None
        if how in {"at", "on", "in", "tomorrow", "tonight"}:
            title = f"{how} {title}"
        return TaskCommand("add", titles=(_title(title),), reminder=True)
    match = _ON_LIST.fullmatch(line) or _LABEL.fullmatch(line) or _ADD.fullmatch(line)
    if match is None:
        return None
    several = re.match(r"\W*(?:\w+ ){0,4}(?:tasks|todos|to-dos)\b", line, re.I) is not None
    return TaskCommand("add", titles=_titles(match["title"], several=several))


def _read_set(line: str) -> TaskCommand | None:
    if is_question_marked(line):
        return None
    if match := _IS_NOW.fullmatch(line) or _MARK.fullmatch(line):
        return TaskCommand("set", target=_target(match["target"]), status=_settled(_status(match["status"])))
    for pattern, status in _VERBS:
        if match := pattern.fullmatch(line):
            target = match["target"].strip()
            named = _NAMED_TASK.match(target) is not None or _REFERENCE.fullmatch(_target(target)) is not None
            if not named and (_POINTING.match(target) or len(target) > 120):
                return None
            guess = not named and not _LOOSE.match(line)
            if guess and not _GUESSED.match(line):
                return None
            return TaskCommand("set", target=_target(target), status=status, guess=guess)
    return None


def _status(words: str, default: Status | None = None) -> Status | None:
    for pattern, status in _STATUS_WORDS:
        if re.search(rf"\b(?:{pattern})\b", words, re.I):
            return status
    return default


def _settled(status: Status | None) -> Status | None:
    return "pending" if status == "open" else status


def _target(text: str) -> str:
    return _NAMED_TASK.sub("", text.strip(), count=1).strip(" \"'`#:.") or text.strip()


def _title(text: str) -> str:
    return " ".join(text.split()).strip(" \"'`:-–.")


def _titles(text: str, *, several: bool) -> tuple[str, ...]:
    pieces = _AGAIN.split(text)
    lines = [line for piece in pieces for line in piece.splitlines() if line.strip()]
    if len(lines) < 2 and several:
        lines = re.split(r"[;,]\s*(?:and\s+)?|\s+and\s+", text)
    elif len(pieces) < 2 and not (several or all(re.match(r"\s*(?:[-*•]|\d+[.)])\s", line) for line in lines)):
        lines = [text]
    cleaned = [_title(re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line)) for line in lines[:_MOST_TASKS]]
    return tuple(dict.fromkeys(title for title in cleaned if title))
