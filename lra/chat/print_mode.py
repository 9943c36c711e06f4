"""One turn without a terminal: for scripts and pipes."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import sys
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from lra.chat.interrupts import handled
from lra.chat.opening import origin_of, settings_for, use_workspace
from lra.chat.options import ChatOptions
from lra.chat.protocol import LineApprover
from lra.chat.render import Busy, Line, TurnRenderer
from lra.chat.screen import Screen, check_taken, silence
from lra.chat.standard_input import StandardInput
from lra.errors import ExitCode, LraError, UsageError
from lra.events import ApprovalResolved, Event, TurnFinished, Usage
from lra.text import clean_text

if TYPE_CHECKING:
    from lra.runtime import Runtime
    from lra.session import Session
    from lra.tools.consent import Approver

_CLOSING = 12.0
_PATIENCE = 3.0
"""Seconds to wait for the first byte of what is to be added to the prompt."""
_SHORT = 1.0
"""The same where answers are read on standard input, so that its silence means nothing."""


def run_print(options: ChatOptions) -> int:
    """Run one turn; returns the exit code.

    Raises:
        LraError: No turn could begin.
    """
    return asyncio.run(PrintMode(options).run())


class PrintMode:
    """One turn and what it prints.

    Args:
        options: What was asked for on the command line.
    """

    def __init__(self, options: ChatOptions) -> None:
        if options.prompt is None or not options.prompt.strip():
            raise UsageError("There is no text to answer.")
        self._options = options
        self._prompt = options.prompt
        self._settings = settings_for(options)
        self._answered = self._settings.approval == "ask" and options.output_format == "stream-json"
        """Whether questions are answered on standard input."""
        self._screen = Screen(plain=True, side=sys.stderr, on_gone=self._gone)
        self._renderer = TurnRenderer(lambda: self._screen.columns)
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._finished: TurnFinished | None = None
        self._stops = 0
        self._input: StandardInput | None = None
        self._lines: LineApprover | None = None

    async def run(self) -> int:
        """Open, run the turn, close.

        Raises:
            LraError: No turn could begin, or the answer could not be written.
        """
        task = self._task = asyncio.create_task(self._work())
        with handled(signal.SIGINT, self._stop), handled(signal.SIGTERM, self._stop):
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()
        check_taken(self._screen)
        if task.cancelled():
            return int(ExitCode.INTERRUPTED)
        return self._finished.exit_code if self._finished else int(ExitCode.FAILED)

    def _stop(self) -> None:
        self._stops += 1
        if self._session is not None and self._session.running and self._stops == 1:
            self._session.cancel()
        elif self._task is not None:
            self._task.cancel()

    def _gone(self) -> None:
        # Whoever read the answer has heard enough, or nothing more can be written.
        silence(sys.stdout)
        self._stop()

    async def _work(self) -> None:
        from lra.runtime import Runtime
        from lra.session import Session

        options = self._options
        if options.piped or self._answered:
            # Begun before everything else: what is waited for comes while the rest is opened.
            self._input = StandardInput(_SHORT if self._answered else _PATIENCE)
            self._input.start()
        runtime = await Runtime.open(self._settings)
        try:
            await use_workspace(runtime, options)
            self._session = await Session.open(
                runtime,
                resume=options.resume,
                continue_latest=options.continue_latest,
                fork=options.fork,
                use_memory=options.memory,
                agent=options.agent,
                origin=origin_of(options),
                approver=self._approver(),
            )
            for notice in self._session.notices:
                self._screen.line(f"lra: {notice}")
            await self._turn(self._session, await self._whole())
        finally:
            await self._close(runtime)

    def _approver(self) -> Approver:
        from lra.tools.consent import by_policy

        if self._input is None or not self._answered:
            return by_policy(self._settings.approval)
        self._lines = LineApprover(self._input)
        return self._lines

    async def _whole(self) -> str:
        """Return the prompt with what was piped in beside it."""
        if self._input is None or not self._options.piped:
            return self._prompt
        text = await self._input.text()
        if text is None and not self._answered:
            self._screen.line(f"lra: nothing came on standard input for {_PATIENCE:.0f} s, going on without it.")
        added = clean_text(text or "")
        return f"{self._prompt}\n\n{added}" if added.strip() else self._prompt

    async def _turn(self, session: Session, prompt: str) -> None:
        began: Event | None = None
        try:
            async with aclosing(session.send(prompt)) as events:
                async for event in events:
                    if began is None and self._lines is not None:
                        self._lines.listen(session.tell)
                    began = event
                    if isinstance(event, TurnFinished):
                        self._finished = event
                    self._show(event)
        except LraError as error:
            if began is None:
                raise
            self._fail(began, str(error), error.exit_code)
        except Exception as error:
            if began is None:
                raise
            self._fail(began, f"{type(error).__name__}: {error}", ExitCode.FAILED)

    def _fail(self, last: Event, text: str, code: ExitCode) -> None:
        """End the stream as every turn ends, when the session itself broke."""
        if self._finished is None:
            self._finished = TurnFinished(
                session_id=last.session_id,
                turn_id=last.turn_id,
                seq=last.seq + 1,
                output="",
                outcome="failed",
                usage=Usage(),
                cost=None,
                recalled=[],
                remembered=[],
                error=text,
                exit_code=int(code),
            )
            self._show(self._finished)

    def _show(self, event: Event) -> None:
        if self._options.output_format == "stream-json":
            self._screen.data(event.to_json())
        elif self._options.output_format == "json":
            if isinstance(event, TurnFinished):
                self._screen.data(json.dumps(_summary(event), ensure_ascii=False))
                self._complain(event)
        else:
            self._render(event)

    def _render(self, event: Event) -> None:
        if isinstance(event, TurnFinished) and event.outcome != "completed":
            self._screen.end_line()
            self._complain(event)
            return
        for piece in self._renderer.feed(event):
            if not isinstance(piece, Busy) and not (isinstance(event, TurnFinished) and isinstance(piece, Line)):
                self._screen.show(piece)
        if isinstance(event, ApprovalResolved) and not event.approved and self._settings.approval == "ask":
            self._screen.line("  --approve auto allows what would be asked; without -p you are asked.", "dim")

    def _complain(self, event: TurnFinished) -> None:
        if event.outcome != "completed":
            self._screen.line(f"lra: {event.error or f'The turn ended as {event.outcome}.'}")

    async def _close(self, runtime: Runtime) -> None:
        with suppress(Exception):
            async with asyncio.timeout(_CLOSING):
                if self._session is not None:
                    # A script does not wait for a model to write a summary; an extract is kept in any case.
                    await self._session.close(summarize=False)
        with suppress(Exception):
            await runtime.close()


def _summary(event: TurnFinished) -> dict[str, object]:
    summary: dict[str, object] = {
        "session_id": event.session_id,
        "output": event.output,
        "outcome": event.outcome,
        "usage": dataclasses.asdict(event.usage),
        "cost": event.cost,
        "recalled": event.recalled,
        "remembered": event.remembered,
    }
    return summary | ({"error": event.error} if event.error else {})
