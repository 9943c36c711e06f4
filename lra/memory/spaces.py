"""Namespaces: memories of the person everywhere, and of one project folder."""

from __future__ import annotations

from pathlib import Path

USER = "default"
"""What holds everywhere."""


def project_space(folder: Path) -> str:
    """Return the namespace of the project a folder belongs to: the repository around it, or the folder itself.

    Blocks: it looks at the folder and those above it.
    """
    home = Path.home()
    for root in (folder, *folder.parents):
        if root in (home, root.parent):
            break
        if (root / ".git").exists():
            return f"project:{root}"
    return f"project:{folder}"


def shown(namespace: str) -> str:
    """Return a namespace as a person reads it: nothing for what holds everywhere."""
    return "" if namespace == USER else namespace
