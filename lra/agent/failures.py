"""Turning what goes wrong with a model into a sentence, an outcome and an exit code."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic_ai import exceptions as pai
from pydantic_ai.messages import ModelMessage, ModelResponse

from lra.config import PROVIDER_KEYS
from lra.errors import BudgetError, ExitCode, LraError
from lra.events import Outcome

logger = logging.getLogger("lra.agent")

LONGEST_WAIT = 120.0
"""Seconds; a provider that asks for more is not waited for."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a turn ended without an answer."""

    message: str
    outcome: Outcome
    exit_code: ExitCode


def explain(error: BaseException, model: str, *, received: bool = False) -> Failure:
    """Describe an error raised by a run.

    Args:
        error: Any exception.
        model: The model string the request went to, for the sentence.
        received: Whether part of the answer had arrived.
    """
    match error:
        case BudgetError():
            return Failure(str(error), "budget", error.exit_code)
        case LraError():
            refused = error.exit_code is ExitCode.REFUSED
            return Failure(str(error), "refused" if refused else "failed", error.exit_code)
        case pai.UsageLimitExceeded():
            return Failure(_limit(str(error)), "budget", ExitCode.BUDGET)
        case pai.FallbackExceptionGroup():
            return explain(error.exceptions[-1], model, received=received)
        case pai.ContentFilterError():
            return Failure(f"{model} refused to answer: {_line(error)}", "refused", ExitCode.REFUSED)
    logger.warning("asking %s failed", model, exc_info=error)
    sentence, code = _describe(error, model, received)
    return Failure(sentence, "failed", code)


def without_answer(refused: Sequence[str]) -> Failure | None:
    """Return why a turn has no answer: tools that were refused; None when none was.

    Args:
        refused: Their names.
    """
    if not refused:
        return None
    names = ", ".join(dict.fromkeys(refused))
    return Failure(f"There is no answer, since it needed what was refused: {names}.", "refused", ExitCode.REFUSED)


def cut_short(messages: Sequence[ModelMessage]) -> str:
    """Return the sentence about an answer that its provider did not let end; empty for a whole one.

    Args:
        messages: Those of the turn; the last one is the answer.
    """
    last = messages[-1] if messages else None
    reason = last.finish_reason if isinstance(last, ModelResponse) else None
    return {
        "length": "The answer was cut at the model's output limit: ask it to go on.",
        "content_filter": "The answer was cut by the provider's content filter.",
    }.get(reason or "", "")


def _describe(error: BaseException, model: str, received: bool) -> tuple[str, ExitCode]:
    provider = model.partition(":")[0].removesuffix("-chat").removesuffix("-responses")
    key = PROVIDER_KEYS.get(provider, ("its key",))[0]
    asked = error.retry_after if isinstance(error, pai.ModelAPIError) else None
    wait = f" It asks to wait {asked:.0f} s." if asked else ""
    status = f" ({error.status_code})" if isinstance(error, pai.ModelHTTPError) else ""
    connection = error if isinstance(error, pai.ModelConnectionError) else None
    unreachable = connection is not None and not (connection.in_stream or connection.phase == "read")
    forbidden = isinstance(error, pai.ModelHTTPError) and error.status_code == 403
    # What is no error of the provider's, nor of the network: a body or an event that cannot be read.
    unreadable = isinstance(error, pai.ModelAPIError) and not isinstance(
        error, pai.ModelHTTPError | pai.ModelRequestRejectedError
    )
    # Subclasses stand before their bases: the first match speaks.
    table: tuple[tuple[bool | type[BaseException], str, ExitCode], ...] = (
        (forbidden, f"{provider} does not permit this{status}: {_line(error)}", ExitCode.CONFIG),
        (pai.ModelAuthenticationError, f"{provider} refused the key: set a valid {key}.", ExitCode.CONFIG),
        (
            pai.ModelNotFoundError,
            f"{provider} does not know the model {model!r}: choose another with --model or LRA_MODEL,"
            " or check the base URL.",
            ExitCode.CONFIG,
        ),
        (
            pai.ModelQuotaExceededError,
            f"{provider} says the account's quota or credit is used up.",
            ExitCode.UNAVAILABLE,
        ),
        (
            pai.ModelRateLimitError,
            f"{provider} limits the rate of requests: try again later.{wait}",
            ExitCode.TEMPORARY,
        ),
        (pai.ModelUnavailableError, f"{provider} is overloaded: try again later.", ExitCode.TEMPORARY),
        (
            pai.ModelContextWindowExceededError,
            f"The conversation no longer fits {model}'s context, even shortened:"
            " send less text, or start a new session.",
            ExitCode.FAILED,
        ),
        (pai.ModelTimeoutError, f"{provider} did not answer in time: try again.", ExitCode.TEMPORARY),
        (pai.ModelRequestTimeout, f"{provider} did not answer in time: try again.", ExitCode.TEMPORARY),
        (
            unreachable,
            f"{provider} cannot be reached{_at_host(error)}: check the network and the base URL.",
            ExitCode.UNAVAILABLE,
        ),
        (
            connection is not None and not received,
            f"{provider} closed the connection without an answer: try again.",
            ExitCode.TEMPORARY,
        ),
        (
            pai.ModelConnectionError,
            f"The connection to {provider} broke before the answer was complete; what arrived is kept.",
            ExitCode.TEMPORARY,
        ),
        (pai.ModelServerError, f"{provider}'s server failed{status}: try again later.", ExitCode.UNAVAILABLE),
        (unreadable, f"{provider} gave an answer that makes no sense: {_line(error)}", ExitCode.UNAVAILABLE),
        (pai.ModelAPIError, f"{provider} rejected the request{status}: {_line(error)}", ExitCode.FAILED),
        (
            isinstance(error, pai.UnexpectedModelBehavior) and "before any response was generated" in str(error),
            f"{provider} reached its output limit before the first word of an answer:"
            " ask for less at once, or choose another model.",
            ExitCode.UNAVAILABLE,
        ),
        (
            isinstance(error, pai.UnexpectedModelBehavior) and "Exceeded maximum output retries" in str(error),
            f"{provider} gave no answer, or none that can be used, several times: ask again, or choose another model.",
            ExitCode.UNAVAILABLE,
        ),
        (
            pai.UnexpectedModelBehavior,
            f"{provider} gave an answer that makes no sense: {_line(error)}",
            ExitCode.UNAVAILABLE,
        ),
        (pai.UserError, f"{model} cannot be used like this: {_line(error)}", ExitCode.CONFIG),
    )
    for condition, sentence, code in table:
        if condition is True or (isinstance(condition, type) and isinstance(error, condition)):
            return sentence, code
    return f"The turn failed by a defect ({type(error).__name__}: {_line(error)}).", ExitCode.FAILED


