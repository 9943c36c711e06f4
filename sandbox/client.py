"""Talking to a sandbox service."""

from __future__ import annotations

from dataclasses import dataclass

SERVICE = "lra-sandbox"
"""What `/health` calls itself; many programs listen on port 8000."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found at a URL."""

    reachable: bool
    is_sandbox: bool
    detail: str
    """One sentence for the person."""
    refused: bool = False
    """Whether the service does not take the key, or asks for one."""


def probe(url: str, api_key: str | None = None, timeout: float = 1.0) -> Probe:
    """Ask a URL whether it is a sandbox service, and whether it takes the key.

    The key is sent only after the service has identified itself.

    Args:
        url: Where the service is expected.
        api_key: Bearer key, tried once the service is known.
        timeout: Seconds to wait for each answer.
    """
    import httpx

    base = url.rstrip("/")
    try:
        with httpx.Client(timeout=timeout, follow_redirects=False) as client:
            answer = client.get(f"{base}/health")
            if not _identifies(answer):
                return Probe(True, False, f"{base} answers, but is not a sandbox service.")
            headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
            if client.get(f"{base}/sandboxes", headers=headers).status_code in {401, 403}:
                what = "refuses the key" if api_key else "asks for a key"
                return Probe(True, True, f"The sandbox service at {base} {what}.", refused=True)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        return Probe(False, False, f"Nothing answers at {base} ({type(error).__name__}).")
    return Probe(True, True, f"The sandbox service answers at {base}.")


def _identifies(answer: object) -> bool:
    import httpx

    if not isinstance(answer, httpx.Response) or answer.status_code != 200:
        return False
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get("service") == SERVICE
