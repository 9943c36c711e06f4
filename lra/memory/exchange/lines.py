"""The JSON lines of `lra memory import` and `lra memory export`."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from lra.memory.exchange.items import Line
from lra.store.bulk import FactLine, SessionLine, TurnLine, VectorLine
from lra.store.bulk_reading import PastChange
from lra.store.clock import iso, now_us, parse_time
from lra.store.records import JournalRow, MemoryRecord
from lra.text import clean_text

SPOKEN = ("user", "assistant")
_HASH = re.compile("[0-9a-f]{64}")


class LineError(ValueError):
    """What is wrong with a line, to be completed with its number."""


def parse(text: str) -> list[Line]:
    """Read one line: what it says of its session, if it does, and itself.

    Raises:
        LineError: It is no JSON, or a field is missing or of the wrong type.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LineError("it is not valid JSON") from error
    if not isinstance(data, dict):
        raise LineError("it is not a JSON object")
    kind = data.get("type")
    readers: dict[str, Callable[[dict[str, Any]], Line]] = {
        "turn": _turn,
        "fact": _fact,
        "vector": _vector,
    }
    if isinstance(kind, str) and kind in readers:
        line = readers[kind](data)
        about = _typed(data, "session_info", dict, None)
        return [line] if about is None or not data.get("session") else [_session(data, about), line]
    raise LineError(f'its "type" is {json.dumps(kind, ensure_ascii=False)}, not "turn" or "fact"')


def _text(data: dict[str, Any], name: str, *, default: str | None = None, empty: bool = False) -> str:
    value = data.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise LineError(f'"{name}" is missing' if value is None else f'"{name}" is not a string')
    if not value.strip() and not empty:
        raise LineError(f'"{name}" is empty')
    return clean_text(value)


def _optional(data: dict[str, Any], name: str) -> str | None:
    return _text(data, name, empty=True) or None if data.get(name) is not None else None


def _time(data: dict[str, Any], name: str) -> int | None:
    value = data.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, str):
            # What cannot be written again is no time either.
            return parse_time(iso(parse_time(value)))
    except (ValueError, OverflowError):
        pass
    raise LineError(f'"{name}" is not an ISO 8601 time')


def _session(line: dict[str, Any], data: dict[str, Any]) -> SessionLine:
    created = _time(data, "created_at")
    updated = _time(data, "updated_at")
    created = now_us() if created is None else created
    return SessionLine(
        id=_text(line, "session"),
        title=_text(data, "title", default="", empty=True),
        title_source=_text(data, "title_source", default="none"),
        model=_text(data, "model", default="", empty=True),
        agent=_text(data, "agent", default="lra"),
        folder=_text(data, "folder", default="", empty=True),
        origin=_text(data, "origin", default="import"),
        parent_id=_optional(data, "parent"),
        created_at=created,
        updated_at=created if updated is None else updated,
    )


