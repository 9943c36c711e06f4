"""Consent: what a tool asks before it does something, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class Edited:
    """Yes, with other arguments than were asked about."""

    args: dict[str, Any]


Answer = bool | str | Edited
"""True for yes, False or a reason for no, or yes with changed arguments."""


class Approver(Protocol):
    """Asks a person, or a policy, whether a tool may run."""

    async def __call__(self, name: str, args: dict[str, Any], reason: str, *, call_id: str = "") -> Answer:
        """Return the answer.

        Args:
            name: The tool.
            args: What it is called with.
            reason: Why consent is needed.
            call_id: Which call, as the events name it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Consent:
    """How a request for consent ended."""

    approved: bool
    args: dict[str, Any]
    """What to run with; changed when the person changed it."""
    reason: str = ""
    """Why not."""


def by_policy(policy: Literal["ask", "auto", "deny"]) -> Approver:
    """Return who answers where nobody can be asked.

    Args:
        policy: `auto` allows, `deny` refuses, and so does `ask`, with another reason.
    """

    async def answer(name: str, args: dict[str, Any], reason: str, *, call_id: str = "") -> Answer:
        if policy == "auto":
            return True
        return "The settings refuse it." if policy == "deny" else "Nobody can be asked here."

    return answer
