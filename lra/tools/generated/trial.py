"""Trying a tool in its sandbox before anybody relies on it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lra.tools.generated.boxes import ToolBoxes
from lra.tools.generated.drafts import Draft


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    """A sentence for each test that failed."""

    @property
    def ok(self) -> bool:
        """Whether every test passed."""
        return not self.failures


async def run_trial(draft: Draft, boxes: ToolBoxes, *, said: Callable[[str], None] | None = None) -> Trial:
    """Run a tool's tests in a sandbox with exactly its grants.

    Args:
        draft: The tool.
        boxes: Where it runs.
        said: Told what it prints.
    """
    failures: list[str] = []
    for number, test in enumerate(draft.tests, 1):
        outcome = await boxes.call(draft.name, draft.source, draft.grants, test["args"], said=said)
        call = f"Test {number}, {_call(draft.name, test['args'])},"
        if "error" in test:
            if not outcome.error:
                failures.append(f"{call} gave {_short(outcome.value)}, not an error.")
            elif test["error"] not in outcome.error:
                failures.append(f"{call} failed with {outcome.error!r}, not with {test['error']!r}.")
        elif outcome.error:
            failures.append(f"{call} failed: {outcome.error}.")
        elif not same(outcome.value, test["expected"]):
            failures.append(f"{call} gave {_short(outcome.value)}, not {_short(test['expected'])}.")
    return Trial(len(draft.tests) - len(failures), failures)


def same(found: Any, expected: Any) -> bool:
    """Tell whether two JSON values are equal; numbers may differ in their last places.

    Args:
        found: What was returned.
        expected: What the test says.
    """
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    if isinstance(found, float | int) and isinstance(expected, float | int):
        return found == expected or math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[name], expected[name]) for name in found)
    return bool(found == expected)


def _call(name: str, args: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={_short(value, 60)}' for key, value in args.items())})"


def _short(value: Any, most: int = 200) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}…"
