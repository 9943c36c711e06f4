from __future__ import annotations

from pathlib import Path

import pytest

from lra.chat import history
from lra.chat.history import PromptHistory, forget_in_file, trim
from lra.chat.pastes import Pastes


def loaded(path: Path) -> list[str]:
    return list(PromptHistory(path).load_history_strings())


def test_entries_come_back_newest_first_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history"
    kept = PromptHistory(path)
    for entry in ("one", "two\nlines", "two\nlines", "  ", "three \ud800"):
        kept.append_string(entry)
    assert loaded(path) == ["three \ufffd", "two\nlines", "one"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_large_file_keeps_its_last_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT", 10)
    monkeypatch.setattr(history, "_TRIM_BYTES", 400)
    path = tmp_path / "history"
    kept = PromptHistory(path)
    for number in range(50):
        kept.append_string(f"entry {number}")
    trim(path)
    entries = loaded(path)
    assert entries[0] == "entry 49"
    assert 0 < len(entries) <= 10
    assert path.stat().st_mode & 0o777 == 0o600


def test_forgetting_reaches_the_file_and_what_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "history"
    kept = PromptHistory(path)
    kept.append_string("remember that My Dog\nis Rex, please")
    kept.append_string("what else?")
    kept.forget("my dog\nis rex")
    expected = ["what else?", "remember that [forgotten], please"]
    assert loaded(path) == expected
    assert kept.get_strings() == expected[::-1]


def test_a_long_entry_is_a_word_in_the_prompt_and_whole_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "history"
    pastes = Pastes()
    kept = PromptHistory(path)
    kept.fold = pastes.fold
    long = "\n".join(f"line {number} of Rex" for number in range(40))
    chip = pastes.shorten(long)
    for entry in (f"look: {long} ok?", f"look: {long} ok?", "short"):
        kept.append_string(entry)
    assert kept.get_strings() == ["look: [pasted 40 lines] ok?", "short"]
    assert pastes.expand(kept.get_strings()[0]) == f"look: {long} ok?"
    # Another run knows of no paste: all of it is its first line, which goes out whole.
    again, later = PromptHistory(path), Pastes()
    again.fold = later.fold
    _, folded = again.load_history_strings()
    assert folded == "look: line 0 of Rex [40 lines]"
    assert later.expand(folded) == f"look: {long} ok?"
    kept.forget("Rex")
    pastes.forget("Rex")
    assert "Rex" not in path.read_text() + pastes.expand(chip)


def test_forgetting_without_a_file(tmp_path: Path) -> None:
    forget_in_file(tmp_path / "none", "text")
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_written_costs_only_the_history(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    PromptHistory(tmp_path / "file" / "history").append_string("one")


def test_many_long_entries_are_loaded_beside_many_short_ones() -> None:
    pastes = Pastes()
    long = [pastes.fold(f"{number} " + "x" * 5_000) for number in range(2_000)]
    assert len(set(long)) == 2_000
    # What is short can hold none of them, and is not compared with each.
    assert [pastes.fold(f"short {number}") for number in range(500_000)][-1] == "short 499999"
