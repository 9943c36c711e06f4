"""Questions with known answers: LoCoMo's file, or a folder in the form that `lra memory import` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lra.errors import UsageError

_EVIDENCE = re.compile(r"D(\d+):(\d+)")
_UNANSWERABLE = 5
"""LoCoMo's category of questions that cannot be answered as they are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question and what answers it."""

    qid: str
    text: str
    gold: frozenset[str]
    """Ids of the rows that hold the answer."""
    category: str = ""
    answerable: bool = True


@dataclass(slots=True)
class Collection:
    """What one record holds, and the questions about it."""

    name: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    dropped: int = 0
    """Questions that name no evidence."""

    @property
    def sessions(self) -> dict[str, str]:
        """The session of each row."""
        return {line["id"]: line["session"] for line in self.lines if line.get("session")}


def load(path: Path) -> list[Collection]:
    """Read a data set.

    Args:
        path: LoCoMo's JSON file, or the folder it lies in; or a folder with `NAME.jsonl` (or `rows.jsonl`) and
            `NAME.questions.jsonl` (or `questions.jsonl`), a record for each pair.

    Raises:
        UsageError: There is nothing of the kind.
    """
    if path.is_dir():
        found = list(_folder(path)) or [each for file in sorted(path.glob("locomo*.json")) for each in _locomo(file)]
        if not found:
            raise UsageError(f"{path} holds no pair of rows and questions, and no file of LoCoMo.")
        return found
    return _locomo(path)


def _locomo(path: Path) -> list[Collection]:
    return [_conversation(number, data) for number, data in enumerate(json.loads(path.read_text(encoding="utf-8")))]


def _folder(path: Path) -> Iterator[Collection]:
    for questions in sorted([*path.glob("*.questions.jsonl"), *path.glob("questions.jsonl")]):
        name = questions.name.removesuffix("questions.jsonl").rstrip(".")
        rows = path / (f"{name}.jsonl" if name else "rows.jsonl")
        collection = Collection(name or path.name, lines=list(_lines(rows)))
        for line in _lines(questions):
            gold = frozenset(map(str, line.get("gold") or ()))
            collection.dropped += not gold
            collection.questions.append(
                Question(
                    qid=str(line["qid"]),
                    text=line["query"],
                    gold=gold,
                    category=str(line.get("category", "")),
                    answerable=bool(line.get("answerable", True)),
                )
            )
        yield collection


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def _conversation(number: int, data: dict[str, Any]) -> Collection:
    talk = data["conversation"]
    collection = Collection(str(data.get("sample_id", number)))
    ids = set()
    for key in sorted((key for key in talk if re.fullmatch(r"session_\d+", key)), key=lambda key: int(key[8:])):
        began = datetime.strptime(talk[f"{key}_date_time"].strip(), "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for place, turn in enumerate(talk[key] or ()):
            picture = [turn[name] for name in ("blip_caption", "query") if turn.get(name)]
            ids.add(turn["dia_id"])
            collection.lines.append(
                {
                    "type": "turn",
                    "id": turn["dia_id"],
                    "session": key,
                    "speaker": turn["speaker"],
                    "content": " ".join([turn["text"], *picture]),
                    "created_at": (began + timedelta(seconds=place)).isoformat(),
                }
            )
    for place, asked in enumerate(data["qa"]):
        named = {f"D{int(a)}:{int(b)}" for text in asked.get("evidence") or () for a, b in _EVIDENCE.findall(text)}
        gold = frozenset(named & ids)
        collection.dropped += not gold
        collection.questions.append(
            Question(
                qid=str(place),
                text=asked["question"],
                gold=gold,
                category=str(asked["category"]),
                answerable=asked["category"] != _UNANSWERABLE,
            )
        )
    return collection
