"""`lra tasks`."""

from __future__ import annotations

from .conftest import SESSION, Cli


def test_a_task_from_beginning_to_end(cli: Cli) -> None:
    task_id = cli("tasks", "add", "Write\n the report", "-d", "by Friday").out.strip()
    (task,) = cli("tasks", "list", "--json").json
    assert task["id"] == task_id
    assert task["title"] == "Write the report"
    assert task["status"] == "pending"
    assert task["description"] == "by Friday"
    assert "created_at" in task
    assert cli("tasks", "start", task_id[:4]).code == 0
    assert cli("tasks", "done", task_id, "--json").json["status"] == "done"
    assert cli("tasks", "list", "--open", "--json").json == []
    assert cli("tasks", "reopen", task_id[:4]).out == f"{task_id} pending: Write the report\n"
    assert [task["status"] for task in cli("tasks", "list", "--open", "--json").json] == ["pending"]
    assert cli("tasks", "delete", task_id).code == 4
    assert cli("tasks", "delete", task_id, "-y").code == 0
    assert cli("tasks", "list", "--json").json == []


def test_listings_can_be_narrowed(full: Cli) -> None:
    assert len(full("tasks", "list", "-s", SESSION[:3], "--status", "pending", "--json").json) == 1
    assert full("tasks", "list", "--status", "done", "--json").json == []
    assert full("tasks", "list", "--status", "finished").code == 2
    assert full("tasks", "list", "-s", "nope").code == 1


def test_bad_input(full: Cli) -> None:
    assert full("tasks", "add", "   ").code == 2
    assert full("tasks", "done", "nope").code == 1
    assert full("tasks", "done", "").code == 1
    assert full("tasks", "cancel", "--", "-1").code == 1
