"""docs/terminal.md answers every row, and names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.support.terminal import ROOT

ROWS = [
    "Screen", "Slash commands", "Resume and search", "Fork and rewind", "While running", "Approvals", "Todo and diff",
    "Meter", "Notifications", "Headless", "Config", "Accessibility", "Completion", "Memory",
]  # fmt: skip


def table() -> list[list[str]]:
    lines = (ROOT / "docs" / "terminal.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return rows[1:]


@cache
def declared(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_is_answered_in_a_sentence() -> None:
    assert [row[0] for row in table()] == ROWS
    for _, answer, sentence, _ in table():
        assert answer == "yes"
        assert re.fullmatch(r"[A-Z`].*[^.]\.", sentence), sentence


def test_every_row_names_tests_that_exist() -> None:
    for row, _, _, shown in table():
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown)
        assert named, row
        assert ", ".join(f"`{path}::{name}`" for path, name in named) == shown
        for path, name in named:
            assert name in declared(path), f"{row}: {path} has no {name}"
