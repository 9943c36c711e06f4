"""What the benchmarks report, and the one table that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Compare = Literal["ratio", "difference", "value", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: a number of ours, what it is compared with, and the goal.

    Attributes:
        name: What was measured.
        ours: Our number.
        reference: The other number, where there is one.
        unit: `ms` or `MB`.
        compare: Whether the goal is for ours divided by the reference, for the difference, or for our number alone;
            `info` rows have no goal.
        goal: What the comparison may be at most.
    """

    name: str
    ours: float | None
    reference: float | None = None
    unit: str = "ms"
    compare: Compare = "value"
    goal: float | None = None
    difference: float | None = None
    """The difference where it was taken round by round, which other work on the machine disturbs least."""
    note: str = ""
    why: str = ""
    """The reason, as far as it is known, where the goal is missed; it stands below the table."""

    @property
    def compared(self) -> float | None:
        """The number that the goal is for."""
        if self.ours is None:
            return None
        if self.compare == "ratio" and self.reference:
            return self.ours / self.reference
        if self.compare == "difference" and self.reference is not None:
            return self.ours - self.reference if self.difference is None else self.difference
        return self.ours if self.compare == "value" else None

    @property
    def verdict(self) -> str:
        if self.note:
            return self.note
        if self.goal is None or self.compared is None:
            return ""
        return "met" if self.compared <= self.goal else "MISSED"

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "compared": self.compared, "verdict": self.verdict}

    def cells(self) -> tuple[str, str, str, str, str, str]:
        compared = ""
        goal = ""
        if self.compared is not None and self.compare == "ratio":
            compared = f"{self.compared:.2f}x"
        elif self.compared is not None and self.compare == "difference":
            compared = f"{self.compared:+.1f} {self.unit}"
        if self.goal is not None:
            goal = f"<= {self.goal:g}x" if self.compare == "ratio" else f"<= {self.goal:g} {self.unit}"
        return (
            self.name,
            _number(self.ours, self.unit),
            _number(self.reference, self.unit),
            compared,
            goal,
            self.verdict,
        )


HEADINGS = ("benchmark", "ours", "reference", "compared", "goal", "verdict")


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.2f} {unit}" if value < 100 else f"{value:.0f} {unit}"


def render(rows: Sequence[Row]) -> str:
    """Return the table as text, names to the left and numbers to the right."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEADINGS))]
    table = "\n".join(
        "  ".join(
            cell.ljust(width) if place in {0, len(HEADINGS) - 1} else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [lines[0], tuple("-" * width for width in widths), *lines[1:]]
    )
    reasons = [f"{row.name}: missed, since {row.why}." for row in rows if row.verdict == "MISSED" and row.why]
    return "\n".join([table, *reasons])
