"""Taking words out of text: a text itself as whole words, and sentences that say the same in other words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lra.store.fts import QueryTerms, fold, grams

MARK = "[forgotten]"

Redact = Callable[[str], str]

MOST = 0.6
"""The share of a memory's telling words that makes a sentence say the same."""

_LETTER = r"[^\W_]"
_ENDS = ".!?。！？"
_SENTENCES = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\s*[\r\n]+\s*")
_LONG_NUMBER = re.compile(r"\d{4,}")
_ASCII_RUN = re.compile(r"[A-Za-z0-9]{2,}")
_STEM = 4
_STRONG = 2.0


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_EMPTY = _set(
    """
    a about am an and any are as at be because been before being but by can could did do does doing for from had has
    have having he her here hers him his how i if in into is it its itself just ll me might mine more most my no nor
    not of off on or our ours out over own re s shall she should so some such t than that the their theirs them then
    there these they this those through to too up us ve very was we were what when where which while who whom whose
    why will with won would you your yours d m o also ever please user users person
    """
)
"""Words that say how a sentence is built, not what it is about."""
_COMMON = _set(
    """
    again always around ask back bad best better big call called come day find get give go good got great hello help
    hey hi keep kind know known last like likes liked little live lives long look lot love loves made make makes man
    many maybe mention mind much must name named need needs never new nice note now number often ok old once one only
    other people place prefer prefers put question really remember right said same say see set something soon start
    still stop sure take tell thank thanks thing think time today told tomorrow two use used uses want wants way week
    well went work works write year years yes yesterday yet
    """
)
"""Words that any sentence may hold: they count, but little."""

_FIXED = _set(
    """
    id kind role type loc session session_id turn turn_id tool_name tool_call_id part_kind timestamp created_at
    updated_at status outcome media_type identifier score
    """
)
"""Keys of a tool's result whose values are for machines."""


@lru_cache(16)
def span_pattern(text: str, *, gap: str = r"\s+") -> re.Pattern[str]:
    """Return what finds a text as whole words, whatever its case and its white space.

    Args:
        text: The text; not blank.
        gap: What may stand where the text has white space.
    """
    whole = text.strip()
    core = whole.rstrip(_ENDS) or whole
    parts = [re.sub("['’]", "['’]", re.escape(part).replace(r"\'", "'")) for part in core.split()]
    before = f"(?<!{_LETTER})" if _bounded(core, core[0]) else ""
    after = f"(?!{_LETTER})" if _bounded(core, core[-1]) else ""
    # The end of a sentence goes with it where it is there.
    end = f"(?:{re.escape(whole[len(core) :])})?" if len(core) < len(whole) else ""
    return re.compile(f"{before}{gap.join(parts)}{after}{end}", re.IGNORECASE)


def _bounded(text: str, edge: str) -> bool:
    """Return whether a text's edge must be the edge of a word: not in scripts that are written without spaces."""
    if grams(edge):
        return False
    return edge.isalnum() or not any(char.isalnum() for char in text)


def distinctive(text: str) -> bool:
    """Return whether a text is long enough that it means the same wherever it stands."""
    if _LONG_NUMBER.search(text):
        return True
    terms = QueryTerms.parse(text)
    if not terms.runs and not any(word not in _EMPTY for word in terms.words):
        return False
    return len(terms.words) + sum(len(run) for run in terms.runs) // 2 >= 3 or len(text.strip()) >= 12


def anchor(text: str) -> str | None:
    """Return a part of a text that every copy holds, also within JSON, for SQLite to look for; None: there is none."""
    runs = _ASCII_RUN.findall(text)
    return max(runs, key=len).lower() if runs else None


@dataclass(frozen=True, slots=True)
class Words:
    """The telling words of a memory, and how much each of them tells."""

    weights: dict[str, float]

    @classmethod
    def of(cls, text: str) -> Words:
        """Read a memory."""
        weights: dict[str, float] = {}
        first = True
        for word in re.findall(r"\w+", fold(text)):
            lower = word.lower()
            if grams(word):
                first = False
                continue
            if lower not in _EMPTY and (len(lower) > 1 or lower.isdecimal()):
                # A name is written with a capital where the sentence does not ask for one.
                name = word[0].isupper() and not first and lower not in _COMMON
                value = 3.0 if _has_digit(lower) else 0.5 if lower in _COMMON else _STRONG if name else 1.0
                weights[lower] = max(weights.get(lower, 0.0), value)
            first = False
        for pair in _pairs(text):
            weights.setdefault(pair, 0.5)
        return cls(weights)

    @property
    def rarest(self) -> list[str]:
        """The words that give the memory away by themselves."""
        top = max(self.weights.values(), default=0.0)
        found = [word for word, value in self.weights.items() if value == top]
        return found if top >= _STRONG else sorted(found, key=len)[-1:] if top >= 1.0 else []

    def in_common(self, other: Words) -> bool:
        """Return whether any word is in both."""
        return any(_same(word, known) for word in self.weights for known in other.weights)

    def told_by(self, sentence: str, *, near: bool = False) -> bool:
        """Return whether a sentence shares most of the words.

        Args:
            sentence: The sentence.
            near: Whether it stands beside the memory's source, where a name alone is enough.
        """
        terms = QueryTerms.parse(sentence)
        said = terms.words
        pairs = frozenset(_pairs(sentence))
        shared = {word for word in self.weights if word in pairs or any(_same(word, other) for other in said)}
        if any(_LONG_NUMBER.search(word) for word in shared):
            return True
        total = sum(self.weights.values())
        if not total or sum(self.weights[word] for word in shared) < MOST * total:
            return False
        return len(shared) > 1 or any(self.weights[word] >= (_STRONG if near else 3.0) for word in shared)


