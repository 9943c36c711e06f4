"""Long pastes: one word in the prompt, every line of them in the message."""

from __future__ import annotations

import re

from lra.chat.history import MARK
from lra.chat.width import clip

LINES = 12
"""A paste of more lines than this is shown as one word."""
CHARACTERS = 4_000
_FIRST = 60


class Pastes:
    """What was pasted, by the word that stands for it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def shorten(self, text: str) -> str:
        """Return what to put into the prompt for a paste."""
        # The break at the end of the last line is the terminal's habit, not the person's wish.
        text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        return self._chip(text, "[pasted ", "]") if _is_long(text) else text

    def _chip(self, text: str, before: str, after: str) -> str:
        """Return the words that stand for a text from now on."""
        lines = text.count("\n") + 1
        size = f"{lines:,} lines" if lines > 1 else f"{len(text):,} characters"
        chip, number = f"{before}{size}{after}", 1
        while self._texts.get(chip, text) != text:
            number += 1
            chip = f"{before}{size} #{number}{after}"
        self._texts[chip] = text
        return chip

    def known(self, text: str) -> str:
        """Return a text with what was pasted in one piece as it stood in the prompt."""
        if not _is_long(text):
            # All that has a word of its own is long.
            return text
        for chip, pasted in self._texts.items():
            text = text.replace(pasted, chip)
        return text

    def fold(self, text: str) -> str:
        """Return a text from the history as it stood in the prompt, or as its first line where it is long."""
        text = self.known(text)
        if not _is_long(text):
            return text
        first = next((line for line in text.splitlines() if line.strip()), "")
        return self._chip(text, f"{clip(first, _FIRST)} [", "]")

    def forget(self, text: str) -> None:
        """Put a mark in place of a forgotten text in everything that was pasted."""
        from lra.store.redaction import span_pattern

        pattern = span_pattern(text)
        self._texts = {pattern.sub(MARK, chip): pattern.sub(MARK, pasted) for chip, pasted in self._texts.items()}

    def expand(self, text: str) -> str:
        """Return a draft with what its words stand for."""
        if not self._texts or "]" not in text:
            return text
        words = "|".join(re.escape(chip) for chip in self._texts)
        return re.sub(words, lambda found: self._texts[found[0]], text)

    def ending(self, text: str) -> int:
        """Return the length of the word a text ends with, to be deleted as one; 0 without."""
        return next((len(chip) for chip in self._texts if text.endswith(chip)), 0)


def _is_long(text: str) -> bool:
    return text.count("\n") >= LINES or len(text) > CHARACTERS
