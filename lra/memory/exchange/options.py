"""What can be said about an import."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from lra.memory.exchange.formats import Format
    from lra.memory.exchange.items import Progress


class ImportOptions(TypedDict, total=False):
    """Options of an import; each may be left out."""

    format: Format | None
    """What to take the file for, whatever it looks like."""
    dry_run: bool
    """Whether to look only, and change nothing."""
    strict: bool
    """Whether the first thing that cannot be read ends it."""
    namespace: str | None
    """Which of several separate memories the facts go to; those that name one keep it."""
    allow_secrets: bool
    """Whether facts of other programs may hold what should stay secret."""
    progress: Progress | None
    """Is told how far it has come; called in another thread."""
