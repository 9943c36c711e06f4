"""Random documents, nasty ones above all, and random ways to cut them."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = [
    "plain", "words", "*em*", "**bold", "over**", "`code`", "``a`b``", "~~gone~~", "[link](https://example.com/a_b)",
    "[ref][one]", "[one]", "![alt](i.png)", "<https://auto.example>", "https://bare.example/x(y).",
    "<br>", "<kbd>k</kbd>",
    "a_b_c", "\\*", "&amp;", "&#27;", "&#10;", "日本語テキスト。", "한국어", "👩‍👩‍👧‍👦", "👍🏽",
    "e\u0301\u0323",
    "שלום",
    "مرحبا", "\x1b[31mred", "\x9b2J", "\x07", "\ttab", "\u200b", "\u2028", "a|b", "|",
    "averyveryveryverylongwordthatfits" * 3,
    "*", "_", "[", "](", "<", "  ", "[x]", "[ ]", "#", "1.", "-", ">", "===", "```", "\ud800",
]  # fmt: skip
STARTS = [
    "", "", "", "# ", "## ", "###### ", "#", "- ", "* ", "+ ", "-", "1. ", "2) ", "10. ", "> ", ">", "> - ", "- - ",
    "1. - > ",
    "    ", "   ", "  ", "      ", "\t", "- \t", ">\t", "-     ", "- [ ] ", "- [x] ", "  - ", "    - ", "   > ",
]  # fmt: skip
WHOLE = [
    "", "", "", "", "===", "---", "-", "=", "***", "- - -", "```", "```python", "~~~", "````", "  ```", "- ```c",
    "> ```",
    "    ```", "def f(): return '''", "/* open", "*/ closed", "<div>", "</div>", "<!-- note", "-->", "<b>",
    "<pre>", "</pre>",
    "| a | b |", "|---|:-:|", "--|--", "| 日本 | \\| x |", "a | b", "|-", "[one]: https://one.example 'Title'",
    "[two]:", "<https://two.example>", "[one]: /again", "| a |", "|---|", "hard  ", "break\\", "#", "-\t", "   ", "\t",
]  # fmt: skip
ENDS = ["\n", "\n", "\n", "\n\n", "\r\n", "\r", "\r\n\r\n"]


def lines() -> st.SearchStrategy[str]:
    text = st.lists(st.sampled_from(WORDS), min_size=0, max_size=6).map(" ".join)
    return st.one_of(
        st.sampled_from(WHOLE),
        st.tuples(st.sampled_from(STARTS), text).map("".join),
        st.tuples(st.sampled_from(STARTS), st.sampled_from(WHOLE)).map("".join),
    )


def documents(longest: int = 25) -> st.SearchStrategy[str]:
    return st.lists(st.tuples(lines(), st.sampled_from(ENDS)).map("".join), max_size=longest).map("".join)


@st.composite
def chunks(draw: st.DrawFn, text: str) -> list[str]:
    """Cut a text at random places; pieces may be empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=40)))
    return [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
