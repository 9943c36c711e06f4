"""What rules decide about a call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lra.policy.reading import Mistake
from lra.policy.rules import LEVELS, Action, Origin, Rule


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen with a call, and why."""

    action: Action
    rule: Rule | None = None
    """The rule that decided; None where none spoke."""
    mistake: Mistake | None = None
    """Why a call that would be allowed is asked about: a file of rules could not be read whole."""

    @property
    def reason(self) -> str:
        """One sentence for whoever asked, empty where nothing but the tool's own default spoke."""
        if self.mistake is not None:
            return f"{self.mistake.place} has a mistake, so nothing is allowed without asking."
        if self.rule is None:
            return ""
        # A refusal goes to the model, whom the person's folders do not concern.
        place = "" if self.action == "deny" else f" ({self.rule.origin})"
        return self.rule.why or f"A rule says so: {self.rule}{place}."


class Policy:
    """The rules of one session.

    A rule that denies wins wherever it stands. Among the others the level decides, session before project before
    user, and within a level the rule that says more exactly what it means; of two equal ones the one that asks.
    Rules of a project that is not trusted can only tighten: what they allow does not count.
    """

    def __init__(self) -> None:
        self.session: list[Rule] = []
        """What the person allowed until the session ends."""
        self.rules: tuple[Rule, ...] = ()
        """What files say; `set_files` replaces it."""
        self.mistakes: tuple[Mistake, ...] = ()
        """What could not be read of them."""

    def set_files(self, rules: Iterable[Rule], mistakes: Iterable[Mistake] = (), *, trusted: bool = False) -> None:
        """Take over what files say.

        Args:
            rules: Of every file.
            mistakes: What could not be read of them.
            trusted: Whether the project may allow something.
        """
        self.rules = tuple(
            rule for rule in rules if trusted or rule.origin.level != "project" or rule.action != "allow"
        )
        self.mistakes = tuple(mistakes)

    def allow_in_session(self, rule: Rule) -> None:
        """Allow until the session ends what a rule means."""
        self.session.append(Rule("allow", rule.tool, rule.when, rule.why, Origin("session")))

    def every(self) -> list[Rule]:
        """Return all rules that count, the most specific level first."""
        return [*self.session, *(rule for level in LEVELS for rule in self.rules if rule.origin.level == level)]

    def decide(self, tool: str, args: Mapping[str, Any], default: Action = "allow") -> Decision:
        """Return what is to happen with a call.

        Args:
            tool: The tool's name.
            args: What it is called with.
            default: What happens where no rule speaks.
        """
        found = [rule for rule in (*self.session, *self.rules) if rule.matches(tool, args)]
        for rule in found:
            if rule.action == "deny":
                return Decision("deny", rule)
        strongest = min(found, key=_order, default=None)
        action = strongest.action if strongest else default
        if action == "allow" and self.mistakes and not (strongest and strongest.origin.level == "session"):
            # What cannot be read may be a rule that denies.
            return Decision("ask", strongest, self.mistakes[0])
        return Decision(action, strongest)


def _order(rule: Rule) -> tuple[int, int, bool, bool]:
    count, exact = rule.weight
    return LEVELS.index(rule.origin.level), -count, not exact, rule.action != "ask"
