"""What stays of a tool's result in one line."""

from __future__ import annotations

import pytest

from lra.chat.gist import gist, whole


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
        ('{"error": "It did not finish. Why.\\n\\nWhat it had said:\\nx"}', "It did not finish. Why."),
        ('{"error": "  File \\"<cell 1>\\", line 1\\n    x =\\nSyntaxError: invalid"}', "SyntaxError: invalid"),
        ('[{"type": "list_type", "loc": ["tests", 0], "msg": "Input should be a valid list", "input": 1}]',
         "tests.0: Input should be a valid list"),
        ("[]", "nothing"),
        ("[1, 2, 3]", "3 found"),
        ('{"success": true}', "done"),
        ('{"success": false, "exit": 1}', "exit 1"),
        ('{"success": false, "stdout": "out\\n", "stderr": "bad\\n", "exit": 3}', "exit 3: out · bad"),
        ('{"success": false, "stdout": "out\\n"}', "failed: out"),
        ("{not json", "{not json"),
        ("[" * 100_000, "[" * 100_000),
    ],
)  # fmt: skip
def test_it_is_what_the_result_says(content: str, said: str) -> None:
    assert gist(content) == said


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("plain\nwords", ["plain", "words"]),
        (
            '{"success": true, "stdout": "1\\n2\\n", "stderr": ""}',
            ["success: true", "stdout:", "  1", "  2", "stderr:"],
        ),
        ('{"files": ["a", "b"]}', ["files:", "  [", '    "a",', '    "b"', "  ]"]),
        ("[1]", ["[", "  1", "]"]),
        ("{not json", ["{not json"]),
        ("", []),
    ],
)
def test_the_whole_of_it_has_its_own_lines(content: str, lines: list[str]) -> None:
    assert whole(content) == lines
