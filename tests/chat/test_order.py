"""What stands above a question, and what its waiting costs."""

from __future__ import annotations

import re
import sys
import time

from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, call, say

PROGRAM = [sys.executable, "-m", "tests.chat.consenting", "chat"]


def test_what_led_to_a_question_stands_above_it_whole(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    chat = start(argv=PROGRAM, **model_env)
    chat.prompt()
    model_server.script(say("Let me write that file now.", call("write_file", path="a.txt")), say("Done."))
    chat.send("write it\r")
    chat.wait("Allow it?")
    assert "Let me write that file now.\n? write_file" in chat.text
    time.sleep(1.5)
    chat.send("n, not there\r")
    chat.wait("Done.")
    chat.prompt()
    # Said once, below what led to it; and the time the person took is nobody else's.
    assert chat.text.count("not there") == 2
    assert re.search(
        r"Let me write that file now\.\n✗ refused write_file: not there\n⚙ write_file\(.*\) → refused: not there\nDone",
        chat.text,
    )
    assert re.search(r"\n  [01]\.\d s · ", chat.text)
