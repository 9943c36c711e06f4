"""What runs inside the sandbox: it loads one tool's source and calls it. Standard library only."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_RESULT = 90_000
"""Characters of JSON that a call may give back."""

_RUNNER = """
def _lra_load(source, name):
    import sys, types
    module = types.ModuleType("tool")
    module.__file__ = "tool.py"
    sys.modules["tool"] = module
    exec(compile(source, "tool.py", "exec"), module.__dict__)
    return getattr(module, name)


def _lra_call(text, most):
    import asyncio, inspect, json, traceback
    call = json.loads(text)
    try:
        if call["source"] is not None:
            globals()["_lra_tool"] = _lra_load(call["source"], call["name"])
        value = _lra_tool(**call["args"])
        if inspect.isawaitable(value):
            async def _lra_wait():
                return await value
            value = asyncio.run(_lra_wait())
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "tool.py"]
        line = error.lineno if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
        return json.dumps({"error": f"{type(error).__name__}: {error}"[:2000], "line": line})
    try:
        found = json.dumps({"value": value}, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return json.dumps({"error": f"it returned something that is no JSON ({error})"[:500], "line": None})
    if len(found) > most:
        return json.dumps({"error": f"it returned {len(found):,} characters; {most:,} at most can be given back",
                           "line": None})
    return found
"""


def cell(name: str, args: Mapping[str, Any], source: str | None) -> str:
    """Return the code of a cell that makes one call.

    Args:
        name: The function.
        args: Its arguments, as JSON.
        source: The tool's source on the first call in a sandbox, else None.
    """
    call = json.dumps({"name": name, "args": dict(args), "source": source})
    # A text as Python writes it cannot end early, whatever it holds.
    return f"{_RUNNER if source is not None else ''}\n_lra_call({call!a}, {MOST_RESULT})\n"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended."""

    value: Any = None
    error: str = ""
    """What went wrong, for whoever can mend it; empty when nothing did."""


def read_outcome(shown: str, source: str) -> Outcome:
    """Return what a cell gave back; it may have been forged by the tool, and is only data.

    Args:
        shown: The representation of the cell's value.
        source: The tool's source, for the line that failed.
    """
    try:
        found = json.loads(str(ast.literal_eval(shown)))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return Outcome(error="it gave back nothing that can be read")
    if not isinstance(found, dict) or ("value" not in found and "error" not in found):
        return Outcome(error="it gave back nothing that can be read")
    if "value" in found:
        return Outcome(found["value"])
    line, lines = found.get("line"), source.split("\n")
    place = (
        f" (line {line}: {lines[line - 1].strip()[:120]})" if isinstance(line, int) and 0 < line <= len(lines) else ""
    )
    return Outcome(error=f"{str(found['error'])[:2000].rstrip('.')}{place}")
