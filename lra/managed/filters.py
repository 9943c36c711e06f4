"""What lists of a runtime can be narrowed down by."""

from __future__ import annotations

from typing import Any

from lra.errors import UsageError
from lra.text import one_line


def read_filters(filters: dict[str, Any]) -> tuple[bool | None, int | None]:
    """Return which of active and archived ones are meant, and how many at most.

    Args:
        filters: `status` and `limit`.

    Raises:
        UsageError: There is another one, or one is wrong.
    """
    status, limit = filters.pop("status", "active"), filters.pop("limit", None)
    if filters:
        raise UsageError(
            f"There is no filter {next(iter(filters))!r}.", hint="There are status, limit and, for sessions, agent_id."
        )
    if status not in {"active", "archived", "all"}:
        raise UsageError(f"The status is no {one_line(repr(status), 40)}.", hint="Choose of active, archived and all.")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise UsageError("limit is a number.")
    return (None if status == "all" else status == "archived"), limit
