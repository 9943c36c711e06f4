"""The command line: parse, call, print."""

from __future__ import annotations

from lra.cli.entry import main

__all__ = ["main"]
