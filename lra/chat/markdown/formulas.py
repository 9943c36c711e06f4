"""Formulas between dollars or in LaTeX's brackets, which Markdown would take for emphasis and escapes."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

_MOST = 2_000
"""Characters of one formula; what is longer is read as Markdown."""
# A dollar that ends a formula follows no blank and precedes no digit, as in Pandoc: prices are none.
_FORMULA = re.compile(
    rf"\$\$.{{1,{_MOST}}}?\$\$"
    rf"|\\\[.{{1,{_MOST}}}?\\\]"
    rf"|\\\(.{{1,{_MOST}}}?\\\)"
    rf"|\$(?![\s$])[^$\n]{{0,{_MOST}}}(?<![\s\\])\$(?!\d)",
    re.DOTALL,
)


def keep_formulas(reader: MarkdownIt) -> None:
    """Let a reader leave formulas as they are written."""
    reader.inline.ruler.before("escape", "formula", _formula)


def _formula(state: StateInline, silent: bool) -> bool:
    found = _FORMULA.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        for number, line in enumerate(found[0].split("\n")):
            if number:
                state.push("hardbreak", "br", 0)
            state.push("text", "", 0).content = line
    state.pos = found.end()
    return True
