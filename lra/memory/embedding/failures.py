"""What a provider's error means for the person, in one sentence.

The text of such an error may hold parts of a key and is not repeated.
"""

from __future__ import annotations

from lra.config.settings import PROVIDER_KEYS
from lra.errors import BusyError, ConfigError, LraError, UnavailableError


def setup_failure(name: str, error: Exception) -> ConfigError:
    """Explain why an embedder cannot even be set up.

    Args:
        name: The Pydantic AI name of the embedder.
        error: What Pydantic AI raised while building it.

    Returns:
        The error to raise.
    """
    keys = _keys(name)
    if keys and "API_KEY" in str(error):
        return ConfigError(f"The embedder {name} needs a key.", hint=f"Set {keys}, or LRA_EMBEDDING=minilm.")
    reason = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
    return ConfigError(f"The embedder {name} cannot be used: {reason}.", hint="Check LRA_EMBEDDING.")


def request_failure(name: str, error: Exception) -> LraError:
    """Explain why a request for vectors failed.

    Args:
        name: The Pydantic AI name of the embedder.
        error: What Pydantic AI raised.

    Returns:
        The error to raise: ConfigError when a setting must change, BusyError when waiting helps, else
        UnavailableError.
    """
    from pydantic_ai import exceptions as ai

    status = f" ({error.status_code})" if isinstance(error, ai.ModelHTTPError) else ""
    match error:
        case ai.ModelAuthenticationError():
            return ConfigError(
                f"The embedder {name} refused the key{status}.",
                hint=f"Check {_keys(name) or 'it'}; a key from the environment is not sent to a URL from a .env file.",
            )
        case ai.ModelNotFoundError():
            return ConfigError(f"The embedder {name} does not exist there{status}.", hint="Check LRA_EMBEDDING.")
        case ai.ModelRequestRejectedError():
            return ConfigError(f"The embedder {name} rejects the request{status}.", hint="Check LRA_EMBEDDING.")
        case ai.UserError():
            return setup_failure(name, error)
        case ai.ModelRateLimitError():
            return BusyError(f"The embedder {name} asks to wait{status}.")
        case ai.ModelQuotaExceededError():
            return UnavailableError(f"The quota for the embedder {name} is used up{status}.")
        case ai.AgentRunError():
            return UnavailableError(f"The embedder {name} cannot be reached or used now{status}.")
    return UnavailableError(f"The embedder {name} did not answer with vectors ({type(error).__name__}).")


def _keys(name: str) -> str:
    return " or ".join(PROVIDER_KEYS.get(name.partition(":")[0], ()))
