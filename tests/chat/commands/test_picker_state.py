"""What a picker draws, without a terminal."""

from __future__ import annotations

import pytest

from lra.chat.picker.items import Item
from lra.chat.picker.listed import choose_by_number
from lra.chat.picker.state import State
from lra.chat.width import cells

ITEMS = [Item(str(number), f"item {number}", "a note") for number in range(100)]


def drawn(state: State, columns: int = 80, rows: int = 24) -> list[str]:
    return ["".join(text for _, text in line) for line in state.lines(columns, rows)]


@pytest.mark.parametrize("rows", [8, 10, 24, 50])
@pytest.mark.parametrize("columns", [24, 40, 80, 200])
@pytest.mark.parametrize(
    "text", ["plain words", "漢字" * 60, "👩‍👩‍👧 family " * 20, "e\u0301" * 300, "\x1b[31mred\x07\nnext"]
)
def test_it_stays_within_half_of_the_rows_and_within_the_columns(columns: int, rows: int, text: str) -> None:
    state = State(f"title {text}", [Item(str(n), text, text) for n in range(60)], actions={"e": "edits"})
    state.has_preview, state.preview = True, [text] * 9
    for query in ("", text[:6]):
        state.type(query)
        lines = drawn(state, columns, rows)
        assert len(lines) <= max(4, rows // 2)
        assert all(cells(line) < columns for line in lines)
        assert not any("\x1b" in line or "\x07" in line or "\n" in line for line in lines)


def test_the_marked_line_is_always_in_sight() -> None:
    state = State("Choose", ITEMS)
    for steps in (1, 50, -3, 200, -200, 7):
        state.move(steps)
        marked = [line for line in drawn(state) if line.startswith("> ")]
        assert state.current is not None
        assert len(marked) == 1
        assert marked[0].split("  ")[0] == f"> {state.current.text}"


def test_words_narrow_the_list_and_what_was_found_elsewhere_follows() -> None:
    state = State("Choose", [Item("a", "The cat talk"), Item("b", "Garden plans")])
    state.type("GARD pla")
    assert [item.key for item in state.shown] == ["b"]
    state.found = [Item("c", "said in another: garden"), Item("b", "again")]
    assert [item.key for item in state.shown] == ["b", "c"]
    state.erase(everything=True)
    assert [item.key for item in state.shown] == ["a", "b"]


def test_nothing_fits() -> None:
    state = State("Choose", ITEMS)
    state.type("zzz")
    assert state.current is None
    assert "Nothing fits." in drawn(state)[1]
    state.problem = "The record is locked."
    assert "The record is locked." in drawn(state)[1]
    state.erase()
    assert state.query == "zz"


def test_the_last_word_is_taken_back() -> None:
    state = State("Choose", ITEMS)
    state.type("one two  ")
    state.erase(word=True)
    assert state.query == "one"


def test_an_empty_list_can_be_moved_in() -> None:
    state = State("Choose", [])
    state.move(5)
    state.move(-5)
    assert state.current is None
    assert drawn(state)


def test_how_to_leave_is_said_where_there_is_little_room() -> None:
    actions = {"e": "edits", "d": "forgets", "p": "pins", "t": "tags", "h": "shows its history"}
    state = State("Memory", ITEMS, actions=actions)
    state.typing = False
    assert drawn(state, columns=32)[-1].startswith("Enter chooses | Esc leaves")
    wide = drawn(state, columns=100)[-1]
    assert wide == "Enter chooses | Esc leaves | e edits, d forgets, p pins, t tags, h shows its history | / searches"


async def test_what_is_said_beside_a_text_is_told_from_it_where_there_are_no_columns() -> None:
    lines: list[str] = []

    class Screen:
        columns = 80

        def line(self, text: str = "", style: str = "plain") -> None:
            lines.append(text)

    class Listing:
        screen = Screen()

        async def ask(self, question: str) -> str:
            return ""

    items = [Item("a", "build uses make", "fact, 16 min ago"), Item("b", "plain")]
    await choose_by_number(Listing(), "Memory", items, search=None, preview=None, actions={})  # type: ignore[arg-type]
    assert lines == ["Memory", "  1  build uses make (fact, 16 min ago)", "  2  plain"]


def test_a_file_pasted_into_the_search_is_cut() -> None:
    state = State("Choose", ITEMS)
    state.type("é漢 " * 100_000)
    assert 0 < len(state.query) < 1_000
    assert all(cells(line) < 80 for line in drawn(state))
