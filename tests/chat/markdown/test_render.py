"""What each kind of block looks like."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from lra.chat.markdown import AnswerStream
from lra.chat.theme import Theme

DARK = Theme("dark", 24)
SGR = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str, width: int = 60, *, ascii: bool = False) -> str:
    stream = AnswerStream(width, DARK, colour=False, ascii=ascii)
    return stream.feed(text) + stream.close()


def colour(text: str, width: int = 60, *, ascii: bool = False, hyperlinks: bool = True, theme: Theme = DARK) -> str:
    stream = AnswerStream(width, theme, ascii=ascii, hyperlinks=hyperlinks)
    return stream.feed(text) + stream.close()


def bare(text: str, width: int = 60, *, ascii: bool = False) -> str:
    """Return the coloured rendering without its colours."""
    return re.sub(r"\x1b\]8;;[^\x1b]*\x1b\\", "", SGR.sub("", colour(text, width, ascii=ascii)))


def test_marks_stay_where_there_is_no_colour() -> None:
    text = "# T\n\n**b** *i* _u_ ~~s~~ `c` ``a`b``\n\n> q\n\n---\n\n- [x] done\n- [ ] todo\n1. [x] one\n"
    assert plain(text) == ("# T\n\n**b** *i* _u_ ~~s~~ `c` ``a`b``\n\n> q\n\n---\n\n[x] done\n[ ] todo\n\n1. [x] one\n")


def test_styles_stand_for_marks_where_there_is_colour() -> None:
    shown = colour("# T\n\n**b** *i* ~~s~~ `c`")
    for role, text in [("title-heading", "T"), ("strong", "b"), ("emphasis", "i"), ("strike", "s"), ("code", "c")]:
        assert f"\x1b[{DARK.code(role)}m{text}\x1b[0m" in shown
    assert bare("# T\n\n**b** *i* ~~s~~ `c`") == "T\n\nb i s c\n"


def test_lists_are_numbered_on_and_as_tight_as_their_source() -> None:
    text = "3. a\n3. b\n   - c\n     - d\n\n   - e\n\n     para\n3. f\n- g\n* h"
    assert bare(text) == "3. a\n4. b\n   ◦ c\n     ▪ d\n\n   ◦ e\n\n     para\n5. f\n\n• g\n\n• h\n"
    assert bare("-\n- x\n-") == "•\n• x\n•\n"


def test_code_is_copied_as_it_is() -> None:
    code = "def f(x):\n\tif x:  # a rather long line of code that is wider than the terminal\n\n        return '''  \n"
    for text in (
        f"```python\n{code}```\n",
        "1. x\n   ```python\n" + "".join(f"   {line}\n" for line in code.split("\n")),
    ):
        for shown in (bare(text, 30), plain(text, 30)):
            assert code in shown
    assert bare(f"```python\n{code}```\n```\nx\n```").startswith("── python · 1\n")
    assert "\n── 2\nx\n" in bare("```\n```\n```\nx\n```")
    assert plain("~~~ js {1}\nx\n~~~\ny") == "~~~js {1}\nx\n~~~\n\ny\n"
    assert plain("text\n\n    code\n\n      more") == "text\n\n    code\n\n      more\n"


def test_links_keep_their_address() -> None:
    text = "[text](https://a.example/x) <https://b.example> https://c.example/y, ![alt](https://d.example/i.png)"
    osc = "\x1b]8;;{0}\x1b\\\x1b[" + DARK.code("link") + "m{1}\x1b[0m\x1b]8;;\x1b\\"
    shown = colour(text, 200)
    assert osc.format("https://a.example/x", "text") in shown
    assert osc.format("https://b.example", "https://b.example") in shown
    assert osc.format("https://c.example/y", "https://c.example/y") + "," in shown
    assert "alt (" + osc.format("https://d.example/i.png", "https://d.example/i.png") + ")" in shown
    said = "text (https://a.example/x) https://b.example https://c.example/y, alt (https://d.example/i.png)\n"
    assert plain(text, 200) == said
    without = colour(text, 200, hyperlinks=False)
    assert "\x1b]" not in without
    assert SGR.sub("", without) == said


def test_a_link_does_not_hide_where_it_leads() -> None:
    assert "https://bank.example (https://evil.example)" in bare("[https://bank.example](https://evil.example)")
    assert "bank.com (https://evil.example)" in bare("[bank.com](https://evil.example)")
    assert bare("[bank.com](https://bank.com)").count("bank.com") == 2
    assert "\x1b]8" not in colour("[x](ftp://a.example) [y](/local)")
    assert bare("[x](ftp://a.example) [y](/local)") == "x (ftp://a.example) y (/local)\n"
    assert bare("[x](javascript:alert)") == "[x](javascript:alert)\n"


def test_addresses_defined_after_their_use_are_not_lost() -> None:
    assert plain("See [it][1].\n\n[1]: https://a.example 'T'\n\nand [again][1].") == (
        "See [it][1].\n\n[1]: https://a.example 'T'\n\nand again (https://a.example).\n"
    )


@pytest.mark.parametrize("width", [20, 25, 40, 60, 100])
def test_tables_fit_and_line_up(width: int) -> None:
    text = (
        "| Name | Größe | 値段 |\n|---|:-:|--:|\n| Äpfel aus dem Süden | 12 | 日本円 500 |\n| b<br>c | `x\\|y` | 😀 |"
    )
    for shown in (bare(text, width), plain(text, width)):
        lines = shown.splitlines()
        assert all(cell_len(line) <= width for line in lines)
        bars = [[cell_len(line[: match.start()]) for match in re.finditer("[│|](?!y)", line)] for line in lines]
        if "Name: " in shown:
            assert width <= 25
            for said in ("日本円 500", "Größe: 12", "Äpfel"):
                assert said in shown
        else:
            assert len({tuple(places) for places in bars if places}) == 1
            for word in ("Äpfel", "Süden", "12", "日本円", "500", "x|y", "😀"):
                assert word in shown


def test_a_table_too_narrow_is_a_list() -> None:
    head = "|" + "|".join(f"column{number}" for number in range(6)) + "|\n" + "|-" * 6 + "|\n"
    shown = plain(head + "|" + "|".join(f"value {number} here" for number in range(6)) + "|\n|a|", 40)
    assert shown.startswith("column0: value 0 here\n")
    assert shown.count("\n---\n") == 1
    assert "column5: value 5 here\n" in shown


def test_a_row_short_or_long_has_the_heads_columns() -> None:
    assert plain("|a|b|\n|-|-|\n|1|\n|1|2|3|") == "a | b\n--+--\n1 |\n1 | 2\n"


def test_wide_characters_are_measured_and_broken_between() -> None:
    shown = bare("これは日本語の長い文章です。改行されますが、句読点は行頭に来ません。", 20)
    assert all(cell_len(line) <= 20 for line in shown.splitlines())
    assert not any(line[0] in "。、" for line in shown.splitlines())
    assert shown.replace("\n", "") == "これは日本語の長い文章です。改行されますが、句読点は行頭に来ません。"
    family = "👩‍👩‍👧‍👦"
    shown = bare(family * 15, 20)
    assert shown == f"{family * 10}\n{family * 5}\n"
    assert bare("e\u0301" * 25, 20) == "e\u0301" * 20 + "\n" + "e\u0301" * 5 + "\n"
    assert bare("세 단어 입니다 그리고 더 있습니다", 12) == "세 단어\n입니다\n그리고 더\n있습니다\n"


def test_words_that_do_not_fit_are_folded() -> None:
    assert bare("see " + "x" * 50, 20) == "see\n" + "x" * 20 + "\n" + "x" * 20 + "\n" + "x" * 10 + "\n"
    assert bare("a **bold**ness that `is code` wraps", 12) == "a boldness\nthat is code\nwraps\n"


def test_a_wrapped_address_can_be_followed_on_each_line() -> None:
    url = "https://example.com/" + "path/" * 10
    assert colour(url, 30).count(f"\x1b]8;;{url}\x1b\\") == 3


def test_html_is_shown_and_breaks_break() -> None:
    assert plain("<details>\n<summary>S</summary>\n\na<br/>b <kbd>k</kbd>\n</details>") == (
        "<details>\n<summary>S</summary>\n\na\nb <kbd>k</kbd>\n\n</details>\n"
    )


def test_quotes_nest_and_keep_their_bar() -> None:
    assert bare("> a\n> > b\n> - c\n>\n> ```\n> x\n> ```\n\nd") == "│ a\n│\n│ │ b\n│\n│ • c\n│\n│ ── 1\n│ x\n\nd\n"
    assert bare("> one two three four five six seven", 20) == "│ one two three four\n│ five six seven\n"


def test_ascii_alone_draws_with_ascii() -> None:
    text = "# t\n\n- a\n\n> q\n\n***\n\n|a|b|\n|-|-|\n|c|d|\n\n```c\nx\n```\n"
    assert bare(text, ascii=True).isascii()
    assert plain(text, ascii=True).isascii()


def test_deep_nesting_leaves_room_and_ends() -> None:
    shown = plain("> " * 200 + "deep words to be wrapped somehow", 20)
    assert "deep" in shown
    assert all(cell_len(line) <= 20 for line in plain("- " * 20 + "deep words to be wrapped", 20).splitlines())


def test_hard_breaks_entities_and_controls() -> None:
    assert plain("a  \nb\\\nc\nd &amp; &#27;[31m \x1b[31m\x07") == "a\nb\nc d & �[31m �[31m�\n"
    assert plain("a\rb\r\nc\n\r\nd") == "a b c\n\nd\n"
    assert plain("`a\tb`\tc") == "`a b` c\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("so $$\\int x^2 \\, dx \\\\ y$$ is", "so $$\\int x^2 \\, dx \\\\ y$$ is\n"),
        ("$$\na_1 * b_2\n\\frac{1}{2} * c\n$$", "$$\na_1 * b_2\n\\frac{1}{2} * c\n$$\n"),
        ("\\(a_1 \\le *b*\\) and \\[x\\]", "\\(a_1 \\le *b*\\) and \\[x\\]\n"),
        ("where $\\alpha_i*\\beta*$ is", "where $\\alpha_i*\\beta*$ is\n"),
        # Prices, and brackets that are escaped, are no formulas.
        ("from $5 to $10, *now* $", "from $5 to $10, now $\n"),
        ("\\$5 *or* 5\\$", "$5 or 5$\n"),
        ("`$a *b*$` $$*x*", "$a *b*$ $$x\n"),
    ],
)
def test_formulas_stay_as_they_are_written(text: str, shown: str) -> None:
    assert bare(text) == shown


def test_a_text_full_of_dollars_takes_no_longer_than_any() -> None:
    for piece in ("$$", "\\(", "$a", "\\["):
        assert bare(piece * 4_000, 200)
