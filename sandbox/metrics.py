"""Figures of the service as Prometheus reads them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping

Labels = tuple[tuple[str, str], ...]
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_HELP = {
    "sandboxes": ("gauge", "Sandboxes that there are, by provider and status."),
    "warm_sandboxes": ("gauge", "Sandboxes that are ready to be claimed."),
    "calls_running": ("gauge", "Cells and commands that run."),
    "created_total": ("counter", "Sandboxes that were made, by where they came from."),
    "ended_total": ("counter", "Sandboxes that ended, by why."),
    "refused_total": ("counter", "Sandboxes that could not be made, by why."),
    "calls_total": ("counter", "Cells and commands that ended, by how."),
    "call_seconds": ("histogram", "How long cells and commands took."),
    "create_seconds": ("histogram", "How long it took to make a sandbox, by where it came from."),
}


class Metrics:
    """Counters and histograms since the service was started."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, Labels], float] = defaultdict(float)
        self._times: dict[tuple[str, Labels], list[int]] = {}
        self._sums: dict[tuple[str, Labels], float] = defaultdict(float)

    def count(self, name: str, **labels: str) -> None:
        """Count something.

        Args:
            name: What.
            **labels: Which of it.
        """
        self._counters[name, tuple(labels.items())] += 1

    def time(self, name: str, seconds: float, **labels: str) -> None:
        """Note how long something took.

        Args:
            name: What.
            seconds: How long.
            **labels: Which of it.
        """
        key = (name, tuple(labels.items()))
        buckets = self._times.setdefault(key, [0] * (len(_BUCKETS) + 1))
        buckets[bisect_left(_BUCKETS, seconds)] += 1
        self._sums[key] += seconds

    def render(self, gauges: Mapping[tuple[str, Labels], float]) -> str:
        """Return everything as text.

        Args:
            gauges: What is so now.
        """
        lines: list[str] = []
        for name, (kind, explained) in _HELP.items():
            lines += [f"# HELP lra_sandbox_{name} {explained}", f"# TYPE lra_sandbox_{name} {kind}"]
            values = gauges if kind == "gauge" else self._counters
            if kind == "histogram":
                lines += [line for key in self._times if key[0] == name for line in self._histogram(key)]
            else:
                lines += [_line(each, labels, value) for (each, labels), value in values.items() if each == name]
        return "\n".join(lines) + "\n"

    def _histogram(self, key: tuple[str, Labels]) -> list[str]:
        name, labels = key
        lines, sum_up = [], 0
        for most, count in zip((*map(str, _BUCKETS), "+Inf"), self._times[key], strict=True):
            sum_up += count
            lines.append(_line(f"{name}_bucket", (*labels, ("le", most)), sum_up))
        return [*lines, _line(f"{name}_sum", labels, self._sums[key]), _line(f"{name}_count", labels, sum_up)]


def _line(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"lra_sandbox_{name}{'{' + inside + '}' if inside else ''} {value:g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
