"""What a person reads of a receipt."""

from __future__ import annotations

import pytest

from lra.store.erasure import Receipt


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        ({"memories": 0, "titles": 0, "Chroma": 0}, "nothing of it is left in memories, titles or Chroma."),
        ({"memories": 0}, "nothing of it is left in memories."),
        ({"memories": 0, "backups": 2}, "still in backups (2 places); nothing of it is left in memories."),
        (
            {"backups": 2, "titles": 1, "turns": 3},
            "still in backups (2 places), titles (1 place) and turns (3 places).",
        ),
    ],
)
def test_it_says_where_something_is_left_and_where_nothing_is(left: dict[str, int], sentence: str) -> None:
    receipt = Receipt(left, ("The next start finishes it.",))
    assert receipt.sentences() == [f"Checked afterwards: {sentence}", "The next start finishes it."]
    assert receipt.to_dict()["left"] == left
