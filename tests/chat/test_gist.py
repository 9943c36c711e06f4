"""What stays of a tool's result in one line."""

from __future__ import annotations

import pytest

from lra.chat.gist import gist


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("plain words", "plain words"),
        ('{"success": true, "stdout": "[0, 1]\\n", "result": "30"}', "[0, 1] · 30"),
        ('{"success": false, "error": "Traceback\\n  line\\nZeroDivisionError: division by zero"}',
         "ZeroDivisionError: division by zero"),
        ('[{"id": "a1", "content": "My dog is called Rex"}, {"id": "a2", "content": "x"}]',
         "“My dog is called Rex” … and 1 more"),
        ('{"tasks": [{"id": "t1", "title": "buy soil"}]}', "“buy soil”"),
        ("[]", "nothing"),
        ("[1, 2, 3]", "3 found"),
        ('{"success": true}', '{"success": true}'),
        ("{not json", "{not json"),
        ("[" * 100_000, "[" * 100_000),
    ],
)  # fmt: skip
def test_it_is_what_the_result_says(content: str, said: str) -> None:
    assert gist(content) == said
