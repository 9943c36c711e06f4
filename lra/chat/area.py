"""The layout at the bottom of the terminal: live lines, the input, the completion menu, the status line."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Size
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.formatted_text import ANSI, AnyFormattedText, StyleAndTextTuples, to_formatted_text
from prompt_toolkit.layout import BufferControl, ConditionalContainer, Dimension, FormattedTextControl, HSplit, Window
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import AfterInput, TabsProcessor
from prompt_toolkit.styles import Style as Styles
from prompt_toolkit.widgets import SearchToolbar

from lra.chat.emoji import SingleEmoji, first_alone
from lra.chat.render import Style
from lra.chat.width import cells, clip, fold

MARK = "> "
_SHARE = 3
"""The live lines, and the input too, take at most this part of the rows."""
_ASKED = 12
"""The live lines while something is asked, where the terminal has as many rows."""
_ANSWER = 16
"""Columns an answer needs beside its question; with fewer the question stands above it."""
_MENU = 8
_TAB = 4
"""Columns of a tab."""
_STATUS_FROM = 5
"""Rows below which there is no status line."""


class Area:
    """What stands at the bottom.

    Args:
        draft: The message being written.
        answers: The answer to a question.
        size: The size of the terminal.
    """

    def __init__(self, draft: Buffer, answers: Buffer, size: Callable[[], Size]) -> None:
        self.question = ""
        """What is asked, in place of the prompt's mark; the draft comes back after it."""
        self.live: Callable[[int, int], list[str]] = lambda _columns, _rows: []
        """Styled lines above the input: how wide and how many at most."""
        self.status: Callable[[int], str] = lambda _columns: ""
        """The styled line below the input: how wide at most."""
        self.placeholder: Callable[[], str] = lambda: ""
        """What stands in an empty input."""
        self.styled: Callable[[str, Style], str] = lambda text, _style: text
        """Gives a text its colours."""
        self.depth: Callable[[], int] = lambda: 0
        """How many bits its colours have."""
        self._size = size
        self._draft = draft
        self._lines: list[str] = []
        self._status = ""
        search = SearchToolbar(
            ignore_case=True,
            forward_search_prompt=lambda: self._search_mark("later"),
            backward_search_prompt=lambda: self._search_mark("earlier"),
        )
        self._sought = search.search_buffer
        self.draft_window = Window(
            BufferControl(
                draft,
                input_processors=[SingleEmoji(), _tabs(), AfterInput(self._empty)],
                search_buffer_control=search.control,
                preview_search=True,
            ),
            height=self._input_height,
            dont_extend_height=True,
            wrap_lines=True,
            get_line_prefix=self._mark,
        )
        self.answer_window = Window(
            BufferControl(answers, input_processors=[SingleEmoji(), _tabs()]),
            height=self._input_height,
            dont_extend_height=True,
            wrap_lines=True,
            get_line_prefix=self._question_mark,
        )
        asking = Condition(lambda: bool(self.question))
        self.container = HSplit(
            [
                _line(lambda: ANSI("\n".join(self._lines)), lambda: len(self._lines)),
                ConditionalContainer(self.draft_window, filter=~asking),
                ConditionalContainer(self.answer_window, filter=asking),
                search,
                ConditionalContainer(CompletionsMenu(max_height=_MENU, scroll_offset=1), filter=has_focus(draft)),
                _line(lambda: ANSI(self._status), lambda: int(bool(self._status))),
            ]
        )
        self.style = Styles.from_dict(
            {
                "completion-menu": "noinherit",
                "completion-menu.completion": "noinherit",
                "completion-menu.completion.current": "noinherit reverse",
                "completion-menu.meta.completion": "noinherit",
                "completion-menu.meta.completion.current": "noinherit bold",
                "scrollbar.background": "noinherit",
                "scrollbar.button": "noinherit reverse",
            }
        )

    @property
    def above(self) -> list[str]:
        """The styled lines above the input; each takes one row."""
        return self._lines

    def refresh(self, _app: object = None) -> None:
        """Compute what the next repaint shows."""
        size = self._size()
        room = max(1, size.rows // _SHARE)
        if self.question:
            # What is asked has to be read, whatever else there is: below it stand the answer and the status.
            room = max(room, min(_ASKED, size.rows - 3))
        question = self._question_lines(size.columns - 1)[: max(1, room - 1)]
        live = [*self.live(size.columns - 1, max(0, room - len(question))), *question]
        self._lines = [first_alone(line) for line in live]
        self._status = first_alone(self.status(size.columns - 1)) if size.rows >= _STATUS_FROM else ""

    @property
    def _inline(self) -> bool:
        """Whether the question stands before its answer, not above it."""
        return cells(self.question) <= self._size().columns - _ANSWER

    def _question_lines(self, width: int) -> list[str]:
        return fold(self.question, width).split("\n") if self.question and not self._inline else []

    def _mark(self, line: int, wraps: int) -> StyleAndTextTuples:
        return to_formatted_text(ANSI(self.styled(MARK, "prompt"))) if line == wraps == 0 else [("", " " * len(MARK))]

    def _question_mark(self, line: int, wraps: int) -> StyleAndTextTuples:
        mark = self.question if self._inline else "? "
        return [("", mark)] if line == wraps == 0 else [("", "  ")]

    def _search_mark(self, way: str) -> str:
        sought = self._sought.text.lower()
        found = any(sought in text.lower() for text in (self._draft.text, *self._draft.history.get_strings()))
        return f"search {way}: " if found else f"search {way}, nothing found: "

    def _empty(self) -> AnyFormattedText:
        room = self._size().columns - len(MARK) - 1
        return "" if self._draft.text else ANSI(self.styled(clip(self.placeholder(), room), "dim"))

    def _input_height(self) -> Dimension:
        return Dimension(min=1, max=max(2, self._size().rows // _SHARE))


def _tabs() -> TabsProcessor:
    return TabsProcessor(tabstop=_TAB, char1=" ", char2=" ")


def _line(text: Callable[[], ANSI], height: Callable[[], int]) -> ConditionalContainer:
    return ConditionalContainer(
        Window(FormattedTextControl(text), height=height, dont_extend_height=True, wrap_lines=False),
        filter=Condition(lambda: height() > 0),
    )
