"""Code is highlighted a line at a time, and its text stays what it is."""

from __future__ import annotations

import pytest
from pygments.lexers import get_all_lexers  # type: ignore[import-untyped]

from lra.chat.markdown.highlight import Highlighter
from lra.chat.markdown.spans import Look
from lra.chat.theme import Theme

LOOK = Look(Theme("dark", 24))


def roles(language: str, *lines: str) -> list[list[tuple[str, str]]]:
    names = {
        LOOK.code(role): role for role in ("comment", "string", "keyword", "number", "name", "builtin", "operator")
    }
    highlighter = Highlighter(language, LOOK)
    return [
        [(names.get(span.code, "plain"), span.text) for span in highlighter.line(line) if span.text.strip()]
        for line in lines
    ]


@pytest.mark.parametrize(
    ("language", "lines", "role"),
    [
        ("python", ['x = """one', "two", 'three"""'], "string"),
        ("c", ["int x; /* one", "two", "three */"], "comment"),
        ("java", ["/* one", " * two", " */"], "comment"),
        ("rust", ["/* one", "two", "*/"], "comment"),
        ("css", ["/* one", "two", "*/"], "comment"),
        ("go", ["x := `one", "two", "three`"], "string"),
        ("javascript", ["x = `one", "two", "three`"], "string"),
        ("html", ["<!-- one", "two", "-->"], "comment"),
        ("sql", ["/* one", "two", "*/"], "comment"),
    ],
)
def test_what_goes_on_over_lines_is_known_there(language: str, lines: list[str], role: str) -> None:
    after = "int y" if language != "html" else "<p>"
    found = roles(language, *lines, after)
    assert {kind for kind, _ in found[1]} == {role}
    assert found[0][-1][0] == role
    assert role not in {kind for kind, _ in found[-1]}


def test_what_follows_on_the_line_is_code_again() -> None:
    _, second = roles("c", "/* open", "closed */ return 1;")
    assert second[0] == ("comment", "closed */")
    assert ("keyword", "return") in second
    assert roles("c", 'char *s = "/* no"; int x;', "int y;")[1][0] == ("keyword", "int")


def test_a_copy_goes_its_own_way() -> None:
    highlighter = Highlighter("python", LOOK)
    highlighter.line('"""')
    fork = highlighter.fork()
    fork.line('"""')
    assert {span.code for span in highlighter.line("text")} == {LOOK.code("string")}
    assert {span.code for span in fork.line("text")} == {""}


SAMPLE = [
    "<?php /* a",
    "*/ def f(x): return '''",
    "''' # x {% y %} `q",
    "key: [1, 2]  ",
    "",
    "\tend <<EOF",
    "EOF",
    "$ ls",
]


def test_no_language_loses_or_adds_a_character() -> None:
    for _, aliases, _, _ in get_all_lexers():
        if not aliases:
            continue
        highlighter = Highlighter(aliases[0], LOOK)
        for line in SAMPLE:
            assert "".join(span.text for span in highlighter.line(line)) == line, aliases[0]


def test_unknown_languages_and_endless_lines_stay_as_they_are() -> None:
    assert [span.code for span in Highlighter("klingon", LOOK).line("def x")] == [""]
    assert [span.code for span in Highlighter("python", LOOK).line("x = 1; " * 1000)] == [""]
