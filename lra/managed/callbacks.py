"""Calling the functions that the program gave: for custom tools, and for consent."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import Any

from lra.errors import LraError
from lra.managed.config import CustomTool, ToolConfirmation
from lra.text import clean_text, one_line

_MOST_RESULT = 100_000


async def run_custom(callback: CustomTool, name: str, given: dict[str, Any]) -> tuple[str, bool]:
    """Run a custom tool and return its result as text, and whether it failed.

    Args:
        callback: Runs it; what is not asynchronous runs in a thread.
        name: The tool.
        given: Its input.
    """
    try:
        if inspect.iscoroutinefunction(callback):
            result = await callback(name, given)
        else:
            result = await asyncio.to_thread(callback, name, given)
            result = await result if inspect.isawaitable(result) else result
    except LraError as error:
        return str(error), True
    except Exception as error:
        return clean_text(f"{type(error).__name__}: {one_line(str(error), 500)}"), True
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str)
    cut = f"\n… {len(text) - _MOST_RESULT:,} characters cut" if len(text) > _MOST_RESULT else ""
    return clean_text(text[:_MOST_RESULT]) + cut, False


async def confirmed(callback: ToolConfirmation, call: dict[str, Any]) -> bool | str:
    """Return True for yes, False or a reason for no.

    Args:
        callback: Who is asked; what is not asynchronous runs in a thread.
        call: `tool_name`, `input`, `reason` and `id`.
    """
    try:
        if inspect.iscoroutinefunction(callback):
            answer = await callback(call)
        else:
            answer = await asyncio.to_thread(callback, call)
            answer = await answer if inspect.isawaitable(answer) else answer
    except Exception as error:
        return f"on_tool_confirmation failed ({type(error).__name__}: {one_line(str(error), 200)})."
    # A reason is a no; whatever else is no clear yes is one, too.
    return answer if isinstance(answer, str) else answer is True
