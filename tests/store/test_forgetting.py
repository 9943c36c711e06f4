"""Forgetting: the words leave everything that held them, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from lra.chat.history import PromptHistory
from lra.store import Entry, NewMemory, StructuredMemoryStore
from lra.store.erasure import Erasure, Target
from lra.store.forgetting import Forgotten
from lra.store.records import MemoryRecord
from lra.store.redaction import Words, distinctive, redact_payload, span_pattern

Make = Callable[..., StructuredMemoryStore]
MEMORY = "User's locker PIN is 774411"
SAID = "hey, my locker pin's 774411, keep it in mind"


def entry(message: ModelMessage, role: Any, content: str) -> Entry:
    return Entry(role=role, content=content, payload=ModelMessagesTypeAdapter.dump_json([message]).decode()[1:-1])


def said(text: str) -> Entry:
    return entry(ModelRequest(parts=[UserPromptPart(content=text)]), "user", text)


def call(args: str | dict[str, Any]) -> Entry:
    parts: list[TextPart | ToolCallPart] = [
        TextPart(content="Noted."),
        ToolCallPart(tool_name="write_memory", args=args, tool_call_id="content-1"),
    ]
    return entry(ModelResponse(parts=parts), "assistant", "Noted.")


def returned(content: Any) -> Entry:
    part = ToolReturnPart(tool_name="write_memory", content=content, tool_call_id="content-1")
    return entry(ModelRequest(parts=[part]), "tool", content if isinstance(content, str) else json.dumps(content))


async def turn(store: StructuredMemoryStore, session: str, *entries: Entry, title: str = "") -> int:
    await store.ensure_session(session)
    begun = await store.journal.begin_turn(session, entries[0], model="m", title=title)
    await store.journal.append(session, begun.id, entries[1:])
    await store.journal.finish_turn(begun.id, outcome="completed")
    return begun.id


async def remembered(store: StructuredMemoryStore, text: str, session: str | None = None, **more: Any) -> MemoryRecord:
    return await add(store, NewMemory(content=text, session_id=session, **more))


async def add(store: StructuredMemoryStore, new: NewMemory) -> MemoryRecord:
    written = await store.memories.put(new)
    assert isinstance(written, MemoryRecord)
    return written


async def everything(store: StructuredMemoryStore, session: str) -> list[tuple[str, str | None]]:
    rows = await store.journal.rows(session)
    for row in rows:
        assert ModelMessagesTypeAdapter.validate_json(f"[{row.payload}]")
    return [(row.content, row.payload) for row in rows]


def left(path: Path, word: str) -> list[str]:
    return [file.name for file in path.parent.glob(f"{path.name}*") if word.encode() in file.read_bytes()]


@pytest.mark.parametrize("text", ["Rust", "content", "e", "memory", "user", "tool-call", "text"])
async def test_a_short_text_leaves_the_form_and_the_other_sessions_alone(open_store: Make, text: str) -> None:
    store = open_store()
    lines = (
        said(f"I write {text} and trusting contents in Rust."),
        call({"content": f"Likes {text}", "kind": "fact"}),
        returned({"id": "e", "content": f"Likes {text}"}),
    )
    await turn(store, "other", *lines)
    before = await everything(store, "other")
    source = await turn(store, "source", *lines, title=f"About {text}")
    record = await remembered(store, text, "source", turn_id=source)
    await store.forgetting.forget(record)
    assert await everything(store, "other") == before
    rows = await store.journal.rows("source")
    assert rows[0].content.startswith("I write [forgotten] and trusting contents in ")
    message = ModelMessagesTypeAdapter.validate_json(f"[{rows[1].payload}]")[0]
    made = message.parts[1]
    assert isinstance(made, ToolCallPart)
    assert (made.tool_name, made.tool_call_id) == ("write_memory", "content-1")
    assert made.args_as_dict() == {"content": "Likes [forgotten]", "kind": "fact"}
    result = json.loads(rows[2].content)
    assert result == {"id": "e", "content": "Likes [forgotten]"}
    assert (await store.sessions.get("source")).title == "[forgotten]"


async def test_a_short_text_of_no_session_changes_nothing_else(open_store: Make) -> None:
    store = open_store()
    await turn(store, "other", said("Rust is fine."))
    before = await everything(store, "other")
    record = await remembered(store, "Rust")
    assert await store.forgetting.forget(record) == Forgotten(rows=0, sessions=0, still_mentioned=1)
    assert await everything(store, "other") == before


@pytest.mark.parametrize("form", [json.dumps, dict])
async def test_a_paraphrase_leaves_its_source(open_store: Make, path: Path, form: Callable[[Any], Any]) -> None:
    store = open_store()
    thought = ModelResponse(parts=[ThinkingPart(content=f"They say: {SAID}", signature="x"), TextPart(content="Sure.")])
    source = await turn(
        store,
        "source",
        said(f"Hello there! {SAID}. What is the weather?"),
        entry(thought, "assistant", "Sure."),
        call(form({"content": MEMORY})),
        returned([{"content": MEMORY, "id": "result-1"}]),
        title=SAID,
    )
    await turn(store, "source", said("Is 774411 my PIN?\nThanks. Also, the locker is blue."))
    await store.sessions.update("source", compaction=json.dumps({"summary": f"Talk. {SAID}.", "after": 1}))
    summary = await remembered(store, "They greeted. The PIN 774411 came up.", "source", kind="summary")
    record = await remembered(store, MEMORY, "source", turn_id=source)
    done = await store.forgetting.forget(record)
    assert done == Forgotten(rows=7, sessions=1, still_mentioned=0)
    rows = await everything(store, "source")
    assert rows[0][0] == "Hello there! [forgotten] What is the weather?"
    assert rows[4][0] == "[forgotten]\nThanks. Also, the locker is blue."
    assert (await store.memories.get(summary.id)).content == "They greeted. [forgotten]"
    session = await store.sessions.get("source")
    assert session.title == "[forgotten]"
    assert json.loads(session.compaction or "") == {"summary": "Talk. [forgotten]", "after": 1}
    await turn(store, "source", said("And now?"))
    assert len(await everything(store, "source")) == 6
    await store.close()
    assert left(path, "774411") == []


async def test_the_token_is_nowhere_in_the_files(open_store: Make, path: Path) -> None:
    store = open_store()
    source = await turn(store, "source", said("call me zanzibar42 please"), call({"content": "nick zanzibar42"}))
    await turn(store, "far", said("User's nickname is ZANZIBAR42, as I said"), title="User's nickname is zanzibar42")
    await store.tasks.create("Print: user's  nickname is zanzibar42", description="User’s nickname is zanzibar42.")
    await store.sessions.create(id="fork", parent_id="source")
    await store.journal.copy("source", "fork")
    record = await remembered(store, "User's nickname is zanzibar42", "source", turn_id=source)
    done = await store.forgetting.forget(record)
    assert (done.sessions, done.still_mentioned) == (3, 0)
    assert (await store.sessions.get("far")).title == "[forgotten]"
    (task,) = await store.tasks.find()
    assert (task.title, task.description) == ("Print: [forgotten]", "[forgotten].")
    for session in ("source", "far", "fork"):
        assert "zanzibar" not in str(await everything(store, session)).lower()
    await store.close()
    assert left(path, "zanzibar42") == left(path, "ZANZIBAR42") == []


async def test_what_is_left_elsewhere_is_counted(open_store: Make) -> None:
    store = open_store()
    await turn(store, "source", said("My sister Mathilde moved to Grenoble last year. I like tea."))
    await turn(store, "far", said("Mathilde called."), said("Tea is fine."))
    record = await remembered(store, "User's sister Mathilde lives in Grenoble", "source")
    done = await store.forgetting.forget(record)
    assert done == Forgotten(rows=1, sessions=1, still_mentioned=1)
    assert (await everything(store, "source"))[0][0] == "[forgotten] I like tea."
    assert done.sentences("m forgotten") == [
        "m forgotten (also in 1 message of 1 conversation)",
        "1 other message shares words with it and stays: `lra memory search WORDS` finds it.",
    ]


async def test_what_is_forgotten_together_is_no_other_mention(open_store: Make) -> None:
    store = open_store()
    source = await turn(store, "source", said("The vault word is zanzibarquux"), said("zanzibarquux, I like it a lot"))
    record = await remembered(store, "The vault word is zanzibarquux", "source", turn_id=source)
    said_too = [Target.of(row) for row in await store.journal.rows("source")]
    done = await store.forgetting.erase(Erasure(targets=(Target.of(record), *said_too)))
    assert done.still_mentioned == 0


async def test_a_task_goes_with_the_message_that_made_it(open_store: Make, path: Path) -> None:
    store = open_store()
    source = await turn(store, "source", said("add task tell zanzibarquux to Bob"))
    await store.tasks.create("tell zanzibarquux to Bob", session_id="source", turn_id=source)
    await store.tasks.create("call Bob", session_id="source")
    (message,) = await store.journal.rows("source")
    done = await store.forgetting.erase(Erasure(targets=(Target.of(message),)))
    assert done.receipt.complete
    assert [task.title for task in await store.tasks.find()] == ["[forgotten]", "call Bob"]
    await store.close()
    assert left(path, "zanzibarquux") == []


@pytest.mark.parametrize(
    ("span", "text", "after"),
    [
        ("Rust", "trust Rust, RUST! Rusty Rust2 rust_x", "trust [forgotten], [forgotten]! Rusty Rust2 [forgotten]_x"),
        ("my  dog", "My\n dog, my dogs", "[forgotten], my dogs"),
        ("über", "ÜBER übermut", "[forgotten] übermut"),
        ("密码是红色", "我的密码是红色的", "我的[forgotten]的"),
        ("It's red.", "it’s red. It's red, it's reds", "[forgotten] [forgotten], it's reds"),
        ("C++", "C++ or C++11, xC++", "[forgotten] or [forgotten]11, xC++"),
    ],
)
def test_whole_words_are_replaced(span: str, text: str, after: str) -> None:
    assert span_pattern(span).sub("[forgotten]", text) == after


def test_what_is_distinctive() -> None:
    assert not any(map(distinctive, ("Rust", "content", "e", "it is a", "", "猫")))
    assert all(map(distinctive, ("My dog is Rex", "774411", "我的储物柜密码", "international")))


def test_sentences_that_only_resemble_stay() -> None:
    words = Words.of("User is allergic to penicillin and peanuts")
    assert words.told_by("My allergy: peanuts, and penicillin")
    assert not words.told_by("Peanuts are on sale")
    assert not Words.of("User likes Rust").told_by("How do I borrow in Rust?")
    assert Words.of("用户的储物柜密码是蓝色大象").told_by("我的储物柜密码是蓝色大象，记住")


def test_what_was_typed_to_find_it_leaves_the_prompt_history(tmp_path: Path) -> None:
    kept = PromptHistory(tmp_path / "history")
    for line in ("/forget zanzibar42", "/memory zanzibar42", "/memory tea", "my nickname  is ZANZIBAR42!", "is 42 it?"):
        kept.append_string(line)
    expected = ["/forget", "/memory", "/memory tea", "[forgotten]!", "is 42 it?"]
    kept.forget("My nickname is zanzibar42")
    kept.forget("it?x")
    assert list(PromptHistory(tmp_path / "history").load_history_strings()) == expected[::-1]
    assert kept.get_strings() == expected


def test_a_payload_that_is_no_message() -> None:
    assert redact_payload("{broken", str.lower) == "{broken"
    assert redact_payload("{Broken", str.lower) is None
    assert redact_payload('{"parts": [1, {"content": 5}]}', str.lower) == '{"parts": [1, {"content": 5}]}'


async def test_what_another_memory_said_before_goes_whatever_it_says_now(open_store: Make) -> None:
    store = open_store()
    source = await turn(store, "source", said("I live in Oslo near the harbour."))
    summary = await remembered(store, f"You: I live in Oslo near the harbour. You: {SAID}", "source", kind="summary")
    note = await remembered(store, "Lunch with Ola: I live in Oslo near the harbour, he said")
    for other, now in ((summary, "They got to know each other."), (note, "Lunch with Ola")):
        await store.memories.edit(other.id, now)
    record = await remembered(store, "I live in Oslo near the harbour", "source", turn_id=source)
    forgotten = await store.forgetting.forget(record)
    assert forgotten.receipt.complete, forgotten.receipt
    query = "SELECT content FROM memory_history WHERE memory_id IN (?, ?)"
    rows = await store.database.rows(query, (summary.id, note.id))
    texts = [content for (content,) in rows]
    assert not any("Oslo" in text for text in texts)
    # Their own words stay.
    assert "Lunch with Ola: [forgotten], he said" in texts
    assert any("774411" in text for text in texts)
    assert await store.database.rows("SELECT * FROM erasures") == []
    assert await store.forgetting.finish() == 0
