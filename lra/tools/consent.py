"""Consent: what a tool asks before it does something, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class Edited:
    """Yes, with other arguments than were asked about."""

    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lasting:
    """Yes, and calls like this one are not asked about again."""

    scope: Literal["session", "always"]
    """Until the session ends, or by a rule in the person's own file."""
    args: dict[str, Any] | None = None
    """Other arguments than were asked about."""


Answer = bool | str | Edited | Lasting
"""True for yes, False or a reason for no, or yes with changed arguments or for longer."""


class Approver(Protocol):
    """Asks a person, or a policy, whether a tool may run."""

    async def __call__(
        self, name: str, args: dict[str, Any], reason: str, *, call_id: str = "", lasting: bool = True
    ) -> Answer:
        """Return the answer.

        Args:
            name: The tool.
            args: What it is called with.
            reason: Why consent is needed.
            call_id: Which call, as the events name it.
            lasting: Whether more than this one call can be allowed.
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
    by: Literal["person", "rule", "settings"] = "person"
    """Who answered."""

    @property
    def refusal(self) -> str:
        """What the model is told when nothing was run."""
        match self.by, self.reason:
            case "person", "":
                return "Not run: the person refused it."
            case "person", reason:
                return f"Not run: the person refused it: {reason}"
            case _, reason:
                return f"Not run: {reason}"


CHANGES = "apply_changes"
"""What the question about changes to a person's folder is called, for rules and for the record; it ends a turn."""
UNATTENDED = "Nobody can be asked here."
BY_SETTINGS = "The settings refuse it."


def by_nobody(answer: Answer) -> bool:
    """Tell whether nobody gave this answer: the settings did, or there was nobody to ask."""
    return isinstance(answer, str) and answer.startswith((UNATTENDED, BY_SETTINGS))


def by_policy(policy: Literal["ask", "auto", "deny"]) -> Approver:
    """Return who answers where nobody can be asked.

    Args:
        policy: `auto` allows, `deny` refuses, and so does `ask`, with another reason.
    """

    async def answer(
        name: str, args: dict[str, Any], reason: str, *, call_id: str = "", lasting: bool = True
    ) -> Answer:
        if policy == "auto":
            return True
        return BY_SETTINGS if policy == "deny" else UNATTENDED

    return answer
