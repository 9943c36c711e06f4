"""A bar on standard error for work that takes a while."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

Draw = Callable[[str, int, int], None]


@contextmanager
def drawn() -> Iterator[Draw | None]:
    """Give what draws how far work has come: its name, what is done and the whole; None where nobody would see it.

    It may be called in any thread; the bar is gone when the work is.
    """
    if not sys.stderr or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def draw(name: str, done: int, whole: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=whole)
            bar.update(tasks[name], completed=done)

        yield draw
