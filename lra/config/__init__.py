"""Settings: what they are, where they come from, and which folders may set them.

`from lra.config import SANDBOX_URL` and its siblings read the current settings at each import of the name.
"""

from __future__ import annotations

from lra.config.settings import PROVIDER_KEYS, PROVIDER_URLS, SECRETS, Approval, Settings, Source, Value
from lra.config.sources import KNOWN_NAMES, config_dir, load_settings
from lra.config.trust import is_trusted, trust

__all__ = [
    "KNOWN_NAMES",
    "PROVIDER_KEYS",
    "PROVIDER_URLS",
    "SECRETS",
    "Approval",
    "Settings",
    "Source",
    "Value",
    "config_dir",
    "is_trusted",
    "load_settings",
    "trust",
]

_ATTRIBUTES = {
    "LRA_HOME": "home",
    "LRA_MODEL": "model",
    "LRA_EMBEDDING": "embedding",
    "LRA_APPROVAL": "approval",
    "DATABASE_URL": "database_url",
    "VECTOR_STORE_PATH": "vector_store_path",
    "SANDBOX_URL": "sandbox_url",
}


def __getattr__(name: str) -> object:
    if name in _ATTRIBUTES:
        value = getattr(load_settings(), _ATTRIBUTES[name])
        return str(value) if value is not None else None
    if name in KNOWN_NAMES:
        return load_settings().get(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
