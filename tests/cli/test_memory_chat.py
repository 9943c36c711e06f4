"""`/memory` in the chat: marks, history, origin, undo, what held when; and secrets that wait for a yes."""

from __future__ import annotations

from .conftest import Cli


def test_memories_are_marked_questioned_and_taken_back(full: Cli) -> None:
    lines = [
        "/memory pin mem000000002",
        "/memory tag mem000000002 drink",
        "/memory history mem000000002",
        "/memory blame mem000000002",
        "/memory tag mem000000001 #pet,home -dog, black",
        "/memory undo",
        "/memory undo",
        "/memory asof now",
        "/memory diff 2020-01-01 2020-02-01",
        "/memory asof some-day",
        "/memory asof 2020-01-01",
        "/memory search history of tea",
        "/exit",
    ]
    done = full("chat", "--plain", stdin="\n".join(lines) + "\n")
    out = done.out + done.err
    assert "pinned “Tea, never coffee” (mem000000002)" in out
    assert "tagged #drink: “Tea, never coffee”" in out
    assert "pinned just now by the person: Tea, never coffee" in out
    assert "changed (tags) just now by the person: Tea, never coffee" in out
    assert "tagged #pet #home #black: “The dog is called Rex”" in out
    assert "created by the person" in " ".join(out.split())
    assert "its tags are as before: “Tea, never coffee”" in out
    assert "The dog is called Rex (mem000000001)" in out
    assert "Nothing changed between the two." in out
    assert "Nothing was remembered then." in out
    shown = full("memory", "show", "mem000000002", "--json").json
    assert (shown["pin"], shown["tags"]) == (True, [])


def test_what_is_remembered_by_hand(cli: Cli) -> None:
    lines = [
        "/remember my password is hunter2!",
        "n",
        "/remember my password is hunter3!",
        "y",
        "/remember --project The build is slow",
        "/remember My dog is called Rex",
        "/remember My dog is called Max",
        "/exit",
    ]
    done = cli("chat", "--plain", stdin="\n".join(lines) + "\n")
    out = done.out + done.err
    assert "Nothing was remembered." in out
    assert "contradicts “My dog is called Rex”" in out
    records = {record["content"]: record["namespace"] for record in cli("memory", "list", "--json").json}
    assert records == {
        "my password is hunter3!": "default",
        "The build is slow": f"project:{cli.folder}",
        "My dog is called Rex": "default",
        "My dog is called Max": "default",
    }


def test_what_was_only_said_is_forgotten_in_the_chat_as_well(cli: Cli) -> None:
    lines = ["my password is hunter22", "/forget password", "y", "/forget password", "/exit"]
    done = cli("chat", "--plain", "-m", "offline", stdin="\n".join(lines) + "\n")
    out = done.out + done.err
    assert "I did not store it" in out
    assert "Forgotten." in out
    assert "Nothing that is remembered or was said fits “password”." in out
    assert not [path for path in cli.home.rglob("*") if path.is_file() and b"hunter22" in path.read_bytes()]


def test_the_history_names_what_was_replaced(cli: Cli) -> None:
    old, new = "My sister's birthday is on the 4th of March", "My sister's birthday is on the 5th of March"
    for text in (old, new):
        cli("memory", "add", text, "--key", "user.sister_birthday")
    (record,) = cli("memory", "list", "--json").json
    lines = [f"/memory history {record['id']}", f"/memory blame {record['id']}", "/exit"]
    done = cli("chat", "--plain", "-m", "offline", stdin="\n".join(lines) + "\n")
    assert (done.out + done.err).count(f"in the place of: {old}") == 2
