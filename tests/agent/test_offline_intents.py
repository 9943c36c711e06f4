"""What the offline model understands: tables of sentences, and texts nobody would write."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lra.agent.offline.attributes import attribute_key, same_key
from lra.agent.offline.intents import Intent, Kind, parse
from lra.agent.offline.questions import read_question
from lra.agent.offline.words import content_words, stem, tokens

REMEMBERED = [
    ("My dog is called Rex", [("My dog is called Rex", "fact", "user.dog_name")]),
    ("my dog's called Rex.", [("My dog's called Rex", "fact", "user.dog_name")]),
    ("my dog’s name is Rex!", [("My dog's name is Rex", "fact", "user.dog_name")]),
    ("I have a dog named Rex", [("I have a dog named Rex", "fact", "user.dog_name")]),
    ("remember that my dog is called Rex", [("My dog is called Rex", "fact", "user.dog_name")]),
    ("REMEMBER THAT MY DOG IS CALLED REX", [("MY DOG IS CALLED REX", "fact", "user.dog_name")]),
    ("can you remember that my dog is called Rex?", [("My dog is called Rex", "fact", "user.dog_name")]),
    ("Please remember: the wifi password is hunter2", [("The wifi password is hunter2", "fact", "our.wifi_password")]),
    ("remeber that I am vegan", [("I am vegan", "fact", None)]),
    ("note that our deploy day is Tuesday", [("Our deploy day is Tuesday", "fact", "our.deploy_day")]),
    ("could you note that the office closes at 6pm?", [("The office closes at 6pm", "fact", None)]),
    ("make a note: call the bank on Friday", [("call the bank on Friday", "fact", None)]),
    (
        "can you remember my favorite food is sushi?",
        [("My favorite food is sushi", "preference", "user.favourite_food")],
    ),
    ("note to self: buy milk", [("buy milk", "fact", None)]),
    ("My phone is broken", [("My phone is broken", "fact", None)]),
    ("correction: my name is Bob", [("My name is Bob", "fact", "user.name")]),
    ("keep in mind that I use metric units", [("I use metric units", "fact", None)]),
    ("don't forget the milk is in the fridge", [("The milk is in the fridge", "fact", None)]),
    ("don't forget to buy milk", [("Remember to buy milk", "instruction", None)]),
    ("remember to always use metric units.", [("Remember to always use metric units", "instruction", None)]),
    ("our deploy day is Tuesday", [("Our deploy day is Tuesday", "fact", "our.deploy_day")]),
    ("Tuesday is our deploy day", [("Tuesday is our deploy day", "fact", "our.deploy_day")]),
    ("my favourite colour is blue", [("My favourite colour is blue", "preference", "user.favourite_colour")]),
    ("my favorite color is blue!", [("My favorite color is blue", "preference", "user.favourite_colour")]),
    ("my name is Ana", [("My name is Ana", "fact", "user.name")]),
    ("my name is 李雷", [("My name is 李雷", "fact", "user.name")]),
    ("call me Ana", [("call me Ana", "fact", "user.name")]),
    ("I'm called Ana", [("I'm called Ana", "fact", "user.name")]),
    ("Hi, I'm Ana", [("I'm Ana", "fact", None)]),
    ("I prefer tea over coffee", [("I prefer tea over coffee", "preference", None)]),
    ("I don't like olives", [("I don't like olives", "preference", None)]),
    ("I hate Mondays", [("I hate Mondays", "preference", None)]),
    ("I live in Berlin", [("I live in Berlin", "fact", "user.location")]),
    ("I now live in Hamburg", [("I live in Hamburg", "fact", "user.location")]),
    ("I work at Acme", [("I work at Acme", "fact", "user.employer")]),
    ("i am allergic to peanuts", [("I am allergic to peanuts", "fact", None)]),
    ("I was born on 3 May 1990", [("I was born on 3 May 1990", "fact", "user.birthday")]),
    ("My doctor is Dr. Roth.", [("My doctor is Dr. Roth", "fact", "user.doctor")]),
    ("Maria's birthday is 3 May", [("Maria's birthday is 3 May", "fact", "maria.birthday")]),
    ("my wife likes coffee", [("My wife likes coffee", "fact", None)]),
    ("we deploy on Tuesdays", [("We deploy on Tuesdays", "fact", None)]),
    ("the project deadline is 5 May", [("The project deadline is 5 May", "fact", "our.project_deadline")]),
    ("always answer in German", [("always answer in German", "instruction", None)]),
    ("From now on answer in German", [("From now on answer in German", "instruction", None)]),
    ("By the way, my sister lives in Oslo", [("My sister lives in Oslo", "fact", None)]),
    (
        "My dog is called Rex, my cat is called Tom and I live in Berlin.",
        [
            ("My dog is called Rex", "fact", "user.dog_name"),
            ("My cat is called Tom", "fact", "user.cat_name"),
            ("I live in Berlin", "fact", "user.location"),
        ],
    ),
    (
        "remember:\n- my dog is called Rex\n- buy bread on Fridays",
        [("My dog is called Rex", "fact", "user.dog_name"), ("buy bread on Fridays", "fact", None)],
    ),
    ("My dog is called Rex. He is 5 years old.", [("My dog is called Rex. He is 5 years old", "fact", None)]),
    ("Leo likes dinosaurs", [("Leo likes dinosaurs", "fact", None)]),
    ("my passport expires in June 2027", [("My passport expires in June 2027", "fact", None)]),
    ("I'm meeting Anna on Tuesday", [("I'm meeting Anna on Tuesday", "fact", None)]),
    ("I sold the Volvo and now I drive a Tesla", [("I drive a Tesla", "fact", None)]),
    ("my bday is on 12 sept", [("My bday is on 12 sept", "fact", "user.birthday")]),
    ("I like tea and my wife", [("I like tea and my wife", "preference", None)]),
]


@pytest.mark.parametrize(("text", "facts"), REMEMBERED)
def test_remembers(text: str, facts: list[tuple[str, str, str | None]]) -> None:
    (intent,) = parse(text)
    assert intent.kind is Kind.REMEMBER
    assert [(fact.content, fact.memory_type, fact.key) for fact in intent.facts] == facts


KINDS = [
    ("is my dog called Rex?", Kind.ASK),
    ("is my dog called Rex", Kind.ASK),
    ("my dog is called Rex, right?", Kind.ASK),
    ("what is my dog called", Kind.ASK),
    ("whats my name", Kind.ASK),
    ("do you remember my dog's name?", Kind.ASK),
    ("do you remember that my dog is called Rex?", Kind.ASK),
    ("can you remember my dog's name?", Kind.ASK),
    ("remember my dog?", Kind.ASK),
    ("remember my name", Kind.ASK),
    ("remember when we talked about Rome?", Kind.ASK),
    ("where do I live", Kind.ASK),
    ("Can you please tell me where I work?", Kind.ASK),
    ("when is the deploy day?", Kind.ASK),
    ("tell me about Rex", Kind.ASK),
    ("I forgot my wifi password", Kind.ASK),
    ("remind me what my dog's name is", Kind.ASK),
    ("thanks, what's my name?", Kind.ASK),
    ("what did we say about the deploy?", Kind.ASK),
    ("Wie heißt mein Hund?", Kind.ASK),
    ("我的狗叫什么名字？", Kind.ASK),
    ("ما اسم كلبي؟", Kind.ASK),
    ("¿Cómo se llama mi perro?", Kind.ASK),
    ("what do you know about me?", Kind.ABOUT_ME),
    ("What do you remember?", Kind.ABOUT_ME),
    ("who am I?", Kind.ABOUT_ME),
    ("list my memories", Kind.ABOUT_ME),
    ("what did we talk about last time?", Kind.RECENT),
    ("what were we discussing", Kind.RECENT),
    ("what did we talk about yesterday?", Kind.RECENT),
    ("What did I say earlier?", Kind.RECENT),
    ("where did we leave off?", Kind.RECENT),
    ("what have we discussed so far?", Kind.RECENT),
    ("what was my last question?", Kind.RECENT),
    ("summarize our last conversation", Kind.RECENT),
    ("hi", Kind.GREETING),
    ("Hey there!", Kind.GREETING),
    ("good morning", Kind.GREETING),
    ("how are you?", Kind.GREETING),
    ("thank you very much!", Kind.THANKS),
    ("ok thanks", Kind.THANKS),
    ("bye", Kind.BYE),
    ("never mind", Kind.AGREED),
    ("forget it", Kind.AGREED),
    ("help", Kind.HELP),
    ("what can you do?", Kind.HELP),
    ("how do I set a real model?", Kind.HELP),
    ("who are you?", Kind.WHO),
    ("what is this?", Kind.WHO),
    ("why did you say that?", Kind.WHY),
    ("that's wrong", Kind.WRONG),
    ("no, that is not true any more", Kind.WRONG),
    ("that's right", Kind.AGREED),
    ("undo that", Kind.UNDO),
    ("why did you say Rex?", Kind.ASK),
    ("done with water the plants", Kind.TASK),
    ("what should I remember?", Kind.ABOUT_ME),
    ("list everything you know", Kind.ABOUT_ME),
    ("can you search the web?", Kind.HELP),
    ("what can you not do?", Kind.HELP),
    ("can you search my memory for Rex?", Kind.ASK),
    ("What are you", Kind.WHO),
    ("are you ChatGPT?", Kind.WHO),
    ("are you a language model?", Kind.WHO),
    ("what time is it?", Kind.CLOCK),
    ("forget my address", Kind.FORGET),
    ("forget that my dog is called Rex", Kind.FORGET),
    ("don't remember this: I like cake", Kind.FORGET),
    ("my password is hunter2", Kind.SECRET),
    ("", Kind.EMPTY),
    (" \n\t\x00", Kind.EMPTY),
    ("tell me a joke", Kind.OTHER),
    ("write a poem about autumn", Kind.OTHER),
    ("I think my dog is sick", Kind.OTHER),
    ("my wife's birthday", Kind.OTHER),
    ("I love you", Kind.OTHER),
    ("Everybody likes pizza", Kind.OTHER),
    ("It works at night", Kind.OTHER),
    ("I'm meeting a problem", Kind.OTHER),
    ("finished buy milk", Kind.TASK),
    ("finished my degree", Kind.OTHER),
    ("I like it", Kind.OTHER),
    ("I use that every day", Kind.OTHER),
    ("I'm tired", Kind.OTHER),
    ("I'm a bit confused", Kind.OTHER),
    ("I have a question", Kind.OTHER),
    ("I have to go", Kind.OTHER),
    ("I'd like a coffee", Kind.OTHER),
    ("my guess is that it fails", Kind.OTHER),
    ("call me later", Kind.OTHER),
    ("call me a taxi", Kind.OTHER),
    ("what a day!", Kind.OTHER),
    ("the weather is nice today", Kind.OTHER),
    ("This is my dog", Kind.OTHER),
    ("When I was young I lived in Oslo.", Kind.OTHER),
    ("if my dog is called Rex then bark", Kind.OTHER),
    ("Mein Hund heißt Rex", Kind.OTHER),
    ("😀", Kind.OTHER),
    ("...", Kind.OTHER),
]


@pytest.mark.parametrize(("text", "kind"), KINDS)
def test_kinds(text: str, kind: Kind) -> None:
    assert [intent.kind for intent in parse(text)] == [kind]


@pytest.mark.parametrize("text", [text for text, kind in KINDS if kind is Kind.ASK])
def test_questions_are_never_stored(text: str) -> None:
    for said in (text, f"hey, {text}", f"please {text}", text.upper(), f"  {text}  "):
        assert not any(intent.facts for intent in parse(said)), said


QUERIES = [
    ("what's my dog's name?", "dog name", {"dog"}, "user.dog_name"),
    ("tell me what my dog is called", "dog called", {"dog"}, "user.dog_name"),
    ("what is the name of my dog", "name dog", {"dog"}, "user.dog_name"),
    ("where do I live", "live home address moved", set(), "user.location"),
    ("what's my name?", "name called call", set(), "user.name"),
    ("when is the deploy day?", "deploy day", {"deploy"}, "our.deploy_day"),
    ("what did we decide about the deploy?", "decide deploy", {"deploy"}, None),
    ("when is Maria's birthday?", "maria birthday", {"maria", "birthday"}, "maria.birthday"),
    ("what was my dog's name again?", "dog name", {"dog"}, "user.dog_name"),
    ("search my memory for peanuts", "peanuts", {"peanut"}, None),
    ("我的狗叫什么名字？", "我的狗叫什么名字", None, None),
    ("what's that?", "what's that", set(), None),
    ("what does Mia like?", "mia like", {"mia"}, None),
    ("what's my e-mail?", "email", {"email"}, "user.email"),
    ("do you know where I'm from", "come from born grew up", set(), "user.origin"),
]


@pytest.mark.parametrize(("text", "query", "subjects", "key"), QUERIES)
def test_question_is_taken_apart(text: str, query: str, subjects: set[str] | None, key: str | None) -> None:
    question = read_question(text)
    assert question.query == query
    assert subjects is None or question.subjects == subjects
    assert question.key == key


TASKS = [
    ("add a task: buy milk", "add", ("buy milk",), "", None),
    ('create a task called "Fix the login bug"', "add", ("Fix the login bug",), "", None),
    ("todo: write report", "add", ("write report",), "", None),
    ("todo buy stamps", "add", ("buy stamps",), "", None),
    ("please add milk to my todo list", "add", ("milk",), "", None),
    ("add three tasks: milk, eggs and bread", "add", ("milk", "eggs", "bread"), "", None),
    ("add tasks:\n- milk\n- eggs", "add", ("milk", "eggs"), "", None),
    ("add a task", "add", (), "", None),
    ("Remind me to call mum at 5", "add", ("call mum at 5",), "", None),
    ("can you remind me to water the plants?", "add", ("water the plants",), "", None),
    ("remind me about the dentist tomorrow", "add", ("the dentist tomorrow",), "", None),
    ("list my tasks", "list", (), "", "open"),
    ("what's left to do?", "list", (), "", "open"),
    ("what is to be done?", "list", (), "", "open"),
    ("what do I have to do today?", "list", (), "", "open"),
    ("do I have any open tasks?", "list", (), "", "open"),
    ("show all my tasks", "list", (), "", None),
    ("what tasks are done?", "list", (), "", "done"),
    ("mark buy milk as done", "set", (), "buy milk", "done"),
    ('mark "write docs" done', "set", (), "write docs", "done"),
    ("set task 3 to in progress", "set", (), "3", "in_progress"),
    ("mark all tasks as done", "set", (), "all", "done"),
    ("start task report", "set", (), "report", "in_progress"),
    ("cancel task #4", "set", (), "4", "cancelled"),
    ("reopen task 2", "set", (), "2", "pending"),
    ("finish the report", "set", (), "the report", "done"),
    ("tick off buy milk", "set", (), "buy milk", "done"),
    ("done: buy milk", "set", (), "buy milk", "done"),
    ("mark the first task as done", "set", (), "the first", "done"),
    ("task 3 is done", "set", (), "3", "done"),
    ("I finished the task write docs", "set", (), "write docs", "done"),
    ("is task 3 done?", "state", (), "3", None),
    ("status of task 3", "state", (), "3", None),
    ("delete task 2", "delete", (), "2", None),
]


@pytest.mark.parametrize(("text", "action", "titles", "target", "status"), TASKS)
def test_tasks(text: str, action: str, titles: tuple[str, ...], target: str, status: str | None) -> None:
    (intent,) = parse(text)
    assert intent.kind is Kind.TASK
    assert intent.task is not None
    command = intent.task
    assert (command.action, command.titles, command.target, command.status) == (action, titles, target, status)


@pytest.mark.parametrize(
    "text",
    ["start over", "cancel my subscription", "complete the sentence: the cat", "finish this", "I finished my degree"],
)
def test_not_every_verb_is_about_tasks(text: str) -> None:
    assert [intent.kind for intent in parse(text)] == [Kind.OTHER]


@pytest.mark.parametrize("text", ["remember nothing", "remember this", "remember everything", "please remember that"])
def test_nothing_is_nothing_to_remember(text: str) -> None:
    (intent,) = parse(text)
    assert intent.facts == ()


def test_what_may_be_called_so_is_a_guess() -> None:
    for text, status in (("start pay the rent", "in_progress"), ("reopen buy a lead for Rex", "pending")):
        (intent,) = parse(text)
        assert intent.task is not None
        assert (intent.task.guess, intent.task.status) == (True, status)
    (intent,) = parse("start task pay the rent")
    assert intent.task is not None
    assert not intent.task.guess


def test_a_reminder_is_known_as_one() -> None:
    (intent,) = parse("remind me to call mum")
    assert intent.task is not None
    assert intent.task.reminder


CODE = [
    ("```python\nprint(1)\n```", "print(1)", "python"),
    ("Look:\n```py\nx = 1\n\n  print(x)\n```\nthanks", "x = 1\n\n  print(x)", "python"),
    ("can you run this?\n```\nprint(2)\n```", "print(2)", "python"),
    ("run this\n```bash\nls\n```", "ls", "bash"),
    ("run this: `print(1)`", "print(1)", "python"),
    ("please run: `1+1`", "1+1", "python"),
    ("run print(1+1)", "print(1+1)", "python"),
    ("run the following code:\nx=1\nprint(x)", "x=1\nprint(x)", "python"),
    ("```python\nprint('no end')", "print('no end')", "python"),
]


@pytest.mark.parametrize(("text", "code", "language"), CODE)
def test_code(text: str, code: str, language: str) -> None:
    (intent,) = parse(text)
    assert (intent.kind, intent.code, intent.language) == (Kind.CODE, code, language)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("run a marathon", Kind.OTHER),
        ("what does this do?\n```python\nprint(1)\n```", Kind.OTHER),
        ("explain this:\n```python\nprint(1)\n```", Kind.OTHER),
        ("```bash\nls\n```", Kind.OTHER),
        ("remember this snippet: ```python\nprint(1)\n```", Kind.REMEMBER),
    ],
)
def test_code_is_not_always_run(text: str, kind: Kind) -> None:
    assert [intent.kind for intent in parse(text)] == [kind]


MIXED = [
    ("My name is Ana. What's my dog's name?", [Kind.REMEMBER, Kind.ASK]),
    ("Hi. I live in Berlin. Add a task: buy milk.", [Kind.REMEMBER, Kind.TASK]),
    ("Remember that I'm allergic to peanuts. And what's my name?", [Kind.REMEMBER, Kind.ASK]),
    ("What's my name? And where do I live?", [Kind.ASK, Kind.ASK]),
    ("What's my name? I forgot.", [Kind.ASK]),
    ("Thanks. List my tasks.", [Kind.TASK]),
    ("What's my dog called? Thanks!", [Kind.ASK]),
    ("Hello! How are you?", [Kind.GREETING]),
]


@pytest.mark.parametrize(("text", "kinds"), MIXED)
def test_several_sentences(text: str, kinds: list[Kind]) -> None:
    assert [intent.kind for intent in parse(text)] == kinds


def test_what_was_pasted_is_not_stored_unasked() -> None:
    pasted = "\n".join(f"I use tool number {i} at work" for i in range(100))
    assert not any(intent.facts for intent in parse(pasted))
    (asked,) = parse(f"remember that {pasted}")
    assert "\n".join(fact.content for fact in asked.facts).count("I use tool") == 100


def test_many_facts_are_stored_in_bounded_calls_without_loss() -> None:
    (intent,) = parse("remember:\n" + "\n".join(f"- item {i}" for i in range(60)))
    assert len(intent.facts) == 20
    assert "item 59" in intent.facts[-1].content


def test_a_long_text_to_remember_is_kept_whole() -> None:
    story = "the story. " + "word " * 200_000
    (intent,) = parse(f"Please remember: {story}")
    assert intent.facts[0].content == story.strip()


def test_long_code_is_kept_whole() -> None:
    code = "x = 1\n" * 100_000
    (intent,) = parse(f"```python\n{code}```")
    assert intent.code == code.strip("\n")


def test_a_question_behind_a_long_text_is_seen() -> None:
    (intent,) = parse("some log line\n" * 10_000 + "What is the deploy day?")
    assert intent.kind is Kind.ASK
    assert intent.question is not None
    assert intent.question.query == "deploy day"


def test_keys() -> None:
    assert attribute_key("my", "favourite colour") == "user.favourite_colour"
    assert attribute_key("my", "code") is None
    assert attribute_key("my", "brother's dog", "called Rex") == "user.brother_dog_name"
    assert same_key("user.favourite_colour", "user.favorite_colors")
    assert not same_key("user.name", "user.dog_name")
    assert not same_key(None, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [("deployment", "deploys"), ("running", "run"), ("colour", "color"), ("cities", "city"), ("called", "name")],
)
def test_stems_meet(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_words_of_any_script() -> None:
    assert tokens("What's the dog’s name?") == ["what", "the", "dog", "name"]
    assert tokens("我的狗") == ["我的", "的狗"]
    assert content_words("Где мой ключ?") == ["где", "мой", "ключ"]


any_text = st.text(st.characters(), max_size=300)
pieces: st.SearchStrategy[str] = st.one_of(
    st.sampled_from([text for text, *_ in [*REMEMBERED, *KINDS, *TASKS, *CODE, *MIXED]]),
    st.sampled_from([" and ", ". ", "? ", "\n", "```", "`", ": ", "remember that ", "\u202e", "\x00", "\ud800"]),
    any_text,
)
phrases = st.lists(pieces, max_size=8).map("".join)


@given(phrases)
def test_parse_never_raises(text: str) -> None:
    found = parse(text)
    assert found
    assert all(isinstance(intent, Intent) for intent in found)
    for intent in found:
        assert all(fact.content.strip() for fact in intent.facts)
        assert (intent.question is not None) == (intent.kind is Kind.ASK)
        assert (intent.task is not None) == (intent.kind is Kind.TASK)


UNITS = [
    "a",
    "a ",
    "my ",
    "my dog is a. ",
    "?",
    "\n",
    "`",
    "```\n",
    "```python\n",
    "remember that ",
    "please ",
    "- a\n",
]
UNITS += ["'s ", "mark a as ", "add a task ", "is ", "犬", "é ", "(", "and my ", "what did we ", "\x00", "today "]
STARTS = ["", "remember that ", "what is ", "add a task: ", "my ", "mark ", "run: ", "remind me "]


@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_is_read_at_once(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    for start in STARTS:
        for length in (3_900, 1_000_000):
            best = min(_seconds(start + text[:length]) for _ in range(3))
            assert best < 0.05, (start, length)


def _seconds(text: str) -> float:
    began = time.thread_time()
    parse(text)
    return time.thread_time() - began


def test_reading_text_needs_no_heavy_import() -> None:
    code = (
        "import sys, lra.agent.offline.intents, lra.agent.offline.plan;"
        "print([m for m in ('pydantic_ai', 'pydantic', 'sqlalchemy', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
