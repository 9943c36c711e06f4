"""Anthropic's client library: connecting, and what comes back as plain values and sentences."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lra.config import load_settings
from lra.config.providers import provider_factory
from lra.errors import BusyError, ConfigError, LraError, NotFoundError, UnavailableError, UsageError
from lra.managed.models import with_access
from lra.managed.wire import WireEvent

if TYPE_CHECKING:
    from anthropic import APIStatusError, AsyncAnthropic


def connect(key: str | None, url: str | None, timeout: float) -> AsyncAnthropic:
    """Return a client; a key is never sent to an address that a folder's file names, unless it stands there too.

    Args:
        key: The key; None for that of the settings.
        url: The address; None for that of the settings.
        timeout: Seconds to wait for an answer.

    Raises:
        ConfigError: There is no key.
    """
    from anthropic import AsyncAnthropic
    from pydantic_ai.exceptions import UserError

    settings = with_access(load_settings(), "anthropic:any", key, url)
    try:
        found: Any = provider_factory(settings)("anthropic")
    except UserError as error:
        raise ConfigError(
            "There is no key for Anthropic.",
            hint="Set ANTHROPIC_API_KEY, or use provider='local' for any model or none.",
        ) from error
    client = found.client
    return AsyncAnthropic(api_key=client.api_key, base_url=str(client.base_url), timeout=timeout)


async def session_events(
    client: AsyncAnthropic, session_id: str, since: str | None, seen: set[str]
) -> AsyncGenerator[WireEvent, None]:
    """Yield events from one on: those there are, and those that come; a connection that breaks ends it.

    Args:
        client: The client.
        session_id: Of which session.
        since: The first event that was not told; None for those that come alone.
        seen: Ids of what was told, which is not told again.

    Raises:
        LraError: The service refuses it, or cannot be reached.
    """
    import httpx2
    from anthropic import APIConnectionError, APIStatusError

    with telling():
        live = await client.beta.sessions.events.stream(session_id)
    try:
        # What happened before the stream was open it does not tell.
        for event in [] if since is None else await _missed(client, session_id, since):
            if event["id"] not in seen:
                seen.add(event["id"])
                yield event
        async for each in live:
            event = as_dict(each)
            if event.get("id") not in seen:
                seen.add(str(event.get("id")))
                yield event
    except APIStatusError as error:
        raise _refusal(error) from error
    except (APIConnectionError, httpx2.HTTPError):
        return
    finally:
        await live.close()


async def _missed(client: AsyncAnthropic, session_id: str, since: str) -> list[WireEvent]:
    found: list[WireEvent] = []
    with telling():
        async for each in client.beta.sessions.events.list(session_id, order="desc"):
            found.append(as_dict(each))
            if found[-1]["id"] == since:
                break
    return found[::-1]


def is_over(event: WireEvent) -> bool:
    """Tell whether a turn has ended with an event."""
    if event["type"] == "session.status_idle":
        return bool((event.get("stop_reason") or {}).get("type") != "requires_action")
    return event["type"] in {"session.status_terminated", "session.deleted"}


def as_dict(model: Any) -> dict[str, Any]:
    """Return what the library returned as plain values."""
    # What is newer than the client library is passed on as it came.
    plain: dict[str, Any] = model.model_dump(mode="json", exclude_none=True, warnings=False)
    return plain


async def listed(pages: Any, archived: bool | None, limit: int | None) -> list[dict[str, Any]]:
    """Return what is on the pages of a list.

    Args:
        pages: The pages.
        archived: Only what is archived, or only what is not; None for all.
        limit: How many at most.
    """
    found: list[dict[str, Any]] = []
    async for each in pages:
        if limit is not None and len(found) >= limit:
            break
        one = as_dict(each)
        if archived is None or bool(one.get("archived_at")) is archived:
            found.append(one)
    return found


@contextmanager
def telling() -> Iterator[None]:
    """Say in a sentence what the service refuses."""
    from anthropic import APIConnectionError, APIStatusError, APITimeoutError

    try:
        yield
    except APIStatusError as error:
        raise _refusal(error) from error
    except APITimeoutError as error:
        raise UnavailableError("The service did not answer in time.") from error
    except APIConnectionError as error:
        raise UnavailableError("The service cannot be reached.", hint="Check ANTHROPIC_BASE_URL.") from error


def _refusal(error: APIStatusError) -> LraError:
    kinds: dict[int, type[LraError]] = {401: ConfigError, 403: ConfigError, 404: NotFoundError, 429: BusyError}
    body = error.body if isinstance(error.body, dict) else {}
    said = str((body.get("error") or {}).get("message") or error.message).rstrip(".")
    status = error.status_code
    kind = kinds.get(status) or (UnavailableError if status >= 500 else UsageError)
    return kind(f"The service refused it ({status}): {said}.")
