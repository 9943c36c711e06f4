"""What does not fit on one row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lra.chat import width
from lra.chat.width import cells, clip, wrap
from lra.text import with_tilde


@pytest.mark.parametrize(
    ("line", "width", "expected"),
    [
        ("", 10, [""]),
        ("short", 10, ["short"]),
        ("one two three", 8, ["one two", "three"]),
        ("  one two", 6, ["  one", "  two"]),
        ("added to /home/person/folder/file.toml:", 20, ["added to", "/home/person/folder/", "file.toml:"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ('when = { path = "a  b" }', 40, ['when = { path = "a  b" }']),
        ("漢字漢字", 4, ["漢字", "漢字"]),
    ],
)
def test_a_line_is_broken_where_it_reads_best(line: str, width: int, expected: list[str]) -> None:
    assert wrap(line, width) == expected


@given(st.text(alphabet="ab/ é漢👩‍🔬\t"), st.integers(4, 40))
def test_nothing_is_lost_and_every_row_fits(line: str, width: int) -> None:
    rows = wrap(line, width)
    assert "".join(rows).replace(" ", "") == line.replace(" ", "").replace("\t", "")
    assert all(cells(row) <= width for row in rows)


def test_the_home_folder_is_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/person")
    monkeypatch.setenv("USERPROFILE", "/home/person")
    assert with_tilde("/home/person/notes/a.txt:4") == "~/notes/a.txt:4"
    assert with_tilde("/home/personal/a.txt") == "/home/personal/a.txt"
    assert with_tilde("/etc/hosts") == "/etc/hosts"
    monkeypatch.setenv("HOME", "/")
    monkeypatch.setenv("USERPROFILE", "/")
    assert with_tilde("/etc/hosts") == "/etc/hosts"


@pytest.mark.parametrize("word", ["漢" * 100_000, "e\u0301" * 100_000, "é" + "\u0301" * 200_000])
def test_of_a_word_without_end_only_what_is_shown_is_looked_at(word: str) -> None:
    assert "".join(wrap(word, 40)) == word
    assert cells(clip(word, 20)) <= 20


@pytest.mark.parametrize("text", ["word " * 1_000_000, " " * 1_000_000 + "end", "\u0301" * 1_000_000 + "end"])
def test_of_megabytes_one_line_is_looked_at(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def counted(part: str) -> str:
        looked_at.append(len(part))
        return part

    monkeypatch.setattr(width, "printable", counted)
    line = clip(text, 20)
    assert cells(line) <= 20
    assert line.endswith("…")
    assert sum(looked_at) < 20_000
