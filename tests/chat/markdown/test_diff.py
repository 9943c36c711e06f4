"""Changes are shown as changes, and nothing in them drives the terminal."""

from __future__ import annotations

import re
from difflib import unified_diff

from rich.cells import cell_len

from lra.chat.diff import render_patch
from lra.chat.theme import Theme

PLAIN, DARK = Theme("plain", 0), Theme("dark", 24)
OLD = "".join(f"line {number}\n" for number in range(1, 21))


def render_diff(
    before: str,
    after: str,
    path: str,
    width: int,
    theme: Theme,
    *,
    max_lines: int | None = 80,
    context: int = 3,
    ascii: bool = False,
) -> str:
    """Return what changed between two texts, as it is shown."""
    old, new = (re.split("\r\n|\r|\n", text.rstrip("\r\n")) if text else [] for text in (before, after))
    lines = unified_diff(old, new, path, path, n=context, lineterm="")
    return render_patch("\n".join(lines), width, theme, max_lines=max_lines, ascii=ascii)


def test_signs_numbers_and_hunks() -> None:
    new = OLD.replace("line 5\n", "line five\n").replace("line 15\n", "").replace("line 20\n", "line 20\nlast\n")
    assert render_diff(OLD, new, "notes.txt", 80, PLAIN, context=1) == (
        "notes.txt\n@@ -4,3 +4,3 @@\n 4   line 4\n 5 - line 5\n 5 + line five\n 6   line 6\n"
        "@@ -14,3 +14,2 @@\n14   line 14\n15 - line 15\n15   line 16\n"
        "@@ -20 +19,2 @@\n19   line 20\n20 + last\n"
    )


def test_equal_texts_have_no_diff() -> None:
    assert render_diff(OLD, OLD, "x", 80, DARK) == ""
    assert render_diff("", "", "x", 80, DARK) == ""


def test_words_that_differ_are_marked() -> None:
    shown = render_diff("the old word stays here\n", "the new word stays here\n", "x", 80, DARK)
    assert f"\x1b[{DARK.code('removed-word')}mold\x1b[0m" in shown
    assert f"\x1b[{DARK.code('added-word')}mnew\x1b[0m" in shown
    other = render_diff("something\n", "1 + 2 == 3\n", "x", 80, DARK)
    assert DARK.code("added-word") not in other


def test_a_long_diff_is_cut_with_a_count() -> None:
    shown = render_diff("", OLD, "x", 80, PLAIN, max_lines=6)
    assert shown.count("\n") == 7
    assert shown.endswith("4 + line 4\n… 16 more lines (+16 -0)\n")
    assert "more lines" not in render_diff("", OLD, "x", 80, PLAIN, max_lines=None)
    assert render_diff("", OLD, "x", 80, PLAIN, max_lines=6, ascii=True).isascii()


def test_patches_of_several_files_and_lines_that_look_like_heads() -> None:
    patch = (
        "diff --git a/x b/x\n--- a/x\t2026\n+++ b/y\n@@ -1,3 +1,2 @@ def f\n--- old\n+++ new\n-b\n keep\n"
        "--- /dev/null\n+++ b/fresh\n@@ -0,0 +1 @@\n+one\n\\ No newline at end of file\n"
        "--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n"
    )
    assert render_patch(patch, 80, PLAIN) == (
        "diff --git a/x b/x\nx -> y\n@@ -1,3 +1,2 @@ def f\n1 - -- old\n1 + ++ new\n2 - b\n2   keep\n"
        "fresh (new)\n@@ -0,0 +1 @@\n1 + one\n\\ No newline at end of file\n"
        "gone (deleted)\n@@ -1 +0,0 @@\n1 - one\n"
    )


def test_lines_fit_and_are_safe() -> None:
    new = "short\n" + "日本語" * 30 + "\n\tindented \x1b[31m\x07\u2028 x\r\nend"
    for theme in (PLAIN, DARK):
        shown = re.sub(r"\x1b\[[0-9;]*m", "", render_diff("old\n", new, "a\x1b]0;x\x07b", 40, theme))
        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert all(cell_len(line) <= 40 for line in shown.split("\n"))
        assert "4 + end" in shown
        assert re.sub(r"\n +", "", shown).count("日本語") == 30


def test_a_head_with_numbers_of_no_line_is_a_line_like_others() -> None:
    patch = f"--- a\n+++ b\n@@ -{'1' * 5000} +1 @@\n-old\n"
    assert render_patch(patch, 80, PLAIN).endswith("-old\n")


def test_of_a_line_without_end_only_its_beginning_is_shown() -> None:
    shown = render_diff("", "word " * 100_000 + "\n", "x.min.js", 80, PLAIN)
    assert shown.count("\n") < 100
    assert shown.rstrip().endswith("… 496,000 more characters")
    assert "more characters" not in render_diff("", "word " * 1_000, "x", 80, PLAIN, max_lines=None)
