"""Values as MIME bundles: what a notebook would show."""

from __future__ import annotations

import base64
import json
from typing import Any

MOST_TEXT = 200_000
MOST_BYTES = 6_000_000
_METHODS = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "text/latex": "_repr_latex_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
    "application/json": "_repr_json_",
}


def bundle(value: object) -> dict[str, Any]:
    """Return a value by MIME type; bytes in base64.

    Args:
        value: Anything.
    """
    found: dict[str, Any] = {"text/plain": _plain(value)}
    given = _call(value, "_repr_mimebundle_")
    if isinstance(given, tuple) and given:
        given = given[0]
    if isinstance(given, dict):
        for mime, data in given.items():
            _put(found, mime, data)
    for mime, method in _METHODS.items():
        if mime not in found:
            data = _call(value, method)
            # Some return their metadata beside the data.
            _put(found, mime, data[0] if isinstance(data, tuple) and data else data)
    return found


def _plain(value: object) -> str:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
    if len(text) > MOST_TEXT:
        half = MOST_TEXT // 2
        text = f"{text[:half]}\n… {len(text) - MOST_TEXT:,} characters cut …\n{text[-half:]}"
    return text


def _call(value: object, name: str) -> Any:
    # A class has the methods of its instances, but is not one; and some objects answer to every name.
    if isinstance(value, type) or not callable(getattr(type(value), name, None)):
        return None
    try:
        return getattr(value, name)()
    except Exception:
        return None


def _put(found: dict[str, Any], mime: object, data: Any) -> None:
    if not isinstance(mime, str) or data is None:
        return
    if isinstance(data, (bytes, bytearray)):
        data = base64.b64encode(data).decode("ascii")
    if mime == "application/json" or mime.endswith("+json"):
        try:
            if len(json.dumps(data)) > MOST_BYTES:
                return
        except (TypeError, ValueError, RecursionError):
            return
    elif not isinstance(data, str) or len(data) > MOST_BYTES:
        return
    found[mime] = data.encode("utf-8", "replace").decode("utf-8") if isinstance(data, str) else data
