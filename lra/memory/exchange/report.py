"""What an import found, kept and left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from lra.memory.exchange.items import Problem

SHOWN = 20
"""Problems and secrets that are listed one by one; the rest is counted."""
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import added, or would add."""

    turns: int = 0
    facts: int = 0
    skipped: int = 0
    """Lines that were known already, with equal content."""
    sessions: int = 0
    """Conversations with a title or traits of their own."""
    vectors: int = 0
    tasks: int = 0
    format: str = field(default="lra", compare=False)
    kinds: dict[str, int] = field(default_factory=dict, compare=False)
    """Facts by their kind."""
    problems: tuple[Problem, ...] = ()
    """The first of what could not be read."""
    wrong: int = 0
    """How much could not be read."""
    left_out: dict[str, int] = field(default_factory=dict)
    """What was read and is not meant to be kept."""
    passed_over: tuple[str, ...] = ()
    """Files of a folder that are no part of what it was taken for."""
    secrets: tuple[Problem, ...] = ()
    """The first of the facts that hold a secret: where, and of what kind."""
    secret_facts: int = 0
    examples: tuple[str, ...] = field(default=(), compare=False)
    dry_run: bool = field(default=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "format": self.format,
            "dry_run": self.dry_run,
            "turns": self.turns,
            "facts": self.facts,
            "skipped": self.skipped,
            "sessions": self.sessions,
            "vectors": self.vectors,
            "tasks": self.tasks,
            "kinds": self.kinds,
            "wrong": self.wrong,
            "problems": [{"place": problem.place, "reason": problem.reason} for problem in self.problems],
            "left_out": self.left_out,
            "passed_over": list(self.passed_over),
            "secret_facts": self.secret_facts,
            "secrets": [{"place": problem.place, "reason": problem.reason} for problem in self.secrets],
            "examples": list(self.examples),
        }


@dataclass(slots=True)
class Tally:
    """Counts while an import runs."""

    turns: int = 0
    facts: int = 0
    skipped: int = 0
    sessions: int = 0
    vectors: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    wrong: int = 0
    differing: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    secrets: list[Problem] = field(default_factory=list)
    secret_facts: int = 0
    examples: list[str] = field(default_factory=list)

    def problem(self, problem: Problem) -> None:
        """Note something that could not be read."""
        self.wrong += 1
        if len(self.problems) < SHOWN:
            self.problems.append(problem)

    def secret(self, secret: Problem) -> None:
        """Note a fact that holds a secret."""
        self.secret_facts += 1
        if len(self.secrets) < SHOWN:
            self.secrets.append(secret)

    def example(self, text: str) -> bool:
        """Keep one of the first texts to show; says whether there is room for more."""
        if len(self.examples) < EXAMPLES:
            self.examples.append(text)
        return len(self.examples) < EXAMPLES

    @property
    def new(self) -> int:
        """How much is not in the record yet."""
        return self.turns + self.facts + self.sessions + self.vectors

    @property
    def read(self) -> int:
        """How much could be read, known or new, kept or not."""
        return self.new + self.skipped + self.differing + self.secret_facts + sum(self.left_out.values())

    def report(self, format: str, *, dry_run: bool) -> ImportReport:
        """Return the result."""
        return ImportReport(
            turns=self.turns,
            facts=self.facts,
            skipped=self.skipped,
            sessions=self.sessions,
            vectors=self.vectors,
            format=format,
            kinds=dict(self.kinds),
            problems=tuple(self.problems),
            wrong=self.wrong,
            left_out=dict(self.left_out),
            secrets=tuple(self.secrets),
            secret_facts=self.secret_facts,
            examples=tuple(self.examples),
            dry_run=dry_run,
        )
