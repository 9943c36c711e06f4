"""Collecting settings from flags, the environment, `.env` files and defaults."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from lra.config.dotenv import read_dotenv
from lra.config.settings import ALL_PROVIDER_KEYS, PROVIDER_URLS, Approval, Settings, Source, Value
from lra.config.trust import is_trusted
from lra.errors import ConfigError

EMBEDDING_URL = (
    "https://chroma-onnx-models.s3.amazonaws.com/all-MiniLM-L6-v2/onnx.tar.gz"
    # Published in Chroma's own source (chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2).
    "#sha256=913d7300ceae3b2dbc2c50d1de4baacab4be7b9380491c27fab7418616a16ec3"
)
SANDBOX_URL = "http://localhost:8000"

_OWN_NAMES = frozenset(
    {
        "LRA_MODEL",
        "LRA_FALLBACK_MODEL",
        "LRA_HOME",
        "DATABASE_URL",
        "VECTOR_STORE_PATH",
        "LRA_EMBEDDING",
        "LRA_EMBEDDING_URL",
        "SANDBOX_URL",
        "SANDBOX_API_KEY",
        "LRA_SEARCH_URL",
        "LRA_APPROVAL",
        "LRA_LOCAL_ONLY_PROVIDERS",
        "LRA_EXTRACT",
        "LOGFIRE_TOKEN",
        "LRA_MAX_COST",
        "LRA_MAX_REQUESTS",
        "LRA_MAX_TOOL_CALLS",
        "LRA_MAX_SESSION_TOKENS",
    }
)
KNOWN_NAMES: frozenset[str] = _OWN_NAMES | ALL_PROVIDER_KEYS | frozenset(PROVIDER_URLS.values())
# A cloned folder may bring a key and a model; whatever redirects, stores or executes waits for the person's yes.
_UNTRUSTED_NAMES: frozenset[str] = ALL_PROVIDER_KEYS | {"LRA_MODEL"}


def config_dir() -> Path:
    """Return the folder of the person's own configuration (created by whoever writes to it)."""
    import platformdirs

    return Path(platformdirs.user_config_path("lra", appauthor=False))


def default_home() -> Path:
    """Return the default data folder of the platform."""
    import platformdirs

    return Path(platformdirs.user_data_path("lra", appauthor=False))


