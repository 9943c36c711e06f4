"""Names on the command line that are no text: bytes of another encoding."""

from __future__ import annotations

import pytest

from .conftest import Cli

NO_TEXT = b"\xff"


@pytest.mark.parametrize(
    "words",
    [
        "tasks list --session ID",
        "tasks add title --session ID",
        "tasks done ID",
        "tools history ID",
        "tools disable ID",
        "tools delete ID --yes",
        "tools edit ID",
        "inspect-tool ID",
        "export-tools ID",
        "chat -p hello -r ID",
        "list-memory --session ID",
        "memory show ID",
        "memory forget ID --yes",
        "memory search word --session ID",
        "memory blame ID",
        "sessions show ID",
        "sessions replay ID --model offline",
    ],
)
def test_a_name_that_is_no_text_names_nothing(full: Cli, words: str) -> None:
    result = full(*(NO_TEXT.decode("utf-8", "surrogateescape") if word == "ID" else word for word in words.split()))
    assert result.code == 1
    assert "There is no " in result.err
    assert "defect" not in result.err


@pytest.mark.parametrize("words", ["memory list --kind ID", "memory asof 2020-01-01 --namespace ID"])
def test_nothing_is_listed_for_it(full: Cli, words: str) -> None:
    result = full(*(NO_TEXT.decode("utf-8", "surrogateescape") if word == "ID" else word for word in words.split()))
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("Nothing ")


def test_a_backup_goes_into_no_file_whose_name_is_no_text(full: Cli) -> None:
    result = full("memory", "backup", "copy\udcff.db")
    assert result.code == 2
    assert "its name is no UTF-8. Name another file." in result.err
    assert not [path for path in full.folder.iterdir() if path.name.startswith("copy")]
