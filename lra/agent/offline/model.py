"""The offline model as Pydantic AI sees it: requests in, tool calls or streamed text out."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import ModelMessage, ModelResponse, ModelResponseStreamEvent, TextPart, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext
from pydantic_ai.usage import RequestUsage

from lra.agent.offline import replies
from lra.agent.offline.ellipsis import completed, of_somebody
from lra.agent.offline.history import Turn, estimate_tokens, read_turn
from lra.agent.offline.intents import Intent, Kind, parse
from lra.agent.offline.plan import proceed
from lra.agent.offline.scene import Scene

_MOST_REQUESTS = 4
_CHUNK = re.compile(r"\s*\S{1,24}|\s+")


class OfflineModel(Model[None]):
    """A model that needs nothing: no key, no network, no weights.

    It follows rules. It remembers, finds, lists and runs through the tools offered to it, in the same loop as every
    other model, and says plainly that it is no language model. It keeps no state: everything is read from the
    messages of a request.
    """

    # System prompts inside the history then stay what they are, instead of being quoted as the person's words.
    _announces_lookalike_notes = False
    _renders_retry_feedback = True

    def __init__(self, *, clock: Callable[[], datetime] | None = None, settings: ModelSettings | None = None) -> None:
        """Make an offline model.

        Args:
            clock: Returns the present moment with its time zone; the machine's own by default.
            settings: Default settings; none of them changes what it says.
        """
        super().__init__(
            settings=settings,
            profile=ModelProfile(supports_tools=True, supports_inline_system_prompts=True),
        )
        self._clock = clock or _machine_time

    @property
    def model_name(self) -> str:
        """The name by which the model is chosen."""
        return "offline"

    @property
    def system(self) -> str:
        """Who provides the model."""
        return "lra"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Answer a request at once."""
        _, parameters = self.prepare_request(model_settings, model_request_parameters)
        return self._respond(messages, parameters, run_id=None)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse, None]:
        """Answer a request piece by piece."""
        _, parameters = self.prepare_request(model_settings, model_request_parameters)
        response = self._respond(messages, parameters, run_id=run_context.run_id if run_context else None)
        yield OfflineStream(model_request_parameters=parameters, whole=response)

    def _respond(
        self, messages: list[ModelMessage], parameters: ModelRequestParameters, run_id: str | None
    ) -> ModelResponse:
        if not parameters.allow_text_output:
            raise UserError("The offline model answers in text only and cannot fill in structured output.")
        turn = read_turn(messages, run_id)
        scene = Scene(
            tools={tool.name: tool.parameters_json_schema for tool in parameters.declared_function_tools},
            now=self._clock(),
            introduced=turn.introduced,
            explained=turn.explained,
            said=turn.earlier,
            cut=turn.cut,
            answered=turn.answered,
            asked=turn.prompts,
            made=turn.made,
        )
        calls, text = proceed(_intents(turn), scene, turn.results, may_call=turn.requests < _MOST_REQUESTS - 1)
        parts: list[TextPart | ToolCallPart] = [ToolCallPart(call.tool, call.args) for call in calls]
        if not calls:
            parts = [TextPart("\n\n".join(said for said in (*_notes(turn), text) if said))]
        written = sum(len(part.content) if isinstance(part, TextPart) else len(str(part.args)) for part in parts)
        return ModelResponse(
            parts=parts,
            usage=RequestUsage(input_tokens=estimate_tokens(messages), output_tokens=max(1, written // 4)),
            model_name=self.model_name,
            provider_name=self.system,
            finish_reason="tool_call" if calls else "stop",
        )


@dataclass
class OfflineStream(StreamedResponse):
    """A finished response, handed out in pieces the size of a word."""

    whole: ModelResponse
    _started: datetime = field(default_factory=lambda: datetime.now(UTC), init=False)

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        self._usage = RequestUsage(input_tokens=self.whole.usage.input_tokens)
        for index, part in enumerate(self.whole.parts):
            if isinstance(part, ToolCallPart):
                yield self._parts_manager.handle_tool_call_part(
                    vendor_part_id=index,
                    tool_name=part.tool_name,
                    args=part.args_as_dict(),
                    tool_call_id=part.tool_call_id,
                )
            elif isinstance(part, TextPart):
                for chunk in _CHUNK.findall(part.content):
                    if self.cancelled:
                        return
                    for event in self._parts_manager.handle_text_delta(vendor_part_id=index, content=chunk):
                        yield event
        self._usage = self.whole.usage
        self.finish_reason = self.whole.finish_reason

    async def close_stream(self) -> None:
        """Nothing is open."""

    @property
    def model_name(self) -> str:
        """The model's name."""
        return self.whole.model_name or "offline"

    @property
    def provider_name(self) -> str | None:
        """The model's provider."""
        return self.whole.provider_name

    @property
    def provider_url(self) -> str | None:
        """There is no address."""
        return None

    @property
    def timestamp(self) -> datetime:
        """When the response began."""
        return self._started


def _machine_time() -> datetime:
    return datetime.now().astimezone()


def _intents(turn: Turn) -> list[Intent]:
    """Return what is asked; an empty message says nothing beside others, or beside attachments."""
    found = [intent for prompt in turn.prompts for intent in parse(prompt)]
    if [intent.kind for intent in found] == [Kind.OTHER] and turn.earlier:
        now, before = turn.prompts[0], turn.earlier[-1]
        found = [completed(now, before) or of_somebody(now, before) or found[0]]
    told = [intent for intent in found if intent.kind is not Kind.EMPTY]
    if told or turn.attachments:
        return told
    return found[:1] or [Intent(Kind.EMPTY)]


def _notes(turn: Turn) -> list[str]:
    """Return what has to be said before the answer."""
    notes = [replies.interrupted(turn.interrupted)] if turn.interrupted else []
    return [*notes, *([replies.cannot_see(turn.attachments)] if turn.attachments else [])]
