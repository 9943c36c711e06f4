"""Syntax trees of code that nobody has checked: how deep they go, and what they look like."""

from __future__ import annotations

import ast

DEEPEST = 100
"""Levels of a tree; Python's own functions that walk one are recursive and need several frames for each."""


def too_deep(tree: ast.AST) -> bool:
    """Tell whether a tree goes deeper than can be walked everywhere.

    Args:
        tree: What was parsed.
    """
    level = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True


def shown(node: ast.expr, most: int = 60) -> str:
    """Return an expression as it is written, cut, for a message.

    Args:
        node: The expression.
        most: How long it may be.
    """
    try:
        text = " ".join(ast.unparse(node).split())
    except ValueError:
        # A whole number too long to be written.
        text = "…"
    return text if len(text) <= most else f"{text[: most - 1]}…"
