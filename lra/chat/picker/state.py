"""What a picker shows at a moment; pure, so that it can be tested without a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lra.chat.picker.items import Item, matches, merged
from lra.chat.width import cells, clip, pad

Line = list[tuple[str, str]]
"""Pieces of one line: style and text."""

_PREVIEW_FROM = 8
"""Rows of the whole from which some are given to the preview."""
_PREVIEW_ROWS = 4
_LEAST_QUERY = 12
_MOST_QUERY = 300
"""Characters of a search; what is pasted by mistake may be a whole file."""


@dataclass
class State:
    """Items, what was typed, and where the mark stands."""

    title: str
    items: list[Item]
    actions: Mapping[str, str] = field(default_factory=dict)
    typing: bool = True
    """Whether letters are typed into the search, rather than read as keys."""
    query: str = ""
    index: int = 0
    found: list[Item] = field(default_factory=list)
    """What the search behind the list found for the query."""
    searching: bool = False
    problem: str = ""
    preview: Sequence[str] = ()
    has_preview: bool = False
    page: int = 1
    """Rows of the list when it was last drawn."""
    _top: int = 0

    @property
    def shown(self) -> list[Item]:
        """The items that fit what was typed, those found elsewhere last."""
        if not self.query.strip():
            return self.items
        return merged([item for item in self.items if matches(item, self.query)], self.found)

    @property
    def current(self) -> Item | None:
        """The marked item."""
        shown = self.shown
        return shown[min(self.index, len(shown) - 1)] if shown else None

    def move(self, steps: int) -> None:
        """Move the mark; letters are read as keys from now on."""
        self.typing = False
        self.index = max(0, min(len(self.shown) - 1, self.index + steps))

    def type(self, text: str) -> None:
        """Add to what was typed."""
        self.typing = True
        # What is pasted may hold lines and controls; a search has neither.
        self._search(self.query + "".join(char if char.isprintable() else " " for char in text))

    def erase(self, *, word: bool = False, everything: bool = False) -> None:
        """Take the last character, the last word or everything back."""
        kept = self.query[:-1]
        if word:
            kept = self.query.rstrip().rpartition(" ")[0]
        self._search("" if everything else kept)

    def _search(self, query: str) -> None:
        query = query[:_MOST_QUERY]
        if query != self.query:
            self.query, self.index, self._top = query, 0, 0
            # What was found for other words stays until the new search answers, if it still fits.
            self.found = [item for item in self.found if matches(item, query)] if query.strip() else []

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return what to draw: at most half of the terminal's rows, each within its columns.

        Args:
            columns: Width of the terminal.
            rows: Height of the terminal.
        """
        room = max(20, columns - 1)
        most = max(4, rows // 2)
        preview_rows = min(_PREVIEW_ROWS, most // 3) if self.has_preview and most >= _PREVIEW_FROM else 0
        shown = self.shown
        self.index = max(0, min(self.index, len(shown) - 1))
        self.page = max(1, min(most - 2 - preview_rows, max(len(self.items), len(shown), 1)))
        lines = [self._head(room, len(shown))]
        lines += self._list(shown, room)
        if preview_rows:
            texts = [*self.preview, *[""] * preview_rows][:preview_rows]
            lines += [[("class:picker.preview", "    " + clip(text, room - 4))] for text in texts]
        lines.append([("class:picker.foot", clip(self._keys(), room))])
        return lines

    def _head(self, room: int, count: int) -> Line:
        counts = f" ({count} of {len(self.items)})" if self.query.strip() and not self.found else ""
        title = clip(self.title, room - _LEAST_QUERY - len(counts)) + counts
        query = self.query
        while cells(query) > room - cells(title) - 3:
            query = query[1:]
        cursor = "[SetCursorPosition]"
        line: Line = [("class:picker.title", title + ": "), ("class:picker.query", query), (cursor, "")]
        if not query and self.typing and room - cells(title) > 20:
            line.append(("class:picker.foot", " type to search"))
        return line

    def _list(self, shown: Sequence[Item], room: int) -> list[Line]:
        if not shown:
            words = self.problem or ("searching" if self.searching else "Nothing fits.")
            return [[("class:picker.foot", "  " + clip(words, room - 2))], *[[("", "")] for _ in range(self.page - 1)]]
        self._top = max(0, min(self._top, self.index, len(shown) - self.page))
        self._top = max(self._top, self.index - self.page + 1)
        lines = []
        for number, item in enumerate(shown[self._top : self._top + self.page], self._top):
            marked = number == self.index
            style = "class:picker.marked" if marked else ""
            lines.append([(style, (">" if marked else " ") + " " + _row(item, room - 2))])
        return lines + [[("", "")] for _ in range(self.page - len(lines))]

    def _keys(self) -> str:
        letters = [f"{key} {label}" for key, label in self.actions.items()]
        keys = ["Enter chooses", "Esc leaves"]
        if not self.actions:
            return " | ".join([*keys, "Up, Down move"])
        if self.typing:
            return " | ".join([*keys, "Tab for the keys " + ", ".join(self.actions)])
        # Cut at the end where there is little room: how to leave comes first.
        return " | ".join([*keys, ", ".join(letters), "/ searches"])


def _row(item: Item, room: int) -> str:
    """Return an item's line; the note gives way where there is little room."""
    note = clip(item.note, max(room // 2, room - cells(item.label) - 2)) if item.note and room >= 30 else ""
    if not note:
        return clip(item.label, room)
    text = clip(item.label, room - cells(note) - 2)
    return pad(text, room - cells(note) - 2) + "  " + note
