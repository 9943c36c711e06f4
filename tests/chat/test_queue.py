"""The prompt while a turn runs: the draft stays, messages queue, and nothing starts after a stop by itself."""

from __future__ import annotations

import asyncio
import re
import sys

import pytest

from lra.chat.queue import Message, Pending
from tests.chat.conftest import Start
from tests.support.model_server import Fault, ModelServer, Step, call, say
from tests.support.terminal import Terminal


@pytest.fixture
def chat(start: Start, model_env: dict[str, str]) -> Terminal:
    terminal = start(**model_env)
    terminal.prompt()
    return terminal


def sent(server: ModelServer) -> list[str]:
    return [str(message.text) for message in server.last_messages() if message.role == "user"]


def held(chat: Terminal, server: ModelServer) -> None:
    """Begin a turn that stays in the middle of its answer."""
    server.script(say("one two three", hold=2), say("Second answer."), say("Third answer."))
    chat.send("first\r")
    chat.wait("one two")


def test_what_is_entered_waits_its_turn_in_sight(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    chat.send("second question\r")
    chat.wait("… queued: second question")
    chat.send("third question\r")
    chat.wait("… queued: third question")
    chat.send("a draft")
    chat.wait(lambda it: it.line == "> a draft")
    assert len(model_server.requests) == 1
    model_server.release()
    chat.wait("Third answer.")
    chat.wait(lambda it: "queued" not in it.text)
    assert "> first\none two three\n" in chat.text
    assert "> second question\nSecond answer.\n" in chat.text
    assert "> third question\nThird answer.\n" in chat.text
    chat.wait(lambda it: it.line == "> a draft")
    model_server.script(default=say("Fourth answer."))
    chat.press("enter")
    chat.wait("> a draft\nFourth answer.\n")


def test_up_brings_the_last_one_back_for_editing(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    chat.send("second\r")
    chat.wait("queued: second")
    chat.press("up")
    chat.wait(lambda it: it.line == "> second")
    assert "queued" not in chat.text
    chat.send(" thoughts\r")
    chat.wait("queued: second thoughts")
    model_server.release()
    chat.wait("Second answer.")
    chat.prompt()
    assert sent(model_server)[-1].startswith("second thoughts")


def test_up_and_down_go_through_what_waits_and_each_keeps_its_place(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    for text in ("queue one", "queue two", "queue three"):
        chat.send(text + "\r")
        chat.wait(f"queued: {text}")
    chat.press("up")
    chat.wait(lambda it: it.line == "> queue three")
    chat.press("up")
    chat.wait(lambda it: it.line == "> queue two" and "queued: queue three" in it.text)
    chat.press("up", "up")
    chat.wait(lambda it: it.line == "> queue one" and "queued: queue two" in it.text)
    chat.press("down")
    chat.wait(lambda it: it.line == "> queue two")
    chat.send(" and a half\r")
    chat.wait("… queued: queue one\n… queued: queue two and a half\n… queued: queue three · Up edits")
    chat.press("up", "down")
    chat.wait(lambda it: it.line == "> Enter queues · Ctrl-S steers · Esc stops" and "queued: queue three" in it.text)
    # What is given up leaves no place for what comes next.
    chat.press("up", "up", "up")
    chat.press("ctrl-u")
    chat.send("something new\r")
    chat.wait("… queued: queue two and a half\n… queued: queue three\n… queued: something new · Up edits")


def test_a_draft_makes_room_for_what_waits_and_comes_back(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    for text in ("queue one", "queue two"):
        chat.send(text + "\r")
        chat.wait(f"queued: {text}")
    chat.send("my draft")
    chat.wait(lambda it: it.line == "> my draft")
    chat.press("up")
    chat.wait(lambda it: it.line == "> queue two" and "queued: queue two" not in it.text)
    chat.press("down")
    chat.wait(lambda it: it.line == "> my draft" and "queued: queue two" in it.text)
    chat.press("up", "up")
    chat.wait(lambda it: it.line == "> queue one")
    chat.send(" fixed\r")
    chat.wait("… queued: queue one fixed\n… queued: queue two · Up edits")
    chat.wait(lambda it: it.line == "> my draft")


@pytest.mark.parametrize("key", ["escape", "ctrl-c"])
def test_a_stop_comes_first_then_the_queue_then_the_draft(chat: Terminal, model_server: ModelServer, key: str) -> None:
    held(chat, model_server)
    chat.send("second\r")
    chat.wait("queued: second")
    chat.send("draft")
    chat.wait(lambda it: it.line == "> draft")
    chat.press(key)
    chat.wait("Stopped.", 3)
    chat.wait("… held: second · Enter sends, Esc drops")
    assert chat.line == "> draft"
    chat.press(key)
    chat.wait("Dropped 1 queued message", 3)
    assert chat.line == "> draft"
    chat.press(key)
    chat.wait(lambda it: it.line == ">", 3)
    assert len(model_server.requests) == 1
    # Nothing of it is lost.
    chat.press("up")
    chat.wait(lambda it: it.line == "> draft")
    chat.press("up")
    chat.wait(lambda it: it.line == "> second")


def test_enter_lets_what_was_held_go_on(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    chat.send("second\r")
    chat.wait("queued: second")
    chat.press("escape")
    chat.wait("held: second")
    chat.press("enter")
    chat.wait("> second\nSecond answer.")
    chat.prompt()


def test_what_is_held_stays_so_whatever_is_entered(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    for text in ("second", "third"):
        chat.send(text + "\r")
        chat.wait(f"queued: {text}")
    chat.press("escape")
    chat.wait("… held: second\n… held: third · Enter sends, Esc drops")
    # Neither a correction, nor a command, nor another conversation lets it go.
    chat.send("no, rather this\r")
    chat.wait("> no, rather this\nSecond answer.")
    chat.prompt()
    chat.send("/cost\r")
    chat.wait("model requests")
    chat.prompt()
    chat.send("/new\r")
    chat.wait("A new conversation.")
    chat.prompt()
    chat.wait("… held: second\n… held: third · Enter sends, Esc drops")
    assert len(model_server.requests) == 2
    # One that is taken back waits again behind the last, and one that is sent leaves the other.
    chat.press("up", "up")
    chat.wait(lambda it: it.line == "> second" and "held: third" in it.text)
    chat.press("down", "down")
    chat.wait(lambda it: it.line == ">")
    chat.wait("… held: second\n… held: third · Enter sends, Esc drops")
    chat.press("up")
    chat.wait(lambda it: it.line == "> third" and "held: third" not in it.text)
    chat.send("!\r")
    chat.wait("> third!\nThird answer.")
    chat.wait("… held: second · Enter sends, Esc drops")
    model_server.script(say("Fourth answer."))
    chat.press("enter")
    chat.wait("> second\n")
    chat.wait("Fourth answer.")


def test_ctrl_s_gives_the_text_to_the_running_turn(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("", call("build", lines=40)), say("Built as you said."))
    chat = start(argv=[sys.executable, "-m", "tests.chat.consenting", "chat"], **model_env)
    chat.prompt()
    chat.send("build it\r")
    chat.wait("step 3")
    chat.send("in red, please")
    chat.wait(lambda it: it.line == "> in red, please")
    chat.press("ctrl-s")
    chat.wait("» in red, please")
    chat.wait("Built as you said.")
    chat.prompt()
    assert len(model_server.requests) == 2
    assert sent(model_server)[-1].startswith("in red, please")
    # It stands where the model was given it.
    assert chat.text.index("⚙ build") < chat.text.index("> in red, please") < chat.text.index("Built as you said.")
    assert "»" not in chat.text


def test_ctrl_s_queues_what_the_turn_cannot_take(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(say("never", hold=0), say("Second answer."))
    chat.send("first\r")
    model_server.wait_held(timeout=20)
    chat.send("more")
    chat.press("ctrl-s")
    chat.wait(re.compile("(queued:|») more"))
    model_server.release()
    chat.wait("Second answer.")
    chat.prompt()
    assert chat.text.count("> more") == 1


def test_what_waits_is_held_when_a_turn_fails(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(Step(hold=0, fault=Fault("auth")), say("Second answer."))
    chat.send("first\r")
    model_server.wait_held(timeout=20)
    chat.send("second\r")
    chat.wait("queued: second")
    model_server.release()
    chat.wait("refused the key")
    chat.wait("held: second")
    assert len(model_server.requests) == 1
    chat.press("enter")
    chat.wait("Second answer.")


def test_an_unknown_command_is_told_at_once(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    chat.send("/sesions\r")
    chat.wait("did you mean /sessions?")
    assert "queued" not in chat.text
    chat.send("/cost\r")
    chat.wait("turns")
    assert chat.text.count("one two three") == 0
    model_server.release()
    chat.wait("one two three")
    chat.prompt()


def test_ctrl_d_in_a_turn_leaves_after_it(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    chat.press("ctrl-d")
    chat.wait("Leaving when this is done")
    model_server.release()
    assert chat.end() == 0
    assert "one two three" in chat.text
    assert chat.mode == chat.first_mode


def test_ctrl_d_twice_leaves_at_once(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    chat.send("never sent\r")
    chat.wait("queued: never sent")
    chat.press("ctrl-d")
    chat.wait("Leaving when this is done")
    chat.press("ctrl-d")
    assert chat.end(8) == 0
    assert "1 queued message not sent" in chat.text


async def test_messages_come_in_order_and_the_end_after_them() -> None:
    changes: list[int] = []
    pending = Pending(lambda: changes.append(1))
    waiting = asyncio.create_task(pending.next())
    await asyncio.sleep(0)
    pending.put(Message("one"))
    assert (await waiting).text == "one"
    pending.put(Message("two"))
    pending.end(EOFError())
    assert (await pending.next()).text == "two"
    with pytest.raises(EOFError):
        await pending.next()
    assert changes


async def test_what_is_held_waits_until_it_is_released() -> None:
    pending = Pending()
    pending.put(Message("one"))
    pending.hold()
    waiting = asyncio.create_task(pending.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    pending.release()
    assert (await waiting).text == "one"
    pending.hold()
    assert not pending.held, "nothing waits, so nothing is held"


def test_a_command_waits_for_the_one_before_it(start: Start) -> None:
    chat = start()
    # The first waits until memory is loaded; the second would find nothing beside it.
    chat.send("/remember My sister is called Ada\r")
    chat.wait(lambda it: "> /remember My sister is called Ada\n>" in it.text)
    chat.send("/forget Ada\r")
    chat.wait("for good?")
    assert "Nothing remembered fits" not in chat.text
    chat.send("y\r")
    chat.wait("Forgotten.")
    chat.prompt()


def test_commands_beside_a_turn_keep_their_order(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    # The first of each pair takes longer than the second.
    chat.send("/cost\r/keys vi\r/tools\r/keys emacs\r/cost\r/theme light\r")
    chat.wait("The theme is light from now on.")
    said = ["> /cost", "> /keys vi", "> /tools", "> /keys emacs", "> /cost", "> /theme light"]
    assert [line for line in chat.lines if line in said] == said
    answers = re.findall(r"model requests$|keys of vi|write_memory  |keys of emacs|theme is light", chat.text, re.M)
    assert [answer.strip() for answer in answers] == [
        "model requests", "keys of vi", "write_memory", "keys of emacs", "model requests", "theme is light",
    ]  # fmt: skip
    chat.press("ctrl-c")
    chat.wait("Stopped.")


def test_a_new_title_stands_below_at_once(chat: Terminal, model_server: ModelServer) -> None:
    held(chat, model_server)
    chat.send("/rename Garden plans\r")
    chat.wait("is now called “Garden plans”")
    chat.wait(lambda it: "· Garden plans ·" in it.lines[-1])
    chat.press("ctrl-c")
    chat.wait("Stopped.")


def test_ctrl_s_sends_where_nothing_runs_and_runs_a_command(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(say("First answer."))
    chat.send("a moment too late")
    chat.press("ctrl-s")
    chat.wait("> a moment too late\nFirst answer.")
    chat.prompt()
    held(chat, model_server)
    chat.send("/cost")
    chat.press("ctrl-s")
    chat.wait("with 1 model request")
    assert "»" not in chat.text


@pytest.mark.parametrize("key", ["escape", "ctrl-c"])
def test_a_stop_at_a_question_holds_what_waits(
    start: Start, model_server: ModelServer, model_env: dict[str, str], key: str
) -> None:
    asking = say("", call("write_file", path="a"))
    model_server.script(say("", call("build", lines=30)), asking, default=say("Never asked for."))
    chat = start(argv=[sys.executable, "-m", "tests.chat.consenting", "chat"], **model_env)
    chat.prompt()
    chat.send("build it\r")
    chat.wait("step 3")
    chat.send("second\r")
    chat.wait("queued: second")
    chat.wait("Allow it?")
    chat.press(key)
    chat.wait("held: second · Enter sends, Esc drops")
    assert len(model_server.requests) == 2


def test_up_goes_on_behind_a_message_that_was_taken_back_and_sent_as_it_was(
    chat: Terminal, model_server: ModelServer
) -> None:
    held(chat, model_server)
    chat.send("second\r")
    chat.wait("queued: second")
    chat.press("up")
    chat.wait(lambda it: it.line == "> second")
    chat.press("enter")
    chat.wait("queued: second")
    model_server.release()
    chat.wait("Second answer.")
    chat.prompt()
    chat.press("up")
    chat.wait(lambda it: it.line == "> second")
    chat.press("up")
    chat.wait(lambda it: it.line == "> first")


def test_the_second_slash_of_what_ctrl_s_gives_is_no_part_of_it(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("", call("build", lines=20)), say("Built as you said."))
    chat = start(argv=[sys.executable, "-m", "tests.chat.consenting", "chat"], **model_env)
    chat.prompt()
    chat.send("build it\r")
    chat.wait("step 3")
    chat.send("//tasks is where it goes")
    chat.press("ctrl-s")
    chat.wait("» //tasks is where it goes")
    chat.wait("Built as you said.")
    chat.prompt()
    assert sent(model_server)[-1].startswith("/tasks is where it goes")
    assert chat.text.count("//tasks is where it goes") == 1
