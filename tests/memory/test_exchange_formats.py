"""What other programs leave: recognised by content, read as a person would, imported once."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lra.errors import LraError, UsageError
from lra.memory import Memory
from lra.memory.exchange.elements import elements
from lra.memory.exchange.items import Problem
from lra.store import MemoryRecord


def message(name: str, role: str, *parts: Any, parent: str | None = None, **values: Any) -> dict[str, Any]:
    """A node of ChatGPT's tree."""
    content = values.pop("content", {"content_type": "text", "parts": list(parts)})
    body = {
        "id": f"m-{name}",
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": 1_714_557_600.5,
        "update_time": None,
        "content": content,
        "status": "finished_successfully",
        "weight": 1.0,
        "metadata": {},
        "recipient": "all",
    }
    return {"id": name, "message": body | values, "parent": parent, "children": []}


def conversation(*nodes: dict[str, Any], current: str, **values: Any) -> dict[str, Any]:
    root: dict[str, Any] = {"id": "root", "message": None, "parent": None, "children": []}
    return {
        "title": "Trip to Lisbon",
        "create_time": 1_714_557_600.123456,
        "update_time": 1_714_557_700.5,
        "mapping": {node["id"]: node for node in (root, *nodes)},
        "current_node": current,
        "conversation_id": "conversation-1",
        "id": "conversation-1",
        **values,
    }


LISBON = conversation(
    message("s", "system", "", parent="root", create_time=None),
    message("u1", "user", "Which tram goes up?", parent="s"),
    message("a1", "assistant", "Tram 12.", parent="u1"),
    message("a2", "assistant", "Tram 28 goes up \ue200cite\ue202turn0search1\ue201.", parent="u1"),
    message(
        "u2",
        "user",
        parent="a2",
        content={
            "content_type": "multimodal_text",
            "parts": [{"content_type": "image_asset_pointer", "asset_pointer": "file://x"}, "Is this it?"],
        },
    ),
    message("picture", "user", {"content_type": "image_asset_pointer", "asset_pointer": "file://x"}, parent="u2"),
    message("t1", "assistant", parent="picture", recipient="browser", content={"content_type": "code", "text": "go"}),
    message("t2", "tool", parent="t1", content={"content_type": "tether_browsing_display", "result": "…"}),
    message(
        "hidden", "user", "custom instructions", parent="t2", metadata={"is_visually_hidden_from_conversation": True}
    ),
    message("a3", "assistant", "Yes, the yellow one.", parent="hidden", create_time=None),
    current="a3",
)


def dump(path: Path, value: Any, **options: Any) -> Path:
    path.write_text(json.dumps(value, ensure_ascii=False, **options), encoding="utf-8")
    return path


async def by_content(memory: Memory) -> dict[str, MemoryRecord]:
    return {record.content: record for record in await memory.find()}


@pytest.mark.parametrize("form", ["json", "indented", "zip", "folder"])
async def test_chatgpt(memory: Memory, tmp_path: Path, form: str) -> None:
    path = dump(tmp_path / "conversations.json", [LISBON], indent=2 if form == "indented" else None)
    if form == "zip":
        path = tmp_path / "export.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(tmp_path / "conversations.json", "conversations.json")
            archive.writestr("user.json", "{}")
    report = await memory.import_file(tmp_path if form == "folder" else path)
    assert (report.format, report.turns, report.sessions, report.wrong) == ("chatgpt", 4, 1, 0)
    assert sum(report.left_out.values()) == 5
    session = await memory.store.sessions.get("conversation-1")
    assert (session.title, session.turns, session.origin) == ("Trip to Lisbon", 2, "import")
    assert session.created_at == 1_714_557_600_123_456
    rows = await memory.store.journal.rows("conversation-1")
    assert [(row.role, row.content) for row in rows] == [
        ("user", "Which tram goes up?"),
        ("assistant", "Tram 28 goes up."),
        ("user", "Is this it?"),
        ("assistant", "Yes, the yellow one."),
    ]
    assert rows[0].created_at == 1_714_557_600_500_000
    # Who asks the model later gets it as what was said.
    assert "m-u1" in {hit.id for hit in await memory.search("which tram goes up", scope="turns")}
    again = await memory.import_file(path)
    assert (again.turns, again.sessions, again.skipped) == (0, 0, 4)


