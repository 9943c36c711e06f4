"""Time and ids of the record."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def now_us() -> int:
    """Return the current time in microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


def iso(us: int) -> str:
    """Format microseconds since the epoch as ISO 8601 in UTC, always with microseconds."""
    # `isoformat` writes years before 1000 with four digits, as reading them again needs.
    return f"{datetime.fromtimestamp(us // 1_000_000, UTC).isoformat()[:19]}.{us % 1_000_000:06d}Z"


def parse_time(text: str) -> int:
    """Parse an ISO 8601 date or date-time; without an offset it counts as UTC.

    Returns:
        Microseconds since the epoch.

    Raises:
        ValueError: The text is no ISO 8601 date or date-time.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def parse_moment(text: str) -> int:
    """Parse a time as people name one: as `parse_time`, or `now`, `today` (now too) and `yesterday` (its last moment).

    Raises:
        ValueError: It is none of these.
    """
    now = datetime.now().astimezone()
    named = {"now": now, "today": now, "yesterday": now.replace(hour=0, minute=0, second=0, microsecond=0)}
    word = text.strip().lower()
    return parse_time(named[word].isoformat() if word in named else text)


def new_id(length: int = 12) -> str:
    """Return a random id of `length` characters (5 bits each), easy to read and to type."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