def _pairs(text: str) -> list[str]:
    return [pair for pair in grams(text).split() if len(pair) == 2]


def _has_digit(word: str) -> bool:
    return any(char.isdigit() for char in word)


def _same(word: str, other: str) -> bool:
    if word == other:
        return True
    if _has_digit(word) or _has_digit(other):
        # A number is written into other words at times: pin774411.
        return bool(_LONG_NUMBER.fullmatch(word)) and word in other
    long, short = max(len(word), len(other)), min(len(word), len(other))
    if short < 3:
        return False
    if long - short <= 2 and (word.startswith(other) or other.startswith(word)):
        return True
    common = next((i for i in range(short) if word[i] != other[i]), short)
    return common >= max(_STEM, 0.65 * long)


def redact_sentences(text: str, tells: Callable[[str], bool]) -> str:
    """Replace the sentences of which something holds."""
    parts: list[str] = []
    start = 0
    for gap in [*_SENTENCES.finditer(text), None]:
        end, after = gap.span() if gap else (len(text), len(text))
        sentence = text[start:end]
        parts.append(MARK if sentence.strip() and sentence != MARK and tells(sentence) else sentence)
        parts.append(text[end:after])
        start = after
    return "".join(parts)


def redact_text(text: str, redact: Redact) -> str:
    """Redact a text for people; in one that is JSON, the values alone."""
    if text[:1] in {"{", "["} and (value := _decoded(text)) is not None:
        changed = _nested(value, redact)
        return text if changed == value else json.dumps(changed, ensure_ascii=False)
    return redact(text)


def redact_payload(payload: str, redact: Redact) -> str | None:
    """Redact what people and models said in a message's JSON, leaving its form, names and ids alone.

    Returns:
        The message; the very same string when nothing had to go; None when it is no message and held the words.
    """
    message = _decoded(payload)
    if not isinstance(message, dict):
        return payload if redact(payload) == payload else None
    changed = dict(message)
    if isinstance(message.get("parts"), list):
        changed["parts"] = [_part(part, redact) if isinstance(part, dict) else part for part in message["parts"]]
    if isinstance(message.get("instructions"), str):
        changed["instructions"] = redact(message["instructions"])
    return payload if changed == message else json.dumps(changed, ensure_ascii=False, separators=(",", ":"))


def _part(part: dict[str, Any], redact: Redact) -> dict[str, Any]:
    if part.get("tool_kind"):
        # The framework's own tools: their content has a schema and holds nobody's words.
        return part
    changed = dict(part)
    if "args" in part:
        changed["args"] = _args(part["args"], redact)
    content = part.get("content")
    if part.get("part_kind") == "user-prompt" and isinstance(content, list):
        changed["content"] = [_piece(piece, redact) for piece in content]
    elif isinstance(content, str):
        changed["content"] = redact_text(content, redact)
    elif content is not None:
        changed["content"] = _nested(content, redact)
    if part.get("part_kind") == "thinking" and changed != part:
        # A signature is of the words that are gone; a provider refuses it with others.
        changed |= {name: None for name in ("signature", "id", "provider_details") if name in part}
    return changed


def _piece(piece: Any, redact: Redact) -> Any:
    if isinstance(piece, str):
        return redact(piece)
    if isinstance(piece, dict) and isinstance(piece.get("content"), str):
        return piece | {"content": redact(piece["content"])}
    return piece


def _args(args: Any, redact: Redact) -> Any:
    if not isinstance(args, str):
        return _nested(args, redact, fixed=())
    value = _decoded(args)
    if value is None:
        return redact(args)
    changed = _nested(value, redact, fixed=())
    return args if changed == value else json.dumps(changed, ensure_ascii=False)


def _nested(value: Any, redact: Redact, *, fixed: Collection[str] = _FIXED) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_nested(item, redact, fixed=fixed) for item in value]
    if isinstance(value, dict):
        if fixed and ("media_type" in value or str(value.get("kind", "")).endswith("-url")):
            return value
        return {key: item if key in fixed else _nested(item, redact, fixed=fixed) for key, item in value.items()}
    return value


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
