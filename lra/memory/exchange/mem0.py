"""Reading what mem0 gives: a list of memories, bare or under `results`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from lra.memory.exchange.elements import elements
from lra.memory.exchange.items import Item, Placed, Problem, fact, stable_id
from lra.store.clock import now_us, parse_time
from lra.text import clean_text

KEYS = ("results", "memories")
_OWNERS = ("user_id", "agent_id", "app_id", "run_id", "actor_id", "role")


def read_mem0(chunks: Iterable[bytes]) -> Iterator[Item]:
    """Give the memories of an answer of `get_all`, `search` or an export."""
    for found in elements(chunks, keys=KEYS):
        if isinstance(found, Problem):
            yield found
            continue
        place, raw = found
        try:
            data = json.loads(raw)
        except (ValueError, RecursionError):
            yield Problem(place, "it is not valid JSON")
            continue
        yield _memory(data, place)


def _memory(data: dict[str, Any], place: str) -> Placed | Problem:
    content = data.get("memory")
    if not isinstance(content, str) or not content.strip():
        return Problem(place, 'it has no "memory"')
    try:
        created = _time(data, "created_at")
        updated = _time(data, "updated_at")
        ends = _time(data, "expiration_date")
    except ValueError as error:
        return Problem(place, str(error))
    given, tags = data.get("metadata"), data.get("categories")
    metadata = dict(given) if isinstance(given, dict) else {}
    metadata |= {name: data[name] for name in _OWNERS if isinstance(data.get(name), str)}
    created = updated if created is None else created
    created = now_us() if created is None else created
    values: dict[str, Any] = {"updated_at": created if updated is None else updated}
    if ends is not None:
        values["valid_to"] = ends
    own = data.get("id")
    return Placed(
        place,
        fact(
            id=str(own) if isinstance(own, str | int) and str(own).strip() else stable_id("mem0", content),
            content=clean_text(content).strip(),
            created_at=created,
            tags=[tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [],
            metadata=metadata,
            **values,
        ),
    )


def _time(data: dict[str, Any], name: str) -> int | None:
    value = data.get(name)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            return parse_time(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return round(value * 1_000_000)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f'"{name}" is not a time')
