"""`lra config`: every setting, and where it came from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lra.cli import notices, output
from lra.cli.options import HELP, Json
from lra.cli.work import settings as read_settings

if TYPE_CHECKING:
    from lra.config import Settings

app = typer.Typer(add_completion=False, context_settings=HELP)

_LONG = 20
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


@app.command("config")
def config(
    every: Annotated[bool, typer.Option("--all", help="Also the providers that are not set up.")] = False,
    as_json: Json = False,
) -> None:
    """Show every setting and where it came from; secrets are not shown."""
    from lra.config import config_dir

    settings = read_settings()
    shapes = describe(settings)
    if as_json:
        output.write_json(shapes)
        return
    shown = [shape for shape in shapes if every or shape["source"] != "default" or not shape["provider"]]
    rows = [(shape["name"], shape["value"] if shape["value"] is not None else "-", shape["source"]) for shape in shown]
    output.write_table(("NAME", "VALUE", "FROM"), rows, wide="VALUE")
    word = "trusted" if settings.trusted else "not trusted (`lra init` changes that)"
    files = ((settings.folder / ".env", f" ({word})"), (config_dir() / ".env", ""))
    read = [f"{path}{remark if path.exists() else ' (not there)'}" for path, remark in files]
    notices.say(f"Read from the environment, {read[0]} and {read[1]}.")


def describe(settings: Settings) -> list[dict[str, Any]]:
    """Return every known setting: name, value (secrets masked), source, and whether it belongs to a provider."""
    from lra.config import KNOWN_NAMES, SECRETS

    shapes = []
    for name in sorted(KNOWN_NAMES, key=lambda name: (_attribute(settings, name) is None, name)):
        attribute = _attribute(settings, name)
        raw = settings.raw.get(name)
        value = getattr(settings, attribute) if attribute else settings.get(name)
        if isinstance(value, bool):
            value = "on" if value else "off"
        text = None if value is None else str(value)
        if text is not None:
            text = mask(text) if name in SECRETS else _PASSWORD.sub("…@", text)
        source = str(raw.source) if raw else "default"
        shapes.append({"name": name, "value": text, "source": source, "provider": attribute is None})
    return shapes


def mask(secret: str) -> str:
    """Return what may be shown of a secret: that it is set, and the end of a long one."""
    return f"set (…{secret[-4:]})" if len(secret) >= _LONG else "set"


def _attribute(settings: Settings, name: str) -> str | None:
    """Return the field of the settings that holds a variable, None for those of providers."""
    field = name.lower().removeprefix("lra_")
    return field if hasattr(settings, field) else None
