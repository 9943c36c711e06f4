"""What the model is told of a run in the sandbox."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

from sandbox.client import Event

_MOST_SHOWN = 20_000
"""Characters of each stream that go to the model."""
_PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg"}
_MOST_PICTURES = 20


class Answer:
    """Gathers the events of a run."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {"stdout": "", "stderr": ""}
        self._cut: dict[str, int] = {"stdout": 0, "stderr": 0}
        self._shown: list[str] = []
        self.images: list[tuple[str, bytes]] = []
        """Pictures that were shown: what their files end in, and what they hold."""
        self._done: Event = {}

    def take(self, event: Event) -> None:
        """Take an event.

        Args:
            event: What happened.
        """
        kind = event["event"]
        if kind in self._texts:
            # The beginning and the end say most.
            text = self._texts[kind] + event["text"]
            over = len(text) - _MOST_SHOWN
            if over > 0:
                half = _MOST_SHOWN // 2
                text = text[:half] + text[half + over :]
                self._cut[kind] += over
            self._texts[kind] = text
        elif kind in {"display", "result"}:
            self._picture(event["data"])
            self._shown.append(str(event["data"].get("text/plain", ""))[:_MOST_SHOWN])
        elif kind == "done":
            self._done = event

    def result(self) -> dict[str, Any]:
        """Return what the tool answers."""
        done = self._done
        answer: dict[str, Any] = {"success": done.get("status") == "ok"}
        for name, text in self._texts.items():
            half = _MOST_SHOWN // 2
            gap = f"\n… {self._cut[name]:,} characters cut …\n" if self._cut[name] else ""
            if text:
                answer[name] = text[:half] + gap + text[half:]
        if self._shown:
            answer["result"] = "\n".join(self._shown)
        if done.get("exit"):
            answer["exit"] = done["exit"]
        if done.get("traceback") or done.get("message"):
            answer["error"] = str(done.get("traceback") or done.get("message"))
        if done.get("status") in {"timeout", "interrupted"}:
            how = "ran too long" if done["status"] == "timeout" else "was interrupted"
            kept = "names are kept" if done.get("state") else "the kernel was restarted and all names are lost"
            answer["error"] = f"The code {how} and was stopped; {kept}."
        if (done.get("cut") or {}).get("file"):
            answer["whole_output"] = done["cut"]["file"]
        return answer

    def _picture(self, data: dict[str, Any]) -> None:
        for name, ending in _PICTURES.items():
            if name in data and len(self.images) < _MOST_PICTURES:
                text = str(data[name])
                with suppress(ValueError):
                    picture = text.encode() if ending == "svg" else base64.b64decode(text, validate=True)
                    self.images.append((ending, picture))
                return
