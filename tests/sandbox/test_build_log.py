"""What an engine says while it builds is read as lines, wherever it was cut."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.errors import InvalidError
from sandbox.providers.docker.build_log import BuildLog
from sandbox.providers.docker.image import ImageSettings
from sandbox.providers.docker.packages import ensure_packages

SAID = "Reading package lists...\nE: Unable to locate package nothere\r\nthe end"
LINES = ["Reading package lists...", "E: Unable to locate package nothere", "the end"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_the_same_wherever_they_are_cut(size: int) -> None:
    log = BuildLog()
    pieces = [SAID[at : at + size] for at in range(0, len(SAID), size)]
    assert [line for piece in pieces for line in log.add(piece)] + list(log.rest()) == LINES
    assert list(log.rest()) == []


def test_a_line_of_one_stream_is_not_cut_by_the_other() -> None:
    log = BuildLog()
    pieces = [
        "Reading state",
        "\x1b[91mE\x1b[0m",
        "\x1b[91m: Unable to ",
        " information...",
        "\x1b[91mlocate x\n\x1b[0m",
    ]
    assert [line for piece in pieces for line in log.add(piece)] == ["E: Unable to locate x"]
    assert list(log.rest()) == ["Reading state information..."]


def test_a_line_without_end_is_not_gathered_for_ever() -> None:
    log = BuildLog()
    for _ in range(50):
        assert list(log.add("x" * 10_000)) == []
    assert len(next(log.rest())) < 100_000


class Engine:
    """An engine whose build fails after it said this."""

    def __init__(self, pieces: list[str]) -> None:
        self.images = self.api = self
        self.id, self.labels = "sha256:0", dict[str, str]()
        self._pieces = pieces

    def get(self, name: str) -> Engine:
        return self

    def build(self, **_: Any) -> list[dict[str, str]]:
        return [*({"stream": each} for each in self._pieces), {"error": "a command returned a non-zero code: 100"}]


@pytest.mark.parametrize("cut", range(4, 44, 3))
def test_the_failed_package_is_named_wherever_the_log_is_cut(cut: int) -> None:
    said = "E: Unable to locate package nothere"
    engine: Any = Engine(["Step 1/9\n", f"\x1b[91m{said[:cut]}\x1b[0m", f"\x1b[91m{said[cut:]}\x1b[0m"])
    lines: list[str] = []
    with pytest.raises(InvalidError, match=f"because of nothere: {said}$"):
        ensure_packages(engine, "kernel", {"apt": ("jq", "nothere")}, ImageSettings(), lines.append)
    assert said in lines
