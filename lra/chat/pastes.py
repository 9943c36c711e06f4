"""Long pastes: one word in the prompt, every line of them in the message."""

from __future__ import annotations

import re

from lra.chat.history import MARK

LINES = 12
"""A paste of more lines than this is shown as one word."""
CHARACTERS = 4_000


class Pastes:
    """What was pasted, by the word that stands for it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def shorten(self, text: str) -> str:
        """Return what to put into the prompt for a paste."""
        # The break at the end of the last line is the terminal's habit, not the person's wish.
        text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        lines = text.count("\n") + (not text.endswith("\n"))
        if lines <= LINES and len(text) <= CHARACTERS:
            return text
        size = f"{lines:,} lines" if lines > 1 else f"{len(text):,} characters"
        chip, number = f"[pasted {size}]", 1
        while self._texts.get(chip, text) != text:
            number += 1
            chip = f"[pasted {size} #{number}]"
        self._texts[chip] = text
        return chip

    def fold(self, text: str) -> str:
        """Return a text from the history as it stood in the prompt, or as one word where it is long."""
        for chip, pasted in self._texts.items():
            text = text.replace(pasted, chip)
        return self.shorten(text)

    def forget(self, text: str) -> None:
        """Put a mark in place of a forgotten text in everything that was pasted."""
        from lra.store.redaction import span_pattern

        pattern = span_pattern(text)
        self._texts = {chip: pattern.sub(MARK, pasted) for chip, pasted in self._texts.items()}

    def expand(self, text: str) -> str:
        """Return a draft with what its words stand for."""
        if not self._texts or "[pasted " not in text:
            return text
        words = "|".join(re.escape(chip) for chip in self._texts)
        return re.sub(words, lambda found: self._texts[found[0]], text)

    def ending(self, text: str) -> int:
        """Return the length of the word a text ends with, to be deleted as one; 0 without."""
        return next((len(chip) for chip in self._texts if text.endswith(chip)), 0)
