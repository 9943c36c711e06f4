"""What the offline model says of this very conversation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage

from lra.agent.offline import OfflineModel, recap
from lra.agent.offline.intents import Kind, parse
from lra.agent.offline.talk_phrases import Where

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)

WHERE: list[tuple[str, Where]] = [
    ("summarise our conversation", "here"),
    ("can you summarize this chat?", "here"),
    ("give me a short summary of what we said", "here"),
    ("tl;dr", "here"),
    ("what have we talked about so far?", "here"),
    ("what did we talk about in this session?", "here"),
    ("what did I just say?", "last"),
    ("what was my last question?", "last"),
    ("what was the last thing I told you?", "last"),
    ("what did we talk about?", "either"),
    ("what did I say earlier?", "either"),
    ("what did we talk about last time?", "before"),
    ("summarize our last conversation", "before"),
    ("what did we talk about yesterday?", "before"),
]


@pytest.mark.parametrize(("text", "where"), WHERE)
def test_which_talk_is_meant(text: str, where: Where) -> None:
    (intent,) = parse(text)
    assert (intent.kind, intent.where) == (Kind.RECENT, where)


@pytest.mark.parametrize(
    "text",
    ["what did you just say?", "what did you say", "can you repeat that?", "say that again please", "what was that?"],
)
def test_who_asks_for_the_last_answer(text: str) -> None:
    assert [intent.kind for intent in parse(text)] == [Kind.REPEAT]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("what did you say about sushi?", Kind.ASK),
        ("summarise the plot of Hamlet", Kind.OTHER),
        ("summarise the meeting notes", Kind.OTHER),
        ("repeat after me: hello", Kind.OTHER),
    ],
)
def test_what_is_about_something_else(text: str, kind: Kind) -> None:
    assert [intent.kind for intent in parse(text)] == [kind]


def test_a_summary_is_the_persons_words_by_what_they_were_for() -> None:
    said = recap.recap(
        [
            "hello",
            "my dog is called Rex",
            "add a task: buy a lead",
            "what is my dog called?",
            "write a poem",
            "my password is hunter2",
            "please forget the alarm code",
        ]
    )
    assert said == (
        "I follow rules and cannot sum up in words of my own. This is what you wrote here:\n\n"
        "You told me:\n- my dog is called Rex\n\n"
        "You asked:\n- what is my dog called?\n\n"
        "About tasks:\n- add a task: buy a lead\n\n"
        "You also wrote:\n- write a poem"
    )
    assert recap.recap(["hello", "thanks"]) == recap.NOTHING_YET
    many = recap.recap([f"my dog number {i} is called Rex {'x' * 900}" for i in range(40)])
    assert len(many) < 1600
    assert "(32 earlier ones are left out.)" in many


class Chat:
    """A conversation with the offline model and some tools."""

    def __init__(self, *tools: Any) -> None:
        self.agent: Agent[None, str] = Agent(OfflineModel(clock=lambda: NOW), tools=tools)
        self.messages: list[ModelMessage] = []

    async def __call__(self, prompt: str) -> str:
        result = await self.agent.run(prompt, message_history=self.messages)
        self.messages = result.all_messages()
        return result.output


async def test_the_last_answer_is_repeated_and_so_is_the_last_message() -> None:
    chat = Chat()
    assert await chat("what did you just say?") == "I have said nothing yet in this conversation."
    chat = Chat()
    assert await chat("summarise our conversation") == recap.NOTHING_YET
    assert await chat("thank you") == "You are welcome."
    assert await chat("what did you just say?") == "I said:\n\n> You are welcome."
    assert await chat("what did I just say?") == 'You wrote: "what did you just say?"'
    await chat("hello, can you fly?")
    assert "- hello, can you fly?" in await chat("what have we talked about so far?")


async def test_only_a_few_lines_of_other_conversations_are_read() -> None:
    asked: list[dict[str, Any]] = []

    async def get_recent_conversations(
        limit: int = 10, all_sessions: bool = False, others_only: bool = False
    ) -> list[dict[str, Any]]:
        """Read the record."""
        asked.append({"limit": limit, "all_sessions": all_sessions, "others_only": others_only})
        row = {"role": "user", "timestamp": "2026-11-19T09:00:00Z", "session_id": "old"}
        return [{**row, "content": f"line {i}"} for i in range(100)][-limit:]

    chat = Chat(get_recent_conversations)
    said = await chat("what did we talk about last time?")
    assert asked == [{"limit": 20, "all_sessions": True, "others_only": True}]
    assert said.startswith("Last time, yesterday, you wrote:\n- line 92\n")
    assert said.endswith("- line 99\n\n(Earlier ones are left out.)")
    said = await chat("what did we talk about?")
    assert said.startswith("Earlier in this conversation you wrote:\n- what did we talk about last time?\n\nLast time")
