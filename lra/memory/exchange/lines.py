"""The JSON lines of `lra memory import` and `lra memory export`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lra.store.bulk import FactLine, TurnLine
from lra.store.clock import iso, now_us, parse_time
from lra.store.records import HistoryRow, JournalRow, MemoryRecord
from lra.text import clean_text

SPOKEN = ("user", "assistant")


class LineError(ValueError):
    """What is wrong with a line, to be completed with its number."""


def parse(text: str) -> TurnLine | FactLine:
    """Read one line.

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
    if kind == "turn":
        return _turn(data)
    if kind == "fact":
        return _fact(data)
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
            return parse_time(value)
    except (ValueError, OverflowError):
        pass
    raise LineError(f'"{name}" is not an ISO 8601 time')


def _turn(data: dict[str, Any]) -> TurnLine:
    speaker = _optional(data, "speaker")
    created = _time(data, "created_at")
    return TurnLine(
        id=_text(data, "id"),
        session=_text(data, "session"),
        role=speaker if speaker in SPOKEN else "user",
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
        "metadata": json.dumps(_typed(data, "metadata", dict, {}), ensure_ascii=False),
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
    return {
        "action": _text(change, "action", default="imported"),
        "content": _text(change, "content", empty=True),
        "actor": _text(change, "actor", default="import"),
        "process": _text(change, "process", default="", empty=True),
        "session_id": _optional(change, "session"),
        "at": now_us() if at is None else at,
    }


def turn_line(row: JournalRow) -> str:
    """Write a spoken row as a line."""
    return _dump(
        {
            "type": "turn",
            "id": row.id,
            "session": row.session_id,
            "speaker": row.speaker or row.role,
            "content": row.content,
            "created_at": iso(row.created_at),
        }
    )


def fact_line(record: MemoryRecord, history: Sequence[HistoryRow]) -> str:
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
    }
    data |= {name: value for name, (value, default) in optional.items() if value != default}
    if [change.action for change in history] != ["imported"]:
        data["history"] = [_past(change) for change in history]
    return _dump(data)


def _past(change: HistoryRow) -> dict[str, Any]:
    data = change.to_dict()
    return {name: data[name] for name in ("action", "content", "actor", "process", "session", "at") if data[name]}


def _dump(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)
