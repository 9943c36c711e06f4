"""Finding the task somebody means, and telling tasks."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lra.agent.offline.results import items, moment, when
from lra.agent.offline.task_phrases import Status
from lra.agent.offline.words import stem, stems, tokens
from lra.text import one_line

_CLOSED = frozenset({"done", "cancelled"})
_MOST_SHOWN = 30
_COUNTED = re.compile(r"\b(?:today|tonight|tomorrow|this (?:morning|afternoon|evening|week)|next|in \S+ days?)\b", re.I)
_SHORT_ID = 4
_ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1, "latest": -1}


@dataclass(frozen=True, slots=True)
class Task:
    """One task, as the list of tasks has it."""

    id: str
    title: str
    status: str = "pending"
    created_at: datetime | None = None

    def __str__(self) -> str:
        status = self.status.replace("_", " ")
        return f"{one_line(self.title[:400], 120)} (id {one_line(self.id[:80], 40)}, {status})"


def read_tasks(value: Any) -> list[Task]:
    """Return the tasks in a result of `list_tasks`, whatever its form."""
    return [
        Task(
            str(item["id"]),
            str(item.get("title") or ""),
            str(item.get("status") or "pending"),
            moment(item.get("created_at")),
        )
        for item in items(value)
        if item.get("id") is not None
    ]


def find(tasks: Sequence[Task], target: str, status: Status | None = None) -> tuple[list[Task], bool]:
    """Return the tasks that somebody may mean, and whether the words name them for sure.

    Args:
        tasks: All tasks.
        target: An id, its beginning, a title, words of one, or a place among the open ones.
        status: What the task is to become; one that is not there yet is meant before one that is.
    """
    wanted = target.strip().lstrip("#").casefold()
    if (place := _ORDINALS.get(wanted.removeprefix("the ").removesuffix(" one").removesuffix(" task"))) is not None:
        waiting = open_tasks(tasks)
        return ([waiting[place]], True) if -1 <= place < len(waiting) and waiting else ([], True)
    words = _words(target)
    tests = (
        lambda task: task.id.casefold() == wanted,
        lambda task: bool(words) and _words(task.title) == words,
        lambda task: bool(words) and set(words) <= set(_words(task.title)),
        lambda task: len(wanted) >= _SHORT_ID and task.id.casefold().startswith(wanted),
    )
    for test in tests:
        if found := [task for task in tasks if test(task)]:
            return _most_likely(found, status), True
    return [task for task in tasks if set(words) & set(_words(task.title))], False


def _most_likely(found: list[Task], status: Status | None) -> list[Task]:
    open_ones = [task for task in found if task.status not in _CLOSED]
    if status == "pending":
        open_ones = [task for task in found if task.status in _CLOSED]
    return open_ones or found


def _words(text: str) -> list[str]:
    skipped = {"the", "a", "an", "my", "our", "to", "task", "todo", "one", "about", "thing"}
    return [stem(word) for word in tokens(text) if word not in skipped]


def open_tasks(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks that are still to be done."""
    return [task for task in tasks if task.status not in _CLOSED]


def about(tasks: Sequence[Task], subjects: Collection[str]) -> list[Task]:
    """Return the open tasks that speak of at least half of what a question is about."""
    return [task for task in open_tasks(tasks) if 0 < len(subjects) <= 2 * len(stems(task.title) & set(subjects))]


def listing(tasks: Sequence[Task], status: Status | None, now: datetime) -> str:
    """Tell the tasks of one status, or all of them."""
    if not tasks:
        return "You have no tasks."
    if status is None:
        shown, which = list(tasks), ""
    elif status == "open":
        shown, which = open_tasks(tasks), "open "
    else:
        shown, which = [task for task in tasks if task.status == status], status.replace("_", " ") + " "
    closed = len(tasks) - len(open_tasks(tasks))
    rest = f" {closed} {'is' if closed == 1 else 'are'} done or cancelled." if status == "open" and closed else ""
    if not shown:
        return f"You have no {which}tasks.{rest}"
    head = f"You have {len(shown)} {which}task{'s' if len(shown) > 1 else ''}:"
    return "\n".join([head, *lines(shown, now)]) + (f"\n\n{rest.strip()}" if rest else "")


def which_one(tasks: Sequence[Task], target: str, *, sure: bool) -> str:
    """Ask which task is meant."""
    name = one_line(target[:200], 60)
    if not tasks:
        return f'I found no task that matches "{name}". Say "list my tasks" to see them.'
    head = f'Several tasks match "{name}":' if sure else f'No task is called "{name}". Did you mean one of these?'
    return "\n".join([head, *lines(tasks), "", "Say it again with the id, please."])


def lines(tasks: Sequence[Task], now: datetime | None = None) -> list[str]:
    """Return tasks as a list; with the day they were noted where their words count from it."""
    told = [f"- {task}{_noted(task, now)}" for task in tasks[:_MOST_SHOWN]]
    if len(tasks) > _MOST_SHOWN:
        told.append(f"- and {len(tasks) - _MOST_SHOWN} more")
    return told


def _noted(task: Task, now: datetime | None) -> str:
    day = when(task.created_at, now) if now is not None and _COUNTED.search(task.title) else ""
    return f", noted {day}" if day not in {"", "today"} else ""
