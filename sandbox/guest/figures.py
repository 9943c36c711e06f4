"""Matplotlib's figures of a cell."""

from __future__ import annotations

import io
import sys


def take() -> list[bytes]:
    """Return every open figure as PNG, and close them all."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    numbers = pyplot.get_fignums() if pyplot is not None else []
    if pyplot is None or not numbers:
        return []
    images = []
    for number in numbers:
        target = io.BytesIO()
        pyplot.figure(number).savefig(target, format="png", bbox_inches="tight")
        images.append(target.getvalue())
    pyplot.close("all")
    return images
