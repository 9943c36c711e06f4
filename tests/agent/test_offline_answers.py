"""What the offline model says about the results of tools, and which memories it lets answer a question."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lra.agent.offline import answers, replies
from lra.agent.offline.facts import Fact
from lra.agent.offline.hits import Findings, read_hits
from lra.agent.offline.intents import parse
from lra.agent.offline.plan import proceed
from lra.agent.offline.questions import read_question
from lra.agent.offline.relevance import about_person, judge
from lra.agent.offline.results import Result, items, moment, when
from lra.agent.offline.scene import Scene
from tests.agent.offline_support import NOW, hits


def answer(text: str, *contents: str, kind: str = "fact") -> str:
    question = read_question(text)
    return answers.found(question, judge(question, read_hits(hits(*contents, kind=kind))), Findings(), NOW)


FOUND = [
    ("what is my dog called?", "My dog is called Rex"),
    ("what's my dog's name", "My dog's name is Rex"),
    ("what is the name of my dog?", "The user's dog is called Rex"),
    ("do you remember my dog?", "My dog is called Rex"),
    ("what's my name?", "My name is Ana"),
    ("what's my name?", "I'm Ana"),
    ("what's my name?", "call me Ana"),
    ("what's my name?", "The user's name is Ana"),
    ("where do I live?", "I live in Berlin"),
    ("where do I live?", "The user lives in Berlin"),
    ("where do I work?", "I work at Acme"),
    ("when do we deploy?", "Our deploy day is Tuesday"),
    ("when is the deployment?", "Our deploy day is Tuesday"),
    ("what is my favorite color?", "My favourite colour is blue"),
    ("what am I allergic to?", "I am allergic to peanuts"),
    ("do I have any allergies?", "I am allergic to peanuts"),
    ("do I like olives?", "I don't like olives"),
    ("what don't I like?", "I don't like olives"),
    ("what do I hate?", "I don't like olives"),
    ("what can't I eat?", "I can't eat nuts"),
    ("which languages do I speak?", "I speak Norwegian, English and a bit of Japanese (日本語)"),
    ("which languages do I speak?", "I speak Dutch"),
    ("what do I like to eat?", "My favourite food is sushi"),
    ("which instrument do I play?", "I play the cello"),
    ("do I have any siblings?", "My brother is called Tom"),
    ("what pets do I have?", "My cat is called Mia"),
    ("how old am I?", "I'm 43 now"),
    ("where am I from?", "I come from Mumbai"),
    ("when did I meet Pedro?", "I met Pedro in 2012"),
    ("where does Pedro live?", "Pedro moved to Porto"),
    ("where am I from?", "I'm a software engineer from Oslo"),
    ("what does Mia like?", "My daughter Mia likes unicorns"),
    ("how many children do I have?", "My son Leo was born on 4 July 2015"),
    ("what's my favourite colour?", "My fav color is green"),
    ("when do I fly to Tokyo?", "My flight to Tokyo is on 3 May"),
    ("what's my licence plate?", "My license plate is HH-AB 123"),
    ("what do I like?", "I love hiking"),
    ("how many kids do I have?", "I have two kids"),
    ("when is my mum's birthday", "My mother's birthday is 3 May"),
    ("what is the wifi password?", "The wifi password is hunter2"),
    ("tell me about Rex", "My dog is called Rex"),
    ("Wie heißt mein Hund?", "Mein Hund heißt Rex"),
    ("¿Cómo se llama mi perro?", "Mi perro se llama Rex"),
    ("Comment s'appelle mon chien ?", "Mon chien s'appelle Rex"),
    ("犬の名前は何ですか？", "犬の名前はポチです"),
]


def test_what_no_longer_holds_is_told_as_such_and_after_what_does() -> None:
    oslo, bergen = (hits(f"I live in {town}", kind=kind)[0] for town, kind in (("Oslo", "turn"), ("Bergen", "fact")))
    oslo["changed"] = "“I live in Oslo” no longer holds, but “I live in Bergen”"
    found = judge(read_question("where do I live?"), read_hits([oslo, bergen]))
    assert 'You told me yesterday: "I live in Bergen"' in answers.found(
        read_question("where do I live?"), found, Findings(), NOW
    )
    question = read_question("what do you know about Oslo?")
    said = answers.found(question, judge(question, read_hits([oslo])), Findings(), NOW)
    assert said == 'You once told me yesterday, and it has changed since: "I live in Oslo"'
    assert about_person(read_hits([oslo])) == []


@pytest.mark.parametrize(("question", "memory"), FOUND)
def test_answers_with_the_memory(question: str, memory: str) -> None:
    said = answer(question, memory)
    assert f'"{memory}"' in said
    assert "yesterday" in said
    assert "nothing" not in said
    assert "closest" not in said


NOT_FOUND = [
    ("what is my cat called?", "My dog is called Rex"),
    ("what's my name?", "My dog is called Rex"),
    ("what's my name?", "My dog's name is Rex"),
    ("what is my favourite food?", "My favourite colour is blue"),
    ("where do I live?", "My brother's home is in Oslo"),
    ("where do I live?", "I work at Acme"),
    ("where does my brother live?", "I live in Berlin"),
    ("what's the capital of France?", "I live in Berlin"),
    ("what is my cat called?", "what is my cat called?"),
    ("do I have a cat?", "Do you have a cat"),
    ("Wie heißt meine Katze?", "Mein Hund heißt Rex"),
    ("我的猫几岁了？", "我的狗叫雷克斯"),
]


CLOSEST = [
    ("what do I like to eat?", "I don't eat pork"),
    ("what do I like to drink?", "I never drink coffee"),
    ("what do I like?", "I don't like olives"),
    ("what don't I eat?", "I eat fish on Fridays"),
    ("how old am I?", "I was born on 3 May 1990"),
    ("what's my dog's name?", "I have a dog"),
    ("am I allergic to nuts?", "My wife Sam is allergic to nuts"),
    ("where do I live?", "I used to live in Paris"),
    ("where do I live?", "I no longer live in Rome"),
    ("where does Anna work?", "Anna no longer works at Siemens"),
    ("where does my brother live?", "My brother doesn't live in Rome any more"),
    ("where do I live?", "My mother lives in Lugano"),
    ("where do we work?", "Tom works in Oslo"),
    ("what is my mother's name?", "My mother lives in Lugano"),
    ("what is Tom's job?", "My brother is called Tom"),
    ("how old is my cat?", "My cat is called Minka"),
    ("where does my sister live?", "My sister is called Ida"),
]

LIKELY = [
    ("what languages do I know?", "I speak Dutch"),
    ("what languages do I study?", "I study Italian"),
    ("what music do I like?", "I like jazz"),
    ("which music don't I like?", "I don't like techno"),
    ("what foods do I hate?", "I hate mushrooms"),
    ("how heavy am I?", "I weigh 80 kilos"),
    ("what colour is my bike?", "My bike is red"),
]


@pytest.mark.parametrize(("question", "memory"), CLOSEST)
def test_what_does_not_answer_but_is_about_it_is_the_closest(question: str, memory: str) -> None:
    said = answer(question, memory)
    assert said.startswith("I found nothing in memory that answers this. What comes closest:")
    assert f'"{memory}"' in said


@pytest.mark.parametrize(("question", "memory"), LIKELY)
def test_what_may_answer_is_not_called_nothing(question: str, memory: str) -> None:
    assert answer(question, memory) == f'This may answer it, as far as rules can tell:\n- "{memory}" (yesterday)'


ANSWERED = [
    ("what's my job?", "I'm a software engineer"),
    ("what is my mother's name?", "My mother Ida lives in Lugano"),
    ("what is my brother's name?", "Tom is my brother"),
    ("what are my kids called?", "I have two kids, Mia and Leo"),
    ("what is my boss's name?", "My boss is Dr. Kim"),
    ("what is Tom's job?", "Tom is a carpenter"),
    ("how old is my cat?", "My cat is 3"),
    ("where does my sister live?", "My sister moved to Oslo"),
    ("where do we live?", "We live in Oslo"),
]


@pytest.mark.parametrize(("question", "memory"), ANSWERED)
def test_what_answers_in_other_words_is_the_answer(question: str, memory: str) -> None:
    assert answer(question, memory).endswith(f'yesterday: "{memory}"')


def test_what_was_withdrawn_since_is_no_answer() -> None:
    def told(content: str, day: int) -> dict[str, Any]:
        return {**hits(content)[0], "created_at": f"2026-11-{day}T10:00:00+00:00"}

    question = read_question("where do I live?")
    before = told("I live in Rome with my wife", 18)
    for text in ("I no longer live in Rome", "I don't live in Rome any more", "I don't live in Rome"):
        findings = judge(question, read_hits([before, told(text, 19)]))
        assert "I live in Rome" not in answers.found(question, findings, Findings(), NOW)
    findings = judge(question, read_hits([before, told("I don't live in Oslo", 19)]))
    assert findings.matches[0].content == "I live in Rome with my wife"
    findings = judge(
        question, read_hits([told("I live in Rome with my wife", 20), told("I no longer live in Rome", 19)])
    )
    assert findings.matches[0].content == "I live in Rome with my wife"


def test_what_is_liked_comes_before_what_else_is_known() -> None:
    said = answer("what does Leo like?", "My son Leo was born on 4 July 2015", "Leo likes dinosaurs", "I love skiing")
    assert said.index("dinosaurs") < said.index("born")
    assert "skiing" not in said


def test_of_two_that_fit_as_well_the_newer_comes_first() -> None:
    old, new = hits("I drive a Volvo")[0], {**hits("I drive a Tesla")[0], "created_at": "2026-11-20T10:00:00+00:00"}
    question = read_question("what do I drive?")
    assert [hit.content for hit in judge(question, read_hits([old, new])).matches] == [
        "I drive a Tesla",
        "I drive a Volvo",
    ]


def test_what_is_not_liked_is_no_answer_beside_what_is() -> None:
    said = answer("what do I like to eat?", "I don't eat pork", "My favourite food is sushi")
    assert said == 'You told me yesterday: "My favourite food is sushi"'


def test_of_a_summary_only_the_lines_that_were_replaced_are_old() -> None:
    summary = {
        **hits(
            "You: My name is Olga and my colour is red\nYou: I live in Oslo\nYou: I moved to Bergen", kind="summary"
        )[0],
        "changed": "“I live in Oslo” no longer holds, but “I moved to Bergen”; “My colour is red” no longer holds",
    }
    found = [(hit.content, hit.outdated) for hit in read_hits([summary])]
    assert found == [
        ("My name is Olga", False),
        ("my colour is red", True),
        ("I live in Oslo", True),
        ("I moved to Bergen", False),
    ]


def test_what_has_been_replaced_is_not_also_in_memory() -> None:
    old = {**hits("my boss is called Kari", kind="turn")[0], "changed": "“My boss is called Kari” no longer holds"}
    question = read_question("who is my boss")
    found = judge(question, read_hits([old, *hits("My boss is called Nils")]))
    assert answers.found(question, found, Findings(), NOW) == 'You told me yesterday: "My boss is called Nils"'


@pytest.mark.parametrize(
    "line",
    [
        "cancel buy sushi",
        "add a task: buy sushi",
        "please forget that I like sushi",
        "mark buy sushi as done",
        "thanks for the sushi",
    ],
)
def test_a_line_that_was_an_order_is_no_memory(line: str) -> None:
    said = answer("what did I say about sushi?", line, kind="turn")
    assert line not in said
    assert "I found nothing in memory" in said


def test_a_line_whose_statement_is_stored_is_not_told_twice() -> None:
    question = read_question("what do you know about the boss?")
    found = read_hits([*hits("well, actually my boss is Nils now", kind="turn"), *hits("My boss is Nils")])
    assert [hit.content for hit in judge(question, found).matches] == ["My boss is Nils"]


@pytest.mark.parametrize(("question", "memory"), NOT_FOUND)
def test_does_not_answer_with_something_else(question: str, memory: str) -> None:
    said = answer(question, memory)
    assert memory not in said
    assert "I found nothing in memory" in said


def test_what_comes_near_is_called_that() -> None:
    said = answer("what is my dentist in Berlin?", "My dentist is Dr Roth")
    assert "My dentist is Dr Roth" in said
    assert "You told me" in said or "closest" in said
    said = answer("what does the printer cost?", "The printer is on the second floor")
    assert "closest" in said


def test_the_attribute_asked_for_comes_first_and_the_newest_value_of_it() -> None:
    found = read_hits(
        [
            {"content": "My dog is five years old", "kind": "fact", "created_at": "2026-11-19T10:00:00Z"},
            {"content": "My dog is called Rex", "kind": "fact", "created_at": "2026-01-02T10:00:00Z"},
            {"content": "My dog is called Max", "kind": "fact", "created_at": "2026-11-18T10:00:00Z"},
        ]
    )
    question = read_question("what is my dog called?")
    said = answers.found(question, judge(question, found), Findings(), NOW)
    assert said.startswith('You told me 2 days ago: "My dog is called Max"')
    assert said.index("Max") < said.index("Rex") < said.index("five")
    assert "on 2 January 2026" in said


@pytest.mark.parametrize(
    ("content", "kind", "session", "said"),
    [
        ("My dog is called Rex", "fact", "abc", 'You told me today: "My dog is called Rex"'),
        ("The gate is green", "fact", "abc", 'You told me today: "The gate is green"'),
        ("My dog is called Rex", "fact", None, 'You told me today: "My dog is called Rex"'),
        # Nobody knows who added what no conversation brought.
        ("The gate is green", "fact", None, 'In memory, stored today: "The gate is green"'),
        ("The gate is green", "turn", "abc", 'In a conversation today: "The gate is green"'),
        ("You: the gate is green", "summary", "abc", 'In a conversation today: "the gate is green"'),
    ],
)
def test_it_is_said_who_told_it_as_far_as_that_is_known(
    content: str, kind: str, session: str | None, said: str
) -> None:
    item = {"content": content, "kind": kind, "session": session, "created_at": NOW.isoformat()}
    (hit,) = read_hits([item])
    assert answers.told(hit, NOW) == said


def test_conversation_does_not_repeat_what_is_stored() -> None:
    found = read_hits(
        [
            {"content": "remember that my dog is called Rex", "kind": "turn"},
            {"content": 'I will remember: "My dog is called Rex"', "kind": "turn"},
            {"content": "My dog is called Rex", "kind": "fact"},
            {"content": "The dog needs a walk at noon", "kind": "turn"},
        ]
    )
    question = read_question("tell me about my dog")
    assert [hit.content for hit in judge(question, found).matches] == [
        "My dog is called Rex",
        "The dog needs a walk at noon",
    ]


def test_everything_known_leaves_out_talk() -> None:
    found = read_hits([*hits("My name is Ana"), *hits("what do you know about me?", "hello there", kind="turn")])
    assert [hit.content for hit in about_person(found)] == ["My name is Ana"]
    said = hits("I live in Berlin", "My name is Anna", "I will remember: x", "It is late", kind="turn")
    found = read_hits([*hits("My name is Ana"), *said])
    assert [hit.content for hit in about_person(found)] == ["My name is Ana", "I live in Berlin"]
    assert answers.known([], NOW).startswith("I have nothing stored")


def test_summaries_that_quote_count_as_what_was_said() -> None:
    summary = "You: our deploy day is Tuesday\nlra: I will remember that.\nYou: what is new?"
    found = read_hits([{"content": summary, "kind": "summary", "created_at": "2026-11-19"}])
    question = read_question("when is the deploy day?")
    said = answers.found(question, judge(question, found), Findings(), NOW)
    assert said == 'In a conversation yesterday: "our deploy day is Tuesday"'
    found = read_hits(hits("our deploy day is Tuesday", kind="turn"))
    said = answers.found(question, judge(question, found), Findings(), NOW)
    assert said == 'In a conversation yesterday: "our deploy day is Tuesday"'


def test_what_was_kept_stands_above_what_was_said_before() -> None:
    found = read_hits([*hits("my favourite colour is blue", kind="turn"), *hits("My favourite colour is green")])
    question = read_question("what is my favourite colour?")
    assert [hit.content for hit in judge(question, found).matches] == ["My favourite colour is green"]


FORMS = [
    [{"content": "My dog is called Rex"}],
    json.dumps([{"content": "My dog is called Rex"}]),
    {"results": [{"text": "My dog is called Rex"}]},
    json.dumps({"hits": [{"document": "My dog is called Rex"}]}),
    [{"content": "My dog is called Rex"}, {"content": " my dog is  called rex"}, {"content": ""}, {"content": 3}, 7],
]


@pytest.mark.parametrize("value", FORMS)
def test_results_of_any_form_are_read(value: Any) -> None:
    assert [hit.content for hit in read_hits(value)] == ["My dog is called Rex"]


@pytest.mark.parametrize("value", [None, "", "No memories found.", "[1, 2", 5, [], {}, "{}", [[]], "[" * 10_000])
def test_results_without_records_are_empty(value: Any) -> None:
    assert read_hits(value) == []


def test_moments() -> None:
    expected = datetime(2026, 11, 19, 10, tzinfo=UTC)
    stamp = expected.timestamp()
    for value in ("2026-11-19T10:00:00Z", "2026-11-19T11:00:00+01:00", "2026-11-19 10:00", stamp, stamp * 1e3):
        assert moment(value) == expected
    unreadable: list[Any] = [None, "soon", float("inf"), float("nan"), True, -1e300, 10**400, [], "9" * 30]
    assert [moment(value) for value in unreadable] == [None] * len(unreadable)


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(hours=1), "today"),
        (timedelta(days=1), "yesterday"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=30), "on 21 October 2026"),
        (timedelta(days=-2), "on 22 November 2026"),
    ],
)
def test_dates_in_words(ago: timedelta, words: str) -> None:
    assert when(NOW - ago, NOW) == words
    assert when(None, NOW) == ""


def test_stored_says_exactly_what_was_stored_and_what_was_not() -> None:
    facts = [Fact("My dog is called Rex"), Fact("I live in Berlin")]
    good, bad = Result(value="Stored in memory (id=1)"), Result("failed", "disk full")
    assert answers.stored(facts[:1], [good]) == 'I will remember: "My dog is called Rex"'
    said = answers.stored(facts, [good, bad])
    assert 'I will remember: "My dog is called Rex"' in said
    assert 'I could not store "I live in Berlin". write_memory failed: disk full' in said
    assert "could not store" in answers.stored(facts[:1], [Result(value="Memory is switched off")])
    assert "could not store" in answers.stored(facts[:1], [Result(value={"error": "read-only"})])


TROUBLE = [
    (Result("failed", "disk full"), "failed: disk full"),
    (Result("denied", "The user said no."), "was not allowed: The user said no."),
    (Result("interrupted", "The tool call was interrupted."), "was interrupted before it finished"),
    (Result("retried", [{"loc": ["limit"], "msg": "too big"}]), "refused the call"),
    (Result(value="Error: no such table"), "answered: Error: no such table"),
    (Result(value={"success": False, "message": "locked"}), "answered: locked"),
]


@pytest.mark.parametrize(("result", "words"), TROUBLE)
def test_trouble_is_reported(result: Result, words: str) -> None:
    assert words in (answers.trouble("some_tool", result) or "")


@pytest.mark.parametrize("value", ["Stored in memory", [], None, {"id": 1}, "[]", 0])
def test_no_trouble(value: Any) -> None:
    assert answers.trouble("some_tool", Result(value=value)) is None


RAN = [
    ("42", "Result:\n```\n42\n```"),
    ("", "It ran and printed nothing."),
    (None, "It ran and printed nothing."),
    ({"stdout": "42\n", "stderr": "", "success": True}, "It printed:\n```\n42\n```"),
    ('{"stdout": "42\\n"}', "It printed:\n```\n42\n```"),
    ({"stdout": "", "stderr": "NameError: x", "success": False}, "It failed:\n```\nNameError: x\n```"),
    ({"stdout": "", "stderr": ""}, "It ran and printed nothing."),
    ({"stdout": "", "success": False}, "The code failed without saying why."),
]


@pytest.mark.parametrize(("value", "said"), RAN)
def test_output_of_code(value: Any, said: str) -> None:
    assert answers.ran(Result(value=value)) == said


def test_output_cannot_close_its_fence_or_drive_a_terminal() -> None:
    said = answers.ran(Result(value="```\nnot code\x1b[2J\n" + "x" * 10_000))
    assert said.startswith("Result:\n````\n")
    assert "\x1b" not in said
    assert "more characters" in said


def test_general_answer_is_long_once() -> None:
    first = replies.general({"write_memory"}, explained=False)
    later = replies.general({"write_memory"}, explained=True)
    assert "no language model" in first
    assert "OPENAI_API_KEY" in first
    assert "LRA_MODEL" in first
    assert "\n" not in later
    assert len(later) < 120
    assert "sandbox" not in first, "only what is offered is promised"


def test_calls_keep_to_the_schema_of_a_tool() -> None:
    shape = {"properties": {"query": {"type": "string"}, "limit": {"type": "integer", "maximum": 3}}}
    scene = Scene({"search_memory": shape, "plain": {}}, NOW)
    assert scene.call("search_memory", query="x", limit=8, other=1).args == {"query": "x", "limit": 3}
    assert scene.call("plain", a=1, b=None).args == {"a": 1}
    chosen = {"properties": {"memory_type": {"enum": ["fact"]}, "content": {}}}
    scene = Scene({"write_memory": chosen}, NOW)
    assert scene.call("write_memory", content="x", memory_type="preference").args == {"content": "x"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "content", "kind", "created_at", "title", "status", "role", "stdout", "error", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
outcomes = st.sampled_from(["success", "failed", "denied", "interrupted", "retried"])
SAID = ["what is my dog called?", "what do you know about me?", "what did we talk about?", "list my tasks"]
SAID += ["mark x as done", "is task 3 done?", "my dog is called Rex", "add a task: x", "run: `1`", "hm"]
TOOLS = ["search_memory", "write_memory", "get_recent_conversations", "create_task", "list_tasks", "execute_code"]
TOOLS += ["update_task_status", "get_task_state"]


@given(st.sampled_from(SAID), st.lists(st.tuples(outcomes, values), min_size=4, max_size=4), st.booleans())
def test_any_result_leads_to_an_answer(text: str, given_results: list[tuple[Any, Any]], as_json: bool) -> None:
    scene = Scene({tool: {} for tool in TOOLS}, NOW)
    results: dict[str, Result] = {}
    for outcome, value in given_results:
        calls, said = proceed(parse(text), scene, results)
        if said:
            assert not calls
            return
        for call in calls:
            assert call.identity not in results
            results[call.identity] = Result(outcome, json.dumps(value) if as_json else value)
    calls, said = proceed(parse(text), scene, results, may_call=False)
    assert not calls
    assert said


def test_without_calls_allowed_the_plan_stops() -> None:
    calls, said = proceed(parse("what is my dog called?"), Scene({"search_memory": {}}, NOW), {}, may_call=False)
    assert (calls, said) == ([], replies.STOPPED)


def test_records_in_objects_with_several_lists_are_not_guessed() -> None:
    assert items({"a": [{"x": 1}], "b": [{"x": 2}]}) == [{"a": [{"x": 1}], "b": [{"x": 2}]}]