async def test_chatgpt_with_what_no_reader_likes(memory: Memory, tmp_path: Path) -> None:
    strange = conversation(
        message("x", "user", '[{ \\" ]} “quoted”', parent="x"), current="x", conversation_id=None, id=None, title=None
    )
    nodes = conversation(
        message("y", "user", "said", parent="root"),
        current="y",
        conversation_id="c3",
        create_time="2024-05-01T10:00:00Z",
    )
    nodes["mapping"]["z"] = {"id": "z", "message": {"author": None}, "parent": "y", "children": []}
    nodes["current_node"] = "z"
    text = json.dumps([strange, "junk", 7, {"title": "none"}, nodes])
    (tmp_path / "conversations.json").write_text(text[:-1] + ', {"mapping": nonsense}]', encoding="utf-8")
    report = await memory.import_file(tmp_path / "conversations.json")
    assert report.turns == 2
    assert [(problem.place, problem.reason) for problem in report.problems] == [
        ("$[1]", "it is not a JSON object"),
        ("$[2]", "it is not a JSON object"),
        ("$[3]", 'it has no "mapping", so it is no conversation'),
        ('$[4].mapping["z"]', "the message has no author or no content"),
        ("$[5]", "it is not valid JSON"),
    ]
    with pytest.raises(LraError, match=r"\$\[1\]: .*Nothing was imported"):
        await memory.import_file(tmp_path / "conversations.json", strict=True)


async def test_a_new_look_at_a_grown_export_adds_what_is_new(memory: Memory, tmp_path: Path) -> None:
    short = conversation(message("u1", "user", "one", parent="root"), current="u1")
    long = conversation(
        message("u1", "user", "one", parent="root"), message("a1", "assistant", "two", parent="u1"), current="a1"
    )
    await memory.import_file(dump(tmp_path / "conversations.json", [short]))
    report = await memory.import_file(dump(tmp_path / "conversations.json", [long]))
    assert (report.turns, report.skipped) == (1, 1)
    assert [row.content for row in await memory.store.journal.rows("conversation-1")] == ["one", "two"]


MEM0 = [
    {
        "id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
        "memory": "Likes hiking in the Alps",
        "hash": "x",
        "metadata": {"category": "hobbies"},
        "categories": ["hobbies", "travel"],
        "created_at": "2024-07-26T08:42:01.123456-07:00",
        "updated_at": "2024-08-01T00:00:00-07:00",
        "expiration_date": "2044-01-01",
        "user_id": "alice",
        "score": 0.9,
    },
    {"id": "m2", "memory": "  "},
    {"id": "m3", "memory": "x", "created_at": "soon"},
    {"id": "m4", "memory": "The API key is sk-proj-abcdefghijklmnopqrstuvwx1234", "created_at": None},
]


@pytest.mark.parametrize("form", ["list", "results", "results, indented", "one line, relations first"])
async def test_mem0(memory: Memory, tmp_path: Path, form: str) -> None:
    value: Any = MEM0 if form == "list" else {"results": MEM0, "relations": [{"source": "alice"}]}
    if form.startswith("one"):
        value = {"relations": [{"memory": "no"}], "results": MEM0}
    path = dump(tmp_path / "m.json", value, indent=2 if "indented" in form else None)
    report = await memory.import_file(path)
    root = "$" if form == "list" else "$.results"
    assert [(problem.place, problem.reason) for problem in report.problems] == [
        (f"{root}[1]", 'it has no "memory"'),
        (f"{root}[2]", '"created_at" is not a time'),
    ]
    assert (report.format, report.facts, report.secret_facts) == ("mem0", 1, 1)
    assert report.secrets[0].place == f"{root}[3]"
    (record,) = await memory.find()
    assert record.id == "3c90c3cc-0d44-4b50-8888-8dd25736052a"
    assert record.tags == ["hobbies", "travel"]
    assert record.metadata == {"category": "hobbies", "user_id": "alice"}
    shown = record.to_dict()
    assert shown["created_at"] == "2024-07-26T15:42:01.123456Z"
    assert shown["updated_at"] == "2024-08-01T07:00:00.000000Z"
    assert shown["valid_to"] == "2044-01-01T00:00:00.000000Z"
    assert (await memory.import_file(path, allow_secrets=True)).facts == 1
    assert len(await memory.find()) == 2


