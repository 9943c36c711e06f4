"""What a search returned, read as the offline model sees it: memories, lines of conversation, lines of summaries."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lra.agent.offline.results import items, moment
from lra.agent.offline.sentences import statements

_PERSON = re.compile(r"^You: (.+)$", re.M)
_OLD = re.compile("“([^”]*)” no longer holds")


@dataclass(frozen=True, slots=True)
class Hit:
    """One memory, as a search returned it."""

    content: str
    kind: str = ""
    created_at: datetime | None = None
    by_meaning: bool = False
    """Whether it was found by its meaning, sharing no word with the question."""
    outdated: bool = False
    """Whether it was said before what holds now took its place."""
    told: bool = False
    """Whether it was kept in a conversation, as what the person said there."""
    denied: bool = False
    """Whether something newer says that it is not so."""

    @property
    def is_talk(self) -> bool:
        """Whether it is a piece or a summary of conversation, and not something kept on purpose."""
        return self.kind in {"turn", "summary", "said"}

    @property
    def age_rank(self) -> float:
        """Higher for what is newer."""
        return self.created_at.timestamp() if self.created_at else 0.0


@dataclass(frozen=True, slots=True)
class Findings:
    """What memory has to say to a question: matches, or else what comes near."""

    matches: tuple[Hit, ...] = ()
    near: tuple[Hit, ...] = ()
    likely: bool = False
    """Whether what comes near may well answer, which no rule can tell for sure."""


def read_hits(value: Any) -> list[Hit]:
    """Return the memories in a search result of whatever form, in its order and without repeats.

    A summary that quotes ("You: …") counts as what the person said in it; what was said counts less than what was
    kept, and who spoke a line of conversation is not known.
    """
    hits: dict[str, Hit] = {}
    for item in items(value):
        content = item.get("content") or item.get("text") or item.get("document")
        if not isinstance(content, str) or not content.strip():
            continue
        kind = str(item.get("kind") or item.get("memory_type") or "")
        at = moment(item.get("created_at") or item.get("timestamp"))
        said = _PERSON.findall(content[:2000]) if kind == "summary" else []
        meant = item.get("match") == "meaning"
        changed = str(item.get("changed") or "").casefold()
        told = kind not in {"turn", "summary"} and bool(item.get("session") or item.get("session_id"))
        lines = [part for line in said for part in _parted(Hit(line, "said", at), changed)]
        whole = Hit(content.strip(), kind, at, meant, outdated=bool(changed), told=told)
        for hit in lines or _parted(whole, changed):
            same = hits.setdefault(folded(hit), hit)
            if same.is_talk and not hit.is_talk:
                hits[folded(hit)] = hit
    return list(hits.values())


def _parted(hit: Hit, changed: str) -> list[Hit]:
    """Take apart what says several things of which some have changed, so that each is told as it is."""
    if not changed or not hit.is_talk:
        return [hit]
    parts = statements(hit.content[:2000])
    olds = [_is_old(part, changed) for part in parts]
    if len(parts) > 1 and any(olds) and not all(olds):
        return [replace(hit, content=part, outdated=old) for part, old in zip(parts, olds, strict=True)]
    return [replace(hit, outdated=hit.outdated or _is_old(hit.content, changed))]


def _is_old(line: str, changed: str) -> bool:
    """Whether a line of a summary says, maybe beside other things, what is said to hold no longer."""
    olds = [_core(old) for old in _OLD.findall(changed)]
    return any(old and (_core(line) in old or old in _core(line)) for old in olds)


def _core(line: str) -> str:
    return line.strip().rstrip(".!").casefold()


def folded(hit: Hit) -> str:
    """Return the text of a hit by which it is the same as another."""
    return " ".join(hit.content[:1000].split()).casefold()
