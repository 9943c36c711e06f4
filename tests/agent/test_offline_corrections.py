"""What the offline model takes for a correction, and for a slip."""

from __future__ import annotations

import pytest

from lra.agent.offline.denials import over
from lra.agent.offline.ellipsis import completed, of_somebody
from lra.agent.offline.intents import Kind, parse
from lra.agent.offline.questions import read_question

# What is new about a statement is left out, and what it corrects: each has the key of what it takes the place of.
NEWER = [
    ("I'm 42 years old", "I'm 43 now", "I'm 43"),
    ("I'm 42", "I am now 43", "I am 43"),
    ("I'm 42", "no, I'm not 42 but 43", "I'm 43"),
    ("I'm 42", "I just turned 43", "I just turned 43"),
    ("my boss is called Kari", "actually my boss is called Nils now", "My boss is called Nils"),
    ("my boss is called Kari", "sorry, I meant my boss is Nils", "My boss is Nils"),
    ("my wife is called Anna", "Berta is my wife now", "Berta is my wife"),
    ("my phone number is 555 0101", "my phone number is not 555 0101 but 555 0202", "My phone number is 555 0202"),
    ("my phone number is 555 0101", "my phone isn't 555 0101, it's 555 0202", "My phone is 555 0202"),
    ("my phone number is 555 0101", "My phone number changed from 555 0101 to 555 0202", "My phone number is 555 0202"),
    ("I live in Oslo", "I no longer live in Oslo but in Bergen", "I live in Bergen"),
    ("I live in Oslo", "I live in Bergen these days, actually", "I live in Bergen"),
    ("I live in Oslo", "I've moved to Bergen last week", "I've moved to Bergen last week"),
    ("I work at Acme", "I'm currently working for Beta", "I'm working for Beta"),
    ("my dog is called Rex", "my dog is no longer called Rex but Max", "My dog is called Max"),
    ("my favourite colour is blue", "my favorite color is red, not blue", "My favorite color is red"),
    (
        "my dentist appointment is on Friday",
        "my dentist appointment is on Monday",
        "My dentist appointment is on Monday",
    ),
    ("my rent is 900 euros", "my rent went up to 950 euros", "My rent is 950 euros"),
    ("our standup is at 9:15", "our standup is at 9:30 now", "Our standup is at 9:30"),
    ("Anna's number is 555 1234", "Anna's phone number is 555 9999 now", "Anna's phone number is 555 9999"),
    ("my fav color is blue", "my favourite colour is red", "My favourite colour is red"),
    ("our deploy day is Tuesday", "our deploy day has moved to Friday", "Our deploy day is Friday"),
    ("the alarm code of the shed is 1", "the shed alarm code is now 2", "The shed alarm code is 2"),
]


@pytest.mark.parametrize(("before", "said", "kept"), NEWER)
def test_a_correction_takes_the_place_of_what_it_corrects(before: str, said: str, kept: str) -> None:
    ((old,), (new,)) = (parse(before)[0].facts, parse(said)[0].facts)
    assert new.content == kept
    assert old.key is not None
    assert old.key == new.key


# Of somebody else, a denial is kept as it was said, so that it can be told as contradicting; what is said instead is
# the fact.
OF_OTHERS = [
    ("Anna no longer works at Siemens", "Anna no longer works at Siemens"),
    ("my brother doesn't live in Rome any more", "My brother doesn't live in Rome any more"),
    ("Kim is no longer my manager", "Kim is no longer my manager"),
    ("Anna is not allergic to nuts", "Anna is not allergic to nuts"),
    ("Tom doesn't work at IBM anymore, he works at Bosch", "Tom works at Bosch"),
    ("my sister no longer lives in Rome, but she now lives in Oslo", "My sister lives in Oslo"),
    ("Tom no longer works at IBM, he has quit", "Tom no longer works at IBM, he has quit"),
]


@pytest.mark.parametrize(("said", "kept"), OF_OTHERS)
def test_a_denial_of_somebody_else_is_kept(said: str, kept: str) -> None:
    (intent,) = parse(said)
    assert [fact.content for fact in intent.facts] == [kept]


@pytest.mark.parametrize(
    ("line", "was"),
    [
        ("I don't live in Rome any more", "I live in Rome"),
        ("Anna no longer works at Siemens", "Anna works at Siemens"),
        ("My brother doesn't live in Rome any more", "My brother lives in Rome"),
        ("Kim is no longer my manager.", "Kim is my manager"),
        ("It is no longer raining", "It is raining"),
        ("Anna works at Siemens", None),
    ],
)
def test_what_was_so_before_a_denial(line: str, was: str | None) -> None:
    assert over(line) == was


