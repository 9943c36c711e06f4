"""Reading lra's own JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lra.memory.exchange.items import MAX_ITEM, Item, Meter, Placed, Problem
from lra.memory.exchange.lines import LineError, parse
from lra.memory.exchange.opening import lines


def read_jsonl(path: Path, meter: Meter) -> Iterator[Item]:
    """Give every line of a file; blank ones do not count."""
    for number, raw in lines(path, meter):
        place = f"line {number}"
        if raw is None:
            yield Problem(place, f"it is longer than {MAX_ITEM // 1024 // 1024} MB")
            continue
        try:
            text = raw.decode()
            if text.strip():
                yield from [Placed(place, line) for line in parse(text)]
        except UnicodeDecodeError:
            yield Problem(place, "it is not UTF-8")
        except LineError as error:
            yield Problem(place, str(error))
