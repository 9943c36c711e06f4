"""What is allowed: rules about tool calls, and what they decide. Pure; reading files is for others."""

from __future__ import annotations

from lra.policy.decisions import Decision, Policy
from lra.policy.reading import Mistake, parse, removed, written
from lra.policy.rules import LEVELS, Action, Level, Origin, Rule, propose

__all__ = [
    "LEVELS",
    "Action",
    "Decision",
    "Level",
    "Mistake",
    "Origin",
    "Policy",
    "Rule",
    "parse",
    "propose",
    "removed",
    "written",
]