# A correction may name the new value alone, after what was told or asked.
COMPLETED = [
    ("my boss is called Kari", "no, Nils", "My boss is called Nils"),
    ("my boss is called Kari", "actually it's nils now", "My boss is called nils"),
    ("I'm 42", "oops, 43", "I'm 43"),
    ("I live in Oslo", "sorry, I meant Bergen", "I live in Bergen"),
    ("my dentist appointment is on Friday", "it was moved to Monday", "My dentist appointment is Monday"),
    ("what's my name?", "no, it's Jonathan", "My name is Jonathan"),
    ("how old am I?", "wrong, 43", "I am 43"),
    ("when is Maria's birthday?", "no, 4 May", "Maria's birthday is 4 May"),
]


@pytest.mark.parametrize(("before", "said", "kept"), COMPLETED)
def test_a_correction_of_the_message_before(before: str, said: str, kept: str) -> None:
    (alone,) = parse(said)
    assert alone.kind is Kind.OTHER
    found = completed(said, before)
    assert found is not None
    assert [fact.content for fact in found.facts] == [kept]
    assert found.facts[0].key is not None


@pytest.mark.parametrize(
    ("before", "said", "kept"),
    [
        ("I have a dog", "his name is Bello", "My dog is called Bello"),
        ("I have a black cat", "she's called Mia", "My cat is called Mia"),
        ("my boss is very nice", "her name is Kari", "My boss is called Kari"),
    ],
)
def test_a_name_for_what_was_told_before(before: str, said: str, kept: str) -> None:
    found = of_somebody(said, before)
    assert found is not None
    assert [fact.content for fact in found.facts] == [kept]
    assert of_somebody(said, "hello") is None
    assert of_somebody(f"{said}?", before) is None


def test_two_questions_in_one_sentence() -> None:
    asked = [intent.question.key for intent in parse("what is my name, and where do I live?") if intent.question]
    assert asked == ["user.name", "user.location"]
    (alone,) = parse("what is my dog called and how old is he?")
    assert alone.kind is Kind.ASK


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("hello", "no, Nils"),
        ("I like tea", "no, coffee"),
        ("my dog is called Rex", "no, hang on"),
        ("my dog is called Rex", "actually, tell me a joke"),
        ("my dog is called Rex", "no, it's fine"),
        ("my dog is called Rex", "no, is it Max?"),
        ("my dog is called Rex", "Max"),
    ],
)
def test_what_corrects_nothing(before: str, said: str) -> None:
    assert completed(said, before) is None


@pytest.mark.parametrize(
    ("text", "query", "key"),
    [
        ("waht is my name", "name called call", "user.name"),
        ("whats my naem?", "naem name called call", "user.name"),
        ("hwo is my boss", "boss", "user.boss"),
        ("wehre do I live", "live home address moved", "user.location"),
        ("what's my adress", "adress address", "user.address"),
        ("where is Mali?", "mali", None),
    ],
)
def test_slips_of_the_fingers(text: str, query: str, key: str | None) -> None:
    (intent,) = parse(text)
    assert intent.question is not None
    assert (intent.question.query, intent.question.key) == (query, key)


def test_what_is_no_slip_is_left_as_it_is() -> None:
    assert parse("my other cat is called Jerry")[0].facts[0].key == "user.other_cat_name"
    assert read_question("how much do I weigh?").query == "weigh"
    assert read_question("which county do I live in?").query == "county live"
    assert parse("my adress is Main Street 4")[0].facts[0].key == "user.address"
    assert [intent.kind for intent in parse("that is my name")] == [Kind.OTHER]


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("my favourite song is Right Now", "user.favourite_song"),
        ("my favourite bar is Here and Now", "user.favourite_bar"),
        ("I prefer tea instead of coffee", None),
        ("I moved to Oslo in 2010", None),
        ("my boss is on holiday", None),
        ("my wife is a nurse", None),
        ("my phone is red", None),
        ("always answer me now", None),
    ],
)
def test_what_is_no_correction_stays_as_it_is(said: str, key: str | None) -> None:
    (fact,) = parse(said)[0].facts
    assert fact.content.casefold() == said.casefold()
    assert fact.key == key
