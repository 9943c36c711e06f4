"""Plans for what is asked about tasks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lra.agent.offline import answers, replies, tasks
from lra.agent.offline.intents import Intent
from lra.agent.offline.results import Call
from lra.agent.offline.scene import Plan, Scene
from lra.agent.offline.task_phrases import TaskCommand

_ALL = re.compile(r"(?:tasks|to-?dos|action items)[ .!]*", re.I)
_MOST_CHANGED = 20


def task_plan(intent: Intent, scene: Scene) -> Plan:
    """Add, list, change or tell tasks."""
    command = intent.task or TaskCommand("list")
    beyond = replies.general(scene.tools, explained=scene.explained)
    if command.action == "delete":
        yield from ()
        every = _ALL.fullmatch(command.target) is not None
        words = "all tasks" if every else f"task {command.target[:80] or '…'}"
        return f'I cannot delete tasks, only cancel them: "cancel {words}".'
    if command.action == "add":
        return (yield from _add_tasks(command, scene))
    if "list_tasks" not in scene.tools:
        return beyond if command.guess else replies.missing("see your tasks")
    (result,) = yield [scene.call("list_tasks")]
    if problem := answers.trouble("list_tasks", result):
        return problem
    listed = tasks.read_tasks(result.value)
    if command.guess:
        named, sure = tasks.find(listed, command.target, command.status)
        if not (named and sure):
            return f'{beyond} No task is called so; "list my tasks" shows them.'
    if command.action == "list":
        return tasks.listing(listed, command.status, scene.now)
    if command.action == "state":
        return (yield from _tell_state(command, listed, scene))
    return (yield from _set_status(command, listed, scene))


def _add_tasks(command: TaskCommand, scene: Scene) -> Plan:
    if "create_task" not in scene.tools:
        return replies.missing("create tasks")
    if not command.titles:
        return 'What is the task called? Say for example "add a task: call the dentist".'
    results = yield [scene.call("create_task", title=title, description="") for title in command.titles]
    lines = []
    for title, result in zip(command.titles, results, strict=True):
        problem = answers.trouble("create_task", result)
        number = result.text.removeprefix("Task created:").strip() if isinstance(result.value, str) else ""
        named = f" (id {number})" if number and " " not in number else ""
        lines.append(problem or f"Task added: {answers.quote(title)}{named}.")
    if command.reminder and not all(answers.trouble("create_task", result) for result in results):
        lines.append("I cannot sound an alarm: it waits in your task list until you ask for it.")
    return "\n".join(lines)


def _tell_state(command: TaskCommand, listed: Sequence[tasks.Task], scene: Scene) -> Plan:
    matches, sure = tasks.find(listed, command.target)
    if not sure or len(matches) != 1:
        return tasks.which_one(matches, command.target, sure=sure)
    if "get_task_state" in scene.tools:
        (result,) = yield [scene.call("get_task_state", task_id=matches[0].id)]
        if problem := answers.trouble("get_task_state", result):
            return problem
        current = next(iter(tasks.read_tasks(result.value)), matches[0])
        return f"{answers.quote(matches[0].title)} is {current.status.replace('_', ' ')} (id {matches[0].id})."
    return f"{answers.quote(matches[0].title)} is {matches[0].status.replace('_', ' ')} (id {matches[0].id})."


def _set_status(command: TaskCommand, listed: Sequence[tasks.Task], scene: Scene) -> Plan:
    # A tool may hand out its live records, so that a list made before the change shows it already.
    status = command.status or "done"
    changed = {
        call.args.get("task_id") for call in scene.made if call == _change(scene, call.args.get("task_id"), status)
    }
    if command.target.lower() in {"all", "all tasks", "everything", "all of them", "all my tasks"}:
        chosen = [task for task in listed if task.id in changed] or tasks.open_tasks(listed)[:_MOST_CHANGED]
        if not chosen:
            return "You have no open tasks."
    else:
        chosen, sure = tasks.find([task for task in listed if task.id in changed], command.target, status)
        if not sure:
            chosen, sure = tasks.find(listed, command.target, status)
        if not sure or len(chosen) != 1:
            return tasks.which_one(chosen, command.target, sure=sure)
    words = status.replace("_", " ")
    if len(chosen) == 1 and chosen[0].status == status and not changed:
        return f"{answers.quote(chosen[0].title)} is already {words}."
    if "update_task_status" not in scene.tools:
        return replies.missing("change tasks")
    results = yield [_change(scene, task.id, status) for task in chosen]
    return "\n".join(
        answers.trouble("update_task_status", result) or f"{answers.quote(task.title)} is now {words}."
        for task, result in zip(chosen, results, strict=True)
    )


def _change(scene: Scene, task_id: object, status: str) -> Call:
    return scene.call("update_task_status", task_id=task_id, status=status)