async def test_what_was_changed_or_forgotten_here_stays_so(memory: Memory, tmp_path: Path) -> None:
    kept, gone = ({"id": name, "memory": f"likes {name}"} for name in ("tea", "gin"))
    path = dump(tmp_path / "m.json", [kept, gone])
    await memory.import_file(path)
    await memory.edit("tea", "likes green tea")
    await memory.forget("gin")
    report = await memory.import_file(path)
    assert (report.facts, report.wrong) == (0, 1)
    assert "stays as it is" in report.problems[0].reason
    assert list(report.left_out.values()) == [1]
    assert list(await by_content(memory)) == ["likes green tea"]


MARKDOWN = """---
title: notes
tags: [a]
---
# Notes

A paragraph
over *two* lines with a [link](https://x.org).

<!-- a comment -->

## Likes
- **Tea**, not coffee
- [x] Skis bought
- Dogs:
  - Rex
  - Max, who is old

    He sleeps.

  Both bark.
1. First

> quoted

| Name | Use |
|------|-----|
| api  | the server |
| db   |     |

### Commands
Run it with:

```sh
make all
```
"""


async def test_markdown(memory: Memory, tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text(MARKDOWN, encoding="utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    report = await memory.import_file(path)
    assert report.format == "markdown"
    found = await by_content(memory)
    assert {content: record.tags for content, record in found.items()} == {
        "A paragraph over two lines with a link (https://x.org).": ["Notes"],
        "Tea, not coffee": ["Notes", "Likes"],
        "Skis bought": ["Notes", "Likes"],
        "Dogs: Rex": ["Notes", "Likes"],
        "Dogs: Max, who is old\nHe sleeps.": ["Notes", "Likes"],
        "Dogs: Both bark.": ["Notes", "Likes"],
        "First": ["Notes", "Likes"],
        "quoted": ["Notes", "Likes"],
        "Name: api; Use: the server": ["Notes", "Likes"],
        "Name: db": ["Notes", "Likes"],
        "Run it with:\n```sh\nmake all\n```": ["Notes", "Likes", "Commands"],
    }
    assert {record.created_at for record in found.values()} == {1_700_000_000_000_000}
    path.write_text(MARKDOWN.replace("Skis bought", "Skis sold"), encoding="utf-8")
    again = await memory.import_file(path)
    assert (again.facts, again.skipped) == (1, 10)


async def test_a_folder_of_markdown(memory: Memory, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "a.md").write_text("- one\n")
    (tmp_path / "deep" / "er" / "b.md").write_bytes(b"- two\n\xff\xfe\n\n- three\n")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    (tmp_path / "deep" / "gone.md").symlink_to(tmp_path / "nowhere")
    report = await memory.import_file(tmp_path, namespace="notes")
    assert (report.facts, report.wrong) == (3, 1)
    assert report.problems[0].place == "deep/er/b.md, line 2"
    assert {record.namespace for record in await memory.find()} == {"notes"}


async def test_claude_code(memory: Memory, tmp_path: Path) -> None:
    folder = tmp_path / ".claude" / "projects" / "-home-me-app" / "memory"
    folder.mkdir(parents=True)
    (folder / "MEMORY.md").write_text(
        "# Memory index\n\n- [User role](user_role.md) — backend developer\n- [Gone](gone.md) — no longer there\n"
        "## Quick facts\n- Always use bun\n"
    )
    (folder / "user_role.md").write_text(
        "---\nname: user-role\ndescription: The user is a backend developer\nmetadata:\n  node_type: memory\n"
        "  type: feedback\n---\n\nWorks on payments.\n\n**Why:** ten years of Go.\n"
    )
    (folder / "debugging.md").write_text("# Debugging\n- The flaky test needs `TZ=UTC`\n")
    (tmp_path / ".claude" / "CLAUDE.md").write_text("# Style\n- Two spaces\n")
    report = await memory.import_file(tmp_path / ".claude")
    assert (report.format, sum(report.left_out.values())) == ("claude-code", 1)
    found = await by_content(memory)
    assert {content: (record.kind, record.tags) for content, record in found.items()} == {
        "Two spaces": ("instruction", ["Style"]),
        "Always use bun": ("fact", ["Memory index", "Quick facts"]),
        "Gone (gone.md) — no longer there": ("fact", ["Memory index"]),
        "The flaky test needs `TZ=UTC`": ("fact", ["debugging", "Debugging"]),
        "The user is a backend developer\nWorks on payments.\n\n**Why:** ten years of Go.": (
            "preference",
            ["feedback", "user-role"],
        ),
    }
    assert found["Always use bun"].metadata == {"file": "MEMORY.md", "project": "-home-me-app"}
    for path in (folder, folder.parent, folder.parent.parent.parent, folder / "user_role.md"):
        again = await memory.import_file(path)
        assert (again.format, again.facts) == ("claude-code", 0)
        assert again.skipped


async def test_what_is_nothing_says_so(memory: Memory, tmp_path: Path) -> None:
    files: dict[str, bytes] = {
        "empty.json": b"",
        "blank.md": b"\xef\xbb\xbf \n\n",
        "binary": bytes(range(256)) * 9,
        "broken.json": b'{"foo": [1, 2',
        "list.json": b"[]\n",
        "rubbish.zip": b"PK\x03\x04 and no more",
        "other.db": b"SQLite format 3\x00" + bytes(4000),
        "unclear": b"some words without any form",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "folder").mkdir()
    sentences = {
        "empty.json": "is empty",
        "blank.md": "is empty",
        "binary": "is not text",
        "broken.json": "JSON of an unknown kind",
        "list.json": "holds nothing",
        "rubbish.zip": "the archive is damaged",
        "other.db": "is a database",
        "unclear": "not clear what",
        "other.zip": "archive without conversations.json",
        "a": "Too many levels of symbolic links",
        "folder": "holds nothing that can be imported",
    }
    for name, sentence in sentences.items():
        with pytest.raises(UsageError, match=sentence) as caught:
            await memory.import_file(tmp_path / name)
        assert name in str(caught.value)
    with pytest.raises(LraError, match="unclear, line 1: it is not valid JSON"):
        await memory.import_file(tmp_path / "unclear", format="lra")


async def test_a_damaged_archive_leaves_nothing(memory: Memory, tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    many = [
        conversation(
            message("u", "user", f"word{i} " * 50, parent="root", id=f"m{i}"), current="u", conversation_id=f"c{i}"
        )
        for i in range(400)
    ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", json.dumps(many))
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 40] = b"\x00" * 40
    path.write_bytes(bytes(whole))
    with pytest.raises(UsageError, match="the archive is damaged"):
        await memory.import_file(path)
    assert await memory.store.sessions.find() == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_elements_are_the_same_however_the_file_is_cut(size: int) -> None:
    value = [{"a": 'x"\\]}'}, {}, {"b": [[{"c": "\\\\"}]]}, "no, not one", 5, {"é": "[\u2028{"}]
    for document, keys, root in (
        (json.dumps(value, ensure_ascii=False), (), "$"),
        (
            json.dumps({"n": [1, {"results": [0]}], "s": '"results": [', "results": value, "z": [{}]}),
            ("results",),
            "$.results",
        ),
    ):
        data = document.encode()
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        found = list(elements(parts, keys=keys))
        objects = [(place, json.loads(raw)) for place, raw in (one for one in found if not isinstance(one, Problem))]
        assert objects == [(f"{root}[{at}]", value[at]) for at in (0, 1, 2, 5)]
        assert [one.place for one in found if isinstance(one, Problem)] == [f"{root}[3]", f"{root}[4]"]


def test_an_endless_element_is_passed_over() -> None:
    data = json.dumps([{"a": 1}, {"b": "x" * 5000}, {"c": 2}]).encode()
    found = list(elements([data[at : at + 100] for at in range(0, len(data), 100)], limit=1000))
    assert found[0] == ("$[0]", b'{"a": 1}')
    assert isinstance(found[1], Problem)
    assert found[2] == ("$[2]", b'{"c": 2}')
    cut = list(elements([data[:-4]]))
    assert isinstance(cut[-1], Problem)
    assert "ends in the middle" in cut[-1].reason