def load_settings(
    folder: Path | None = None,
    *,
    flags: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read and check every setting; nothing is created and nothing global changes.

    Args:
        folder: Working directory; the current one by default.
        flags: Values given on the command line, by variable name; None entries are skipped.
        environ: Environment to read; `os.environ` by default.

    Returns:
        The resolved settings.

    Raises:
        ConfigError: A value is wrong; the message names the value, its source and the mend.
    """
    folder = (folder or Path.cwd()).resolve()
    environ = os.environ if environ is None else environ
    user_dir = config_dir()
    trusted = is_trusted(folder, user_dir)

    raw: dict[str, Value] = {}
    notices: list[str] = []
    raw.update(_known(read_dotenv(user_dir / ".env", "user dotenv")))
    raw.update(_folder_dotenv(folder / ".env", trusted, notices))
    for name in KNOWN_NAMES:
        if text := environ.get(name):
            raw[name] = Value(text, Source("environment"))
    for name, text in (flags or {}).items():
        if text is not None:
            raw[name] = Value(text, Source("flag"))
    # An empty assignment, as in a template, means "not set".
    raw = {name: value for name, value in raw.items() if value.text.strip()}
    return _resolve(folder, trusted, raw, notices)


def _known(values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name in KNOWN_NAMES}


def _folder_dotenv(path: Path, trusted: bool, notices: list[str]) -> dict[str, Value]:
    try:
        values = _known(read_dotenv(path, "dotenv"))
    except ConfigError as error:
        if trusted:
            raise
        notices.append(f"Ignored, since this folder is not trusted: {error}")
        return {}
    if trusted:
        return values
    kept = {name: value for name, value in values.items() if name in _UNTRUSTED_NAMES}
    ignored = sorted(name for name in set(values) - set(kept) if values[name].text.strip())
    if ignored:
        notices.append(f"{path} also sets {', '.join(ignored)}: ignored until you trust this folder (run `lra init`).")
    return kept


def _resolve(folder: Path, trusted: bool, raw: dict[str, Value], notices: list[str]) -> Settings:
    def text(name: str) -> str | None:
        return raw[name].text.strip() if name in raw else None

    home = _path(raw, "LRA_HOME", folder) or default_home()
    for name in PROVIDER_URLS.values():
        # Checked only: a provider is given the text as it was written.
        _http_url(raw, name)
    return Settings(
        home=home,
        folder=folder,
        trusted=trusted,
        model=text("LRA_MODEL"),
        fallback_model=text("LRA_FALLBACK_MODEL"),
        database_url=_database_url(raw, folder) or f"sqlite+aiosqlite:///{home / 'agent_memory.db'}",
        vector_store_path=_path(raw, "VECTOR_STORE_PATH", folder) or home / "chroma_db",
        embedding=_embedding(raw, folder) or "minilm",
        embedding_url=_http_url(raw, "LRA_EMBEDDING_URL") or EMBEDDING_URL,
        sandbox_url=_http_url(raw, "SANDBOX_URL") or SANDBOX_URL,
        sandbox_api_key=text("SANDBOX_API_KEY"),
        search_url=_http_url(raw, "LRA_SEARCH_URL"),
        approval=_approval(raw),
        logfire_token=text("LOGFIRE_TOKEN"),
        max_cost=_positive(raw, "LRA_MAX_COST"),
        max_requests=_count(raw, "LRA_MAX_REQUESTS") or 50,
        max_tool_calls=_count(raw, "LRA_MAX_TOOL_CALLS") or 200,
        max_session_tokens=_count(raw, "LRA_MAX_SESSION_TOKENS"),
        extract=_switch(raw, "LRA_EXTRACT"),
        raw=raw,
        notices=tuple(notices),
    )


def _wrong(name: str, value: Value, what: str) -> ConfigError:
    return ConfigError(f"{name} from {value.source} is {value.text!r}: {what}.")


def _path(raw: Mapping[str, Value], name: str, folder: Path) -> Path | None:
    value = raw.get(name)
    if value is None:
        return None
    if "\0" in value.text:
        raise _wrong(name, value, "a path cannot hold a NUL character")
    return (folder / Path(value.text.strip()).expanduser()).absolute()


def _database_url(raw: Mapping[str, Value], folder: Path) -> str | None:
    value = raw.get("DATABASE_URL")
    if value is None:
        return None
    url = value.text.strip()
    scheme, found, rest = url.partition("://")
    if not found:
        raise _wrong("DATABASE_URL", value, "it must be a URL such as sqlite+aiosqlite:///./data/agent_memory.db")
    if scheme != "sqlite+aiosqlite":
        hint = "write sqlite+aiosqlite:///" if scheme == "sqlite" else "only sqlite+aiosqlite:/// works so far"
        # The rest of a server's URL may hold a password.
        shown = Value(f"{scheme}://…", value.source)
        raise _wrong("DATABASE_URL", shown, hint)
    if not rest.startswith("/") or rest in {"/", "/:memory:"} or "?" in rest:
        raise _wrong("DATABASE_URL", value, "it must name a database file, as in sqlite+aiosqlite:///./data/lra.db")
    return f"{scheme}:///{(folder / Path(rest[1:]).expanduser()).absolute()}"


def _http_url(raw: Mapping[str, Value], name: str) -> str | None:
    value = raw.get(name)
    if value is None:
        return None
    url = value.text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port > 0
    except ValueError as error:
        raise _wrong(name, _without_password(value), f"not a URL ({error})") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_ok:
        raise _wrong(name, _without_password(value), "it must be an http:// or https:// URL")
    return url


def _embedding(raw: Mapping[str, Value], folder: Path) -> str | None:
    """Refuse what cannot be an embedder; whether the folder or the provider is of use is for the embedder to say."""
    value = raw.get("LRA_EMBEDDING")
    if value is None:
        return None
    text = value.text.strip()
    if text.lower() in {"minilm", "none"} or ":" in text:
        return text
    path = _path(raw, "LRA_EMBEDDING", folder)
    assert path is not None
    if not path.is_dir():
        what = "it must be minilm, none, the folder of an ONNX model, or provider:model such as "
        missing = ""
        if "/" in text or os.sep in text or text.startswith((".", "~")):
            missing = f"{path} {'is no folder' if path.exists() else 'does not exist'}; "
        raise _wrong("LRA_EMBEDDING", value, f"{missing}{what}openai:text-embedding-3-small")
    return text


def _without_password(value: Value) -> Value:
    return Value(re.sub(r"//.*@", "//…@", value.text, flags=re.DOTALL), value.source)


def _approval(raw: Mapping[str, Value]) -> Approval:
    value = raw.get("LRA_APPROVAL")
    match value.text.strip().lower() if value else "ask":
        case "ask":
            return "ask"
        case "auto":
            return "auto"
        case "deny":
            return "deny"
    assert value is not None
    raise _wrong("LRA_APPROVAL", value, "it must be ask, auto or deny")


def _switch(raw: Mapping[str, Value], name: str) -> bool:
    value = raw.get(name)
    match value.text.strip().lower() if value else "off":
        case "on" | "1" | "true" | "yes":
            return True
        case "off" | "0" | "false" | "no":
            return False
    assert value is not None
    raise _wrong(name, value, "it must be on or off")


def _positive(raw: Mapping[str, Value], name: str) -> float | None:
    value = raw.get(name)
    if value is None:
        return None
    try:
        number = float(value.text)
    except ValueError:
        number = float("nan")
    if not 0 < number < float("inf"):
        raise _wrong(name, value, "it must be a number above 0")
    return number


def _count(raw: Mapping[str, Value], name: str) -> int | None:
    value = raw.get(name)
    if value is None:
        return None
    if not value.text.strip().isdecimal() or int(value.text) < 1:
        raise _wrong(name, value, "it must be a whole number above 0")
    return int(value.text)
