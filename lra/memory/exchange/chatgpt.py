"""Reading ChatGPT's export: conversations as trees of messages, of which one path was on the screen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from lra.memory.exchange.elements import elements
from lra.memory.exchange.items import Item, LeftOut, Placed, Problem, stable_id
from lra.store.bulk import SessionLine, TurnLine
from lra.store.clock import now_us, parse_time
from lra.text import clean_text, one_line

_MARKS = re.compile(" ?\ue200[^\ue200\ue201]*\ue201|[\ue200-\ue206]")
"""Where a citation stands, in characters for private use."""
_OTHER_BRANCH = "messages of answers that were made anew or edited away"
_INNER = "tool calls, thoughts and other inner messages"
_PICTURES = "messages that hold nothing but pictures or files"


def read_chatgpt(chunks: Iterable[bytes], *, prefix: str = "") -> Iterator[Item]:
    """Give the conversations of a `conversations.json`, each as a session with what was said on its current path.

    Args:
        chunks: The bytes of the file.
        prefix: What to put before the places, where there are several files.
    """
    for found in elements(chunks):
        if isinstance(found, Problem):
            yield Problem(prefix + found.place, found.reason)
            continue
        path, raw = found
        place = prefix + path
        try:
            data = json.loads(raw)
        except (ValueError, RecursionError):
            yield Problem(place, "it is not valid JSON")
            continue
        if not isinstance(data.get("mapping"), dict):
            yield Problem(place, 'it has no "mapping", so it is no conversation')
            continue
        yield from _conversation(data, place)


def _conversation(data: dict[str, Any], place: str) -> Iterator[Item]:
    mapping = data["mapping"]
    began = _moment(data.get("create_time"))
    last = began if began is not None else now_us()
    session = _name(data.get("conversation_id")) or _name(data.get("id")) or stable_id("chatgpt", json.dumps(data))
    said: list[Item] = []
    path = _current_path(mapping, data.get("current_node"))
    times: list[int] = []
    for node in path:
        spot = f'{place}.mapping["{one_line(node, 60)}"]'
        item = _message(mapping[node], node, spot, session, last)
        if isinstance(item, Placed) and isinstance(item.line, TurnLine):
            last = item.line.created_at
            times.append(last)
        if item is not None:
            said.append(item)
    yield Placed(
        place,
        SessionLine(
            id=session,
            title=one_line(clean_text(data["title"]), 200) if isinstance(data.get("title"), str) else "",
            title_source="auto",
            created_at=began if began is not None else min(times, default=last),
            updated_at=max(times, default=last),
        ),
    )
    yield from said
    on_path = set(path)
    for node, entry in mapping.items():
        if node not in on_path and isinstance(_message(entry, node, place, session, last), Placed):
            yield LeftOut(_OTHER_BRANCH)


def _current_path(mapping: dict[str, Any], leaf: object) -> list[str]:
    """Return the nodes from the root to the message last shown; without a mark, to the last of the tree."""
    node = leaf if isinstance(leaf, str) and leaf in mapping else next(reversed(mapping), None)
    path: list[str] = []
    seen: set[str] = set()
    while isinstance(node, str) and node in mapping and node not in seen:
        seen.add(node)
        path.append(node)
        entry = mapping[node]
        node = entry.get("parent") if isinstance(entry, dict) else None
    return path[::-1]


def _message(entry: object, node: str, place: str, session: str, last: int) -> Item | None:
    """Return a message that a person saw as a line; None for a node without one."""
    if not isinstance(entry, dict):
        return Problem(place, "it is not a JSON object")
    message = entry.get("message")
    if message is None:
        return None
    content = message.get("content") if isinstance(message, dict) else None
    author = message.get("author") if isinstance(message, dict) else None
    if not isinstance(content, dict) or not isinstance(author, dict):
        return Problem(place, "the message has no author or no content")
    role = author.get("role")
    if role == "system" or (content.get("parts") == [""] and content.get("content_type") == "text"):
        return None
    metadata = message.get("metadata")
    hidden = isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation")
    to_all = message.get("recipient") in (None, "all")
    kind = content.get("content_type", "text")
    if role not in ("user", "assistant") or hidden or not to_all or kind not in ("text", "multimodal_text"):
        return LeftOut(_INNER)
    text = _text(content.get("parts"))
    if not text:
        return LeftOut(_PICTURES)
    at = _moment(message.get("create_time"))
    return Placed(
        place,
        TurnLine(
            id=_name(message.get("id")) or _name(node) or stable_id(session, text),
            session=session,
            role=role,
            speaker=None,
            content=text,
            # A message without a time was said after the one before it.
            created_at=last if at is None else at,
        ),
    )


def _text(parts: object) -> str:
    found = []
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            # What was spoken comes as a transcription.
            found.append(part["text"])
    return _MARKS.sub("", clean_text("\n".join(found))).strip()


def _name(value: object) -> str:
    return clean_text(value).strip() if isinstance(value, str) else ""


def _moment(value: object) -> int | None:
    """Return a time in microseconds; exports hold seconds, newer ones ISO 8601 here and there."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 32_503_680_000:
            return round(value * 1_000_000)
        return parse_time(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