def _vector(data: dict[str, Any]) -> VectorLine:
    digest = _text(data, "hash")
    if not _HASH.fullmatch(digest):
        raise LineError('"hash" is not a SHA-256 in hexadecimal')
    try:
        vector = base64.b64decode(_text(data, "vector"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise LineError('"vector" is not in base64') from error
    if not vector or len(vector) % 4:
        raise LineError('"vector" does not hold 32-bit numbers')
    return VectorLine(digest, _text(data, "embedder"), vector)


def _turn(data: dict[str, Any]) -> TurnLine:
    speaker = _optional(data, "speaker")
    created = _time(data, "created_at")
    role = _optional(data, "role") or "user"
    if role not in SPOKEN:
        raise LineError('"role" is not "user" or "assistant"')
    return TurnLine(
        id=_text(data, "id"),
        session=_text(data, "session"),
        role=speaker if speaker in SPOKEN else role,
        speaker=None if speaker in SPOKEN else speaker,
        content=_text(data, "content", empty=True),
        created_at=now_us() if created is None else created,
    )


def _fact(data: dict[str, Any]) -> FactLine:
    created = _time(data, "created_at")
    values: dict[str, Any] = {
        "kind": _text(data, "kind", default="fact"),
        "namespace": _text(data, "namespace", default="default"),
        "source": _text(data, "source", default="import"),
        "key": _optional(data, "key"),
        "session_id": _optional(data, "session"),
        "superseded_by": _optional(data, "superseded_by"),
        "valid_from": _time(data, "valid_from"),
        "valid_to": _time(data, "valid_to"),
        "tags": json.dumps(_tags(data)),
        "pin": int(_typed(data, "pin", bool, False)),
        "count": _typed(data, "count", int, 1),
        "confidence": float(_typed(data, "confidence", (int, float), 1.0)),
        "metadata": clean_text(json.dumps(_typed(data, "metadata", dict, {}), ensure_ascii=False)),
        "agent": _optional(data, "agent"),
        "local_only": int(_typed(data, "local_only", bool, False)),
    }
    if (updated := _time(data, "updated_at")) is not None:
        values["updated_at"] = updated
    return FactLine(
        id=_text(data, "id"),
        content=_text(data, "content"),
        created_at=now_us() if created is None else created,
        values=values,
        history=[_change(change) for change in _typed(data, "history", list, [])],
    )


def _typed(data: dict[str, Any], name: str, kinds: type | tuple[type, ...], default: Any) -> Any:
    value = data.get(name)
    if value is None:
        return default
    # A bool is an int to Python, not to JSON.
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise LineError(f'"{name}" has the wrong type')
    return value


def _tags(data: dict[str, Any]) -> list[str]:
    tags = _typed(data, "tags", list, [])
    if not all(isinstance(tag, str) for tag in tags):
        raise LineError('"tags" is not a list of strings')
    return [clean_text(tag) for tag in tags]


def _change(change: Any) -> dict[str, Any]:
    if not isinstance(change, dict):
        raise LineError('"history" is not a list of objects')
    at = _time(change, "at")
    was = _typed(change, "was", dict, None)
    return {
        "action": _text(change, "action", default="imported"),
        "content": _text(change, "content", default="", empty=True),
        "actor": _text(change, "actor", default="import"),
        "process": _text(change, "process", default="", empty=True),
        "session_id": _optional(change, "session"),
        "at": now_us() if at is None else at,
        "was": None if was is None else clean_text(json.dumps(was)),
        "tool_call_id": _optional(change, "tool_call"),
        "undone": int(_typed(change, "undone", bool, False)),
    }


def _session_info(session: SessionLine) -> dict[str, Any]:
    optional: dict[str, tuple[Any, Any]] = {
        "title": (session.title, ""),
        "title_source": (session.title_source, "none"),
        "model": (session.model, ""),
        "agent": (session.agent, "lra"),
        "folder": (session.folder, ""),
        "origin": (session.origin, "import"),
        "parent": (session.parent_id, None),
        "updated_at": (iso(session.updated_at), iso(session.created_at)),
    }
    return {"created_at": iso(session.created_at), **_said(optional)}


def vector_line(line: VectorLine) -> str:
    """Write a stored vector as a line."""
    data = {"type": "vector", "hash": line.content_hash, "embedder": line.fingerprint}
    return _dump(data | {"vector": base64.b64encode(line.vector).decode()})


def _said(values: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    return {name: value for name, (value, default) in values.items() if value != default}


def turn_line(row: JournalRow, session: SessionLine | None = None) -> str:
    """Write a spoken row as a line, the first of a session with what is to be said of that."""
    data = {
        "type": "turn",
        "id": row.id,
        "session": row.session_id,
        "speaker": row.speaker or row.role,
        "content": row.content,
        "created_at": iso(row.created_at),
    }
    if row.speaker and row.role != "user":
        data["role"] = row.role
    return _dump(data, session)


def fact_line(record: MemoryRecord, history: Sequence[PastChange], session: SessionLine | None = None) -> str:
    """Write a memory as a line; fields that hold their defaults are left out."""
    data: dict[str, Any] = {
        "type": "fact",
        "id": record.id,
        "content": record.content,
        "created_at": iso(record.created_at),
        "kind": record.kind,
    }
    optional: dict[str, tuple[Any, Any]] = {
        "key": (record.key, None),
        "session": (record.session_id, None),
        "tags": (record.tags, []),
        "pin": (record.pin, False),
        "valid_from": (iso(record.valid_from) if record.valid_from is not None else None, None),
        "valid_to": (iso(record.valid_to) if record.valid_to is not None else None, None),
        "namespace": (record.namespace, "default"),
        "superseded_by": (record.superseded_by, None),
        "source": (record.source, "import"),
        "confidence": (record.confidence, 1.0),
        "count": (record.count, 1),
        "metadata": (record.metadata, {}),
        "updated_at": (iso(record.updated_at), iso(record.created_at)),
        "agent": (record.agent, None),
        "local_only": (record.local_only, False),
    }
    data |= _said(optional)
    if [(change.action, change.content) for change in history] != [("imported", record.content)]:
        data["history"] = [_past(change) for change in history]
    return _dump(data, session)


def _past(change: PastChange) -> dict[str, Any]:
    optional: dict[str, tuple[Any, Any]] = {
        "action": (change.action, "imported"),
        "content": (change.content, ""),
        "actor": (change.actor, "import"),
        "process": (change.process, ""),
        "session": (change.session_id, None),
        "was": (json.loads(change.was) if change.was else None, None),
        "tool_call": (change.tool_call_id, None),
        "undone": (bool(change.undone), False),
    }
    return {**_said(optional), "at": iso(change.at)}


def _dump(data: dict[str, Any], session: SessionLine | None = None) -> str:
    if session is not None:
        data["session_info"] = _session_info(session)
    return json.dumps(data, ensure_ascii=False)
