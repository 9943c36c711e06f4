"""OpenAI's error bodies, which its two APIs share."""

from __future__ import annotations

from typing import Any

from .script import Fault
from .wire import Refusal

KEYS_PAGE = "https://platform.openai.com/account/api-keys"
CODES_PAGE = "https://platform.openai.com/docs/guides/error-codes/api-errors"
LIMITS_PAGE = "https://platform.openai.com/account/rate-limits"
OVERLOADED: dict[str, Any] = {
    "message": "Our servers are currently overloaded. Please try again later.",
    "type": "service_unavailable_error",
    "param": None,
    "code": "server_is_overloaded",
}
CHAT_OVERFLOW = (
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 131072 tokens. "
    "Please reduce the length of the messages."
)


def invalid(message: str, param: str | None, code: str | None = None) -> Refusal:
    """A 400 for a request that makes no sense."""
    return _refusal(400, message, "invalid_request_error", param=param, code=code)


def refuse(fault: Fault, model: str, *, overflow: Refusal) -> Refusal:
    """The answer to a scripted fault; how an overflow is worded depends on the API."""
    wait = fault.retry_after
    known = {
        "auth": _refusal(
            401,
            f"Incorrect API key provided: test-key. You can find your API key at {KEYS_PAGE}.",
            "invalid_request_error",
            code="invalid_api_key",
        ),
        "permission": _refusal(
            403,
            "Country, region, or territory not supported",
            "request_forbidden",
            code="unsupported_country_region_territory",
        ),
        "model_not_found": _refusal(
            404,
            f"The model `{model}` does not exist or you do not have access to it.",
            "invalid_request_error",
            code="model_not_found",
        ),
        "rate_limit": _refusal(
            429,
            f"Rate limit reached for {model} in organization org-test on tokens per min (TPM): Limit 30000, "
            f"Used 29000, Requested 2000. Please try again in {wait or 1:g}s. Visit {LIMITS_PAGE} to learn "
            "more.",
            "tokens",
            code="rate_limit_exceeded",
        ),
        "quota": _refusal(
            429,
            "You exceeded your current quota, please check your plan and billing details. For more "
            f"information on this error, read the docs: {CODES_PAGE}.",
            "insufficient_quota",
            code="insufficient_quota",
        ),
        "context_length": overflow,
        "bad_request": invalid("We could not parse the JSON body of your request.", None),
        "server_error": _refusal(
            500, "The server had an error while processing your request. Sorry about that!", "server_error"
        ),
        "unavailable": _refusal(503, "Service temporarily unavailable.", "service_unavailable_error"),
        "overloaded": Refusal(503, {"error": dict(OVERLOADED)}),
    }[fault.kind]
    if fault.message is not None:
        known.body["error"]["message"] = fault.message
    headers = {} if wait is None else {"retry-after": f"{wait:g}"}
    return Refusal(known.status, known.body, headers)


def _refusal(status: int, message: str, kind: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    error: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": code}
    return Refusal(status, {"error": error})
