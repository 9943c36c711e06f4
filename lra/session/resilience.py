"""A Pydantic AI capability that waits, switches models, shortens the context and keeps the budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic_ai import RunContext
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ModelConnectionError, ModelContextWindowExceededError, RetryModelRequest
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestContext
from pydantic_ai.settings import ModelSettings

from lra.agent.context import (
    FULL,
    TARGET,
    estimate_tokens,
    recent_part,
    trim_tool_results,
    window_of,
    with_summary,
)
from lra.agent.failures import backoff, explain, is_transient
from lra.agent.summary import Line, extract
from lra.events import Compacted, Event, ModelSwitched, Retrying
from lra.session.budget import Budget
from lra.tools.deps import AgentDeps

MAX_ATTEMPTS = 4
"""Attempts at one request on one model."""


@dataclass
class Resilience(AbstractCapability[AgentDeps]):
    """Handles what providers do wrong during one turn."""

    emit: Callable[[Event], None]
    budget: Budget
    model_name: str
    fallback: Callable[[], Model] | None = None
    fallback_name: str = ""
    streaming: Callable[[], bool] = lambda: False
    """Whether text of the failed request has already been shown."""
    lines: Callable[[], list[Line]] = list
    shrunk: bool = False
    failures: int = 0
    switched: bool = False

    async def prepare_model_request(
        self, ctx: RunContext[AgentDeps], request_context: ModelRequestContext
    ) -> ModelRequestContext:
        """Shorten an overlong request and cap its price; runs before every attempt."""
        messages = self._fit(request_context.model, request_context.messages)
        used = float(ctx.usage.cost or 0)
        cap = self.budget.output_limit(request_context.model, estimate_tokens(messages), used)
        settings = ModelSettings(**(request_context.model_settings or {}), max_retries=0)
        if cap is not None:
            settings["max_tokens"] = min(cap, settings.get("max_tokens", cap))
        return replace(request_context, messages=messages, model_settings=settings)

    def _fit(self, model: Model, messages: list[ModelMessage]) -> list[ModelMessage]:
        window = window_of(model)
        if not self.shrunk and estimate_tokens(messages) <= window * FULL:
            return messages
        messages, _ = trim_tool_results(messages, keep=0 if self.shrunk else 2)
        if self.shrunk:
            old, recent = recent_part(messages, int(min(window * TARGET, estimate_tokens(messages) / 2)))
            if old:
                messages = with_summary(extract(self.lines()), recent)
        return messages

    async def on_model_request_error(
        self, ctx: RunContext[AgentDeps], *, request_context: ModelRequestContext, error: Exception
    ) -> ModelResponse:
        """Try again where that may help, in sight of the person."""
        if isinstance(error, ModelContextWindowExceededError) and not self.shrunk:
            self.shrunk = True
            before = estimate_tokens(request_context.messages)
            after = estimate_tokens(self._fit(request_context.model, request_context.messages))
            if after < before:
                self.emit(
                    Compacted(
                        strategy="summary",
                        before_tokens=before,
                        after_tokens=after,
                        detail="the provider said the context is full",
                    )
                )
                raise RetryModelRequest from error
        if not is_transient(error) or self.streaming():
            raise error
        self.failures += 1
        seconds = backoff(error, self.failures)
        reason = explain(error, self.model_name).message
        # Nothing listens or no network: seconds rarely change that.
        most = 2 if isinstance(error, ModelConnectionError) and error.phase == "connect" else MAX_ATTEMPTS
        if seconds is not None and self.failures < most:
            self.emit(Retrying(reason=reason, attempt=self.failures, seconds=seconds))
            await asyncio.sleep(seconds)
            raise RetryModelRequest from error
        if self.fallback is not None and not self.switched:
            self.switched, self.failures = True, 0
            self.model_name = self.fallback_name
            self.emit(ModelSwitched(model=self.fallback_name, reason=reason))
            raise RetryModelRequest(self.fallback()) from error
        raise error

    async def after_model_request(
        self, ctx: RunContext[AgentDeps], *, request_context: ModelRequestContext, response: ModelResponse
    ) -> ModelResponse:
        """Start counting failures anew for the next request."""
        self.failures = 0
        return response
