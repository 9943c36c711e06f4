"""Memory as JSON lines: everything out, everything in, nothing merged."""

from __future__ import annotations

from lra.memory.exchange.exporting import export_lines
from lra.memory.exchange.importing import import_lines

__all__ = ["export_lines", "import_lines"]