def _limit(text: str) -> str:
    """Name the limit that Pydantic AI speaks of as the person knows it."""
    found = re.search(r"\b(request|tool_calls|tokens)_limit of (\d+)", text.replace("total_tokens", "tokens"))
    match found.groups() if found else None:
        case "request", number:
            return (
                f"This turn has reached its limit of {_count(number, 'model request')}."
                " Raise LRA_MAX_REQUESTS to let a turn go on longer; everything so far is kept."
            )
        case "tool_calls", number:
            return (
                f"This turn has reached its limit of {_count(number, 'tool call')}."
                " Raise LRA_MAX_TOOL_CALLS to let a turn go on longer; everything so far is kept."
            )
        case "tokens", _:
            # The number is what was left for this turn.
            return "This session's limit of tokens is used up. Raise LRA_MAX_SESSION_TOKENS, or start a new session."
    return f"A limit of this turn was reached: {text.partition('. ')[0].rstrip('.')}."


def _count(number: str, what: str) -> str:
    return f"{number} {what}{'' if number == '1' else 's'}"


def _at_host(error: BaseException) -> str:
    """Return the host that was tried, from whichever exception below knows the request."""
    below: BaseException | None = error
    while below is not None:
        with suppress(Exception):
            url = below.request.url  # type: ignore[attr-defined]
            return f" at {url.host}:{url.port}" if url.port else f" at {url.host}"
        below = below.__cause__ or below.__context__
    return ""


def is_transient(error: Exception) -> bool:
    """Tell whether sending the same request again may help."""
    if isinstance(error, pai.ModelQuotaExceededError):
        return False
    return isinstance(
        error,
        pai.ModelRateLimitError | pai.ModelUnavailableError | pai.ModelServerError | pai.ModelConnectionError,
    )


def backoff(error: Exception, attempt: int) -> float | None:
    """Return the seconds to wait before attempt `attempt + 1`, or None when waiting is out of proportion.

    The provider's own `Retry-After` wins; without one the wait doubles from one second.
    """
    asked = error.retry_after if isinstance(error, pai.ModelAPIError) else None
    seconds = asked if asked is not None else float(2 ** (attempt - 1))
    return seconds if seconds <= LONGEST_WAIT else None


def _line(error: BaseException) -> str:
    text = " ".join((_message(error) or str(error)).split())
    return text[:300] + "…" if len(text) > 300 else text


def _message(error: BaseException) -> str | None:
    """Return the provider's own sentence, which most of them put at `message` or `error.message`."""
    body = error.body if isinstance(error, pai.ModelHTTPError) else None
    if isinstance(body, dict):
        inner = body.get("error")
        found = inner.get("message") if isinstance(inner, dict) else body.get("message")
        return found if isinstance(found, str) else None
    return None
