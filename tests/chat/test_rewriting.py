"""One line made of another."""

from __future__ import annotations

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st

from lra.chat.rewriting import change

PIECES = ["word", " ", "x", "日本", "• ", "│", "é", "🎉", "⚠️", "\x1b[1mbold\x1b[0m", "\x1b[38;5;111mblue\x1b[0m",
          "\x1b[1;31mhalf", "\x1b[0m", "\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x1b\\"]  # fmt: skip


def lines() -> st.SearchStrategy[str]:
    # Whatever is begun is ended on its line.
    return st.lists(st.sampled_from(PIECES), max_size=8).map(lambda found: "".join(found) + "\x1b[0m" * bool(found))


def shown(*texts: str) -> list[tuple[str, str, bool]]:
    screen = pyte.Screen(80, 2)
    stream = pyte.Stream(screen)
    for text in texts:
        # pyte draws nothing after a character without width of its own until the next escape sequence.
        stream.feed("\r" + text.replace("\ufe0f", ""))
    return [(cell.data, cell.fg, cell.bold) for cell in (screen.buffer[0][column] for column in range(80))]


@given(lines(), lines(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_it_becomes_the_other(old: str, new: str, longer: bool) -> None:
    new = old + new if longer else new
    assert shown(old, change(old, new)) == shown("\x1b[K" + new)


def test_what_stands_there_is_not_sent_again() -> None:
    assert change("the same", "the same") == ""
    assert change("the begin", "the beginning") == "\x1b[9Cning"
    assert change("a longer line", "a long") == "\x1b[6C\x1b[K"
    # Nobody knows how wide a terminal takes this to be.
    assert change("⚠️ mind", "⚠️ mind this") == "\x1b[2K⚠️ mind this"
