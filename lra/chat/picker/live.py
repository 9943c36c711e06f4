"""The picker on a terminal: drawn inline below the conversation, erased when done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import FormattedTextControl, Layout, Window
from prompt_toolkit.styles import Style

from lra.chat.aside import Streams
from lra.chat.keymap import SUSPEND
from lra.chat.picker.items import Item, Picked, Preview, Search
from lra.chat.picker.state import State
from lra.chat.wording import sentence_of

_DEBOUNCE = 0.12
"""Seconds without a key before a search begins."""
_LOOK = {"picker.title": "bold", "picker.marked": "reverse", "picker.preview": "italic"}

_App = Application[Picked | None]
_Action = Callable[[KeyPressEvent], None]


async def choose(
    state: State, *, search: Search | None, preview: Preview | None, streams: Streams, faint: bool
) -> Picked | None:
    """Draw the picker until something is chosen or the person leaves.

    Args:
        state: What to draw.
        search: See `pick`.
        preview: See `pick`.
        streams: Input and output to use.
        faint: Whether the theme has a fainter colour for what is said beside.
    """
    behind = _Behind(state, search, preview)
    state.has_preview = preview is not None

    def text() -> StyleAndTextTuples:
        size = app.output.get_size()
        pieces: StyleAndTextTuples = []
        for number, line in enumerate(state.lines(size.columns, size.rows)):
            pieces += [("", "\n")] if number else []
            pieces += line
        return pieces

    window = Window(FormattedTextControl(text, focusable=True), wrap_lines=False, dont_extend_height=True)
    app: _App = Application(
        layout=Layout(window),
        key_bindings=_keys(state, behind, streams.suspend),
        style=Style.from_dict({**_LOOK, "picker.foot": "ansibrightblack" if faint else ""}),
        erase_when_done=True,
        input=streams.input,
        output=streams.output,
    )
    # An escape is a key of its own here, and acts at once.
    app.ttimeoutlen, app.timeoutlen = 0.05, 0.1
    behind.app = app
    return await app.run_async(pre_run=behind.look, handle_sigint=False)


class _Behind:
    """What is looked up while the picker stands.

    Args:
        state: Where results go.
        search: See `pick`.
        preview: See `pick`.
    """

    def __init__(self, state: State, search: Search | None, preview: Preview | None) -> None:
        self.app: _App | None = None
        self._state = state
        self._search = search
        self._preview = preview
        self._previews: dict[str, list[str]] = {}
        self._searched = ""
        self._searching: asyncio.Task[None] | None = None
        self._previewed: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Look up what the present state asks for."""
        assert self.app is not None
        state, item = self._state, self._state.current
        if self._search is not None and state.query != self._searched:
            self._searched = state.query
            if self._searching is not None:
                self._searching.cancel()
            state.searching = bool(state.query.strip())
            if state.searching:
                self._searching = self.app.create_background_task(self._find(state.query))
        state.preview = self._previews.get(item.key, ()) if item else ()
        if self._preview is not None and item is not None and item.key not in self._previews:
            if self._previewed is not None:
                self._previewed.cancel()
            self._previewed = self.app.create_background_task(self._describe(item))
        self.app.invalidate()

    async def _find(self, query: str) -> None:
        assert self._search is not None
        await asyncio.sleep(_DEBOUNCE)
        try:
            found, self._state.problem = list(await self._search(query)), ""
        except Exception as error:
            found, self._state.problem = [], sentence_of(error)
        if self._state.query == query:
            self._state.found, self._state.searching = found, False
            for item in found:
                # What fits may stand elsewhere than what was shown of it before.
                self._previews.pop(item.key, None)
            self.look()

    async def _describe(self, item: Item) -> None:
        assert self._preview is not None
        try:
            lines = list(await self._preview(item))
        except Exception as error:
            lines = [sentence_of(error)]
        self._previews[item.key] = lines
        self.look()


def _keys(state: State, behind: _Behind, suspend: Callable[[_App], None]) -> KeyBindings:
    keys = KeyBindings()

    def bind(*names: Keys | str) -> Callable[[_Action], None]:
        def register(action: _Action) -> None:
            def run(event: KeyPressEvent) -> None:
                action(event)
                behind.look()

            for name in names:
                keys.add(name, eager=name == "escape")(run)

        return register

    bind("up", "c-p")(lambda _: state.move(-1))
    bind("down", "c-n")(lambda _: state.move(1))
    bind("pageup")(lambda _: state.move(-state.page))
    bind("pagedown")(lambda _: state.move(state.page))
    bind("home")(lambda _: state.move(-len(state.shown)))
    bind("end")(lambda _: state.move(len(state.shown)))
    bind("backspace")(lambda _: state.erase())
    bind("c-w")(lambda _: state.erase(word=True))
    bind("c-u")(lambda _: state.erase(everything=True))
    bind(Keys.BracketedPaste)(lambda event: state.type(event.data))

    @bind("tab")
    def _to_the_list(_event: KeyPressEvent) -> None:
        state.typing = not state.typing

    @bind("enter")
    def _take(event: KeyPressEvent) -> None:
        if (item := state.current) is not None:
            event.app.exit(result=Picked(item))

    @bind("escape", "c-c", "c-d", "c-g")
    def _leave(event: KeyPressEvent) -> None:
        event.app.exit(result=None)

    @bind(*(name for names in SUSPEND.pressed for name in names))
    def _suspend(event: KeyPressEvent) -> None:
        suspend(event.app)

    @bind(Keys.Any)
    def _letter(event: KeyPressEvent) -> None:
        letter, item = event.data, state.current
        if state.typing or letter not in {*state.actions, "j", "k", "/"}:
            if letter.isprintable():
                state.type(letter)
        elif letter in state.actions:
            if item is not None:
                event.app.exit(result=Picked(item, letter))
        elif letter == "/":
            state.typing = True
        else:
            state.move(1 if letter == "j" else -1)

    return keys
