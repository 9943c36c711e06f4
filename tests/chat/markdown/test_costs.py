"""Texts that somebody may have made to keep the program busy; each of them took minutes once."""

from __future__ import annotations

import pytest

from lra.chat.markdown import AnswerStream
from lra.chat.markdown.starts import heading
from lra.chat.theme import Theme


@pytest.mark.parametrize("blanks", [" " * 200_000, " \t" * 100_000])
def test_a_heading_with_a_long_gap(blanks: str) -> None:
    stream = AnswerStream(80, Theme("dark", 8))
    assert "here" in stream.feed(f"# from{blanks}here\n") + stream.close()


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("# a", "a"),
        ("#", ""),
        ("# #", ""),
        ("## ##  \t", ""),
        ("# a #", "a"),
        ("# a ##\t", "a"),
        ("# a#", "a#"),
        ("# a #b", "a #b"),
        ("# a # #", "a #"),
        ("# a \\#", "a \\#"),
        ("#\ta\t#", "a"),
    ],
)
def test_marks_at_the_end_of_a_heading_are_no_part_of_it(text: str, content: str) -> None:
    found = heading(text)
    assert found is not None
    assert found[1] == content
