"""What the offline model says by itself, without asking any tool."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from lra.agent.offline.results import MONTHS
from lra.text import printable

INTRODUCTION = "I am lra's offline model: a set of rules, no language model."
"""Says who is speaking, and shows in a history that it was said."""

SETUP = (
    "To talk to a real model, set a provider key such as OPENAI_API_KEY or ANTHROPIC_API_KEY, start Ollama, "
    "or name a model with `--model`, LRA_MODEL or, in the chat, `/model`."
)
_ABILITIES = (
    ("write_memory", 'remember what you tell me ("remember that my dog is called Rex")'),
    ("search_memory", 'find it again, in any later session ("what is my dog called?", "what do you know about me?")'),
    ("get_recent_conversations", 'tell you what we talked about ("what did we talk about last time?")'),
    ("create_task", 'keep tasks ("add a task: call the dentist", "remind me to pay the rent")'),
    ("list_tasks", 'show them ("list my tasks")'),
    ("update_task_status", 'move them on ("mark call the dentist as done", "start task …", "cancel task …")'),
    ("execute_code", 'run Python in the sandbox (a fenced block, or "run: `print(1 + 1)`")'),
    ("execute_command", 'run Python in the sandbox (a fenced block, or "run: `print(1 + 1)`")'),
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _can(tools: Collection[str]) -> str:
    offered = dict.fromkeys(f"- {ability}" for tool, ability in _ABILITIES if tool in tools)
    if not offered:
        return "No tools are available in this conversation, so there is little I can do here."
    return "\n".join(["I can", *offered])


def help_text(tools: Collection[str]) -> str:
    """Say what is possible with the tools offered, and how to set a real model."""
    return f"{INTRODUCTION}\n\n{_can(tools)}\n\n{SETUP}"


def who() -> str:
    """Say what is speaking."""
    return f"{INTRODUCTION} I remember, find and list things, and I do not make anything up. {SETUP}"


def general(tools: Collection[str], *, explained: bool) -> str:
    """Say that a message is beyond the rules: in full the first time, in one line afterwards."""
    if explained:
        keep = '"remember that …" to have it kept, or ' if "write_memory" in tools else ""
        return f"That is beyond the offline model, and I kept nothing of it. Say {keep}`help`."
    return f"{INTRODUCTION} I cannot help with that one, and I kept nothing of it.\n\n{_can(tools)}\n\n{SETUP}"


def greeting(*, introduced: bool) -> str:
    """Greet, and say who is there unless that is known already."""
    if introduced:
        return "Hello again. What can I do for you?"
    return f"Hello. {INTRODUCTION} I can remember things, find them again and keep your tasks; say `help` for more."


THANKS = "You are welcome."
BYE = "Goodbye. What you asked me to remember will be here next time. Ctrl-D or `/exit` leaves the chat."
AGREED = "All right."
EMPTY = "There was nothing in that message. Say `help` to see what I can do."
WHAT_TO_REMEMBER = 'Tell me what to remember, for example "remember that the deploy day is Tuesday".'


def cannot_forget(topic: str) -> str:
    """Say who can remove memories, and how.

    Args:
        topic: Words that say which; empty where none do.
    """
    words = printable(topic).replace("`", "").strip() or "WORDS"
    return (
        "I have stored nothing from that, and I cannot remove memories myself. In the chat, "
        f"`/forget {words}` shows what fits and erases what you choose; in a shell, `lra memory forget` does."
    )


WHY = (
    "I say what I was told or what a tool gave me, and nothing else. In the chat, `/why` shows where the last answer "
    "came from."
)
WRONG = (
    'Then tell me in a whole sentence how it is, for example "my name is Ana": a newer name, place or other value '
    "takes the place of what was. In the chat, `/forget WORDS` erases what is wrong."
)
UNDO = (
    "I cannot take anything back myself. In the chat, `/undo` takes back the last turn with what it stored, and "
    "`/forget WORDS` erases what fits."
)
SECRET = (
    "That looks like a secret, so I did not store it. It still stands in this conversation; I do not repeat it, and "
    "search does not either. In the chat, `/undo` takes the message back, and `/forget WORDS` erases its words. "
    'Say "remember that …" if I should keep it.'
)
CALCULATES = "I do not calculate by myself, but I can have it run: say `run: print({sum})`."
NO_SUMS = "I do not calculate by myself, and no sandbox is available here in which it could be run."
NO_SANDBOX = (
    "No sandbox is available here, and I never run code on the host, so nothing was run."
    " Start Docker and open the conversation again; `lra doctor`, in the chat `/doctor`, says what is missing."
)
PYTHON_ONLY = "The sandbox runs Python only, so nothing was run."
STOPPED = "I stopped here, because this was taking more steps than it should."


def clock(now: datetime) -> str:
    """Tell the time of this machine."""
    return (
        f"It is {_WEEKDAYS[now.weekday()]}, {now.day} {MONTHS[now.month - 1]} {now.year}, "
        f"{now:%H:%M} by this machine's clock."
    )


def cannot_see(attachments: int) -> str:
    """Say that attachments were not looked at."""
    what = "the attachment" if attachments == 1 else f"the {attachments} attachments"
    return f"I cannot see {what}: the offline model reads text only."


def missing(doing: str) -> str:
    """Say that a tool is not offered in this conversation."""
    return f"I cannot {doing} in this conversation: the tool for it is not available here."


def interrupted(tools: Collection[str]) -> str:
    """Say that earlier calls were cut off."""
    names = ", ".join(dict.fromkeys(tools))
    return f"Before this, {names} was interrupted, so it may not have taken effect."
