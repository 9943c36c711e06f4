"""What a conversation is called after its first message."""

from __future__ import annotations

import pytest

from lra.session.attachments import Attachment
from lra.session.message import compose

TALK = Attachment("session:7ahcg9byk2m4", "text/plain", text="…", label="“The cat talk”")
OTHER = Attachment("session:9bb000000000", "text/plain", text="…", label="an untitled conversation")
KNOWN = Attachment("memory:m4x9t1z6p0cd", "text/plain", text="…", label="a memory")
NOTES = Attachment("src/notes.txt", "text/plain", text="milk")
SPACED = Attachment("my pictures/the cat.png", "image/png", data=b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "attachments", "title"),
    [
        ("@session:7ahcg9byk2m4 what did we decide?", [TALK], "what did we decide"),
        ("@session:7ahc, @memory:m4x9t1z6p0cd: what of it?", [TALK, KNOWN], "what of it"),
        ("@session:7ahcg9byk2m4", [TALK], "“The cat talk”"),
        ("\n @session:7ahcg9byk2m4.", [TALK], "“The cat talk”"),
        (
            "compare @session:7ahcg9byk2m4 with @session:9bb.",
            [TALK, OTHER],
            "compare “The cat talk” with an untitled conversation",
        ),
        ("ask @s and @, about @session:7ahcg9byk2m4", [TALK], "ask @s and @, about “The cat talk”"),
        ("why @memory:m4x9t1z6p0cd?", [KNOWN], "why a memory"),
        ("@src/notes.txt", [NOTES], "notes.txt"),
        ('@"my pictures/the cat.png"', [SPACED], "the cat.png"),
        ("what is in @src/notes.txt? And why?", [NOTES], "what is in notes.txt"),
        ("@src/notes.txt: what is missing?", [NOTES], "notes.txt: what is missing"),
        ("mail ada@src/notes.txt", [NOTES], "mail ada@src/notes.txt"),
        ("@session:gone what now?", [], "@session:gone what now"),
        ("@nobody and @src/notes.txt", [NOTES], "@nobody and notes.txt"),
        ("```python\nprint(1)\n```", [], "print(1)"),
        ("## Plan for the garden\n\n- dig", [], "Plan for the garden"),
        ("- milk\n- eggs", [], "milk"),
        ("...", [], ""),
        ("```", [], "```"),
    ],
)
def test_it_is_readable(text: str, attachments: list[Attachment], title: str) -> None:
    assert compose(text, attachments).title == title
