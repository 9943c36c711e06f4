"""What rules mean, which of them speaks, and what a file with mistakes does."""

from __future__ import annotations

import string
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lra.policy import Action, Level, Mistake, Origin, Policy, Rule, parse, propose, removed, written

USER, PROJECT = Origin("user", "/u.toml", 1), Origin("project", "/p.toml", 1)


def policy(*rules: Rule, trusted: bool = True) -> Policy:
    made = Policy()
    made.set_files(rules, trusted=trusted)
    return made


@pytest.mark.parametrize(
    ("rule", "tool", "args", "meant"),
    [
        (Rule("allow", "web_fetch"), "web_fetch", {}, True),
        (Rule("allow", "web_*"), "web_fetch", {}, True),
        (Rule("allow", "web_fetch"), "web_fetch_all", {}, False),
        (Rule("allow", "Web_fetch"), "web_fetch", {}, False),
        (Rule("allow", "a[b]"), "a[b]", {}, True),
        (Rule("allow", "a[b]"), "ab", {}, False),
        (Rule("allow", "f", {"path": "src/*"}), "f", {"path": "src/a/b"}, True),
        (Rule("allow", "f", {"path": "src/*"}), "f", {"path": "/src/a"}, False),
        (Rule("allow", "f", {"path": "src/*"}), "f", {}, False),
        (Rule("deny", "f", {"path": "src/*"}), "f", {}, False),
        (Rule("allow", "f", {"n": "3"}), "f", {"n": 3}, True),
        (Rule("allow", "f", {"n": "true"}), "f", {"n": True}, True),
        (Rule("allow", "f", {"host": "docs.python.org"}), "f", {"url": "https://DOCS.python.org:443/3/"}, True),
        (Rule("allow", "f", {"host": "docs.python.org"}), "f", {"url": "https://docs.python.org@evil.example/"}, False),
        (Rule("allow", "f", {"host": "*.python.org"}), "f", {"url": "https://evil.example/a.python.org"}, False),
        (Rule("allow", "f", {"host": "docs.python.org"}), "f", {"url": "docs.python.org"}, False),
        (Rule("allow", "f", {"host": "docs.python.org"}), "f", {"url": "http://[bad"}, False),
        # All of a list has to be allowed; any of it can be refused.
        (Rule("allow", "f", {"hosts": ("a.example", "b.example")}), "f", {"hosts": ["a.example"]}, True),
        (Rule("allow", "f", {"hosts": "a.example"}), "f", {"hosts": ["a.example", "c.example"]}, False),
        (Rule("deny", "f", {"hosts": "a.example"}), "f", {"hosts": ["c.example", "a.example"]}, True),
        (Rule("allow", "f", {"hosts": ()}), "f", {"hosts": []}, True),
        (Rule("allow", "f", {"hosts": ()}), "f", {"hosts": ["a.example"]}, False),
        (Rule("allow", "f", {"hosts": "*"}), "f", {"hosts": []}, False),
        (Rule("allow", "f", {"packages": "pip:*"}), "f", {"packages": {"pip": ["a", "b"]}}, True),
        (Rule("allow", "f", {"packages": "pip:*"}), "f", {"packages": {"pip": ["a"], "apt": ["b"]}}, False),
        (Rule("allow", "f", {"packages": ()}), "f", {"packages": {}}, True),
    ],
)
def test_what_a_rule_means(rule: Rule, tool: str, args: dict[str, Any], meant: bool) -> None:
    assert rule.matches(tool, args) is meant


@pytest.mark.parametrize(
    ("rules", "session", "expected"),
    [
        ([], [], "allow"),
        ([Rule("deny", "*", origin=USER)], [Rule("allow", "t")], "deny"),
        ([Rule("deny", "t", origin=PROJECT), Rule("allow", "t", origin=USER)], [], "deny"),
        ([Rule("ask", "t", origin=USER)], [Rule("allow", "t")], "allow"),
        ([Rule("ask", "t", origin=USER), Rule("allow", "*", origin=PROJECT)], [], "allow"),
        ([Rule("allow", "t", origin=USER), Rule("ask", "*", origin=PROJECT)], [], "ask"),
        ([Rule("allow", "t", origin=USER), Rule("ask", "t", origin=USER)], [], "ask"),
        ([Rule("allow", "t", origin=USER), Rule("ask", "*", origin=USER)], [], "allow"),
        ([Rule("allow", "*", {"a": "1"}, origin=USER), Rule("ask", "t", origin=USER)], [], "allow"),
        ([Rule("allow", "t", {"a": "2"}, origin=USER), Rule("ask", "t", origin=USER)], [], "ask"),
    ],
)
def test_which_rule_speaks(rules: list[Rule], session: list[Rule], expected: Action) -> None:
    made = policy(*rules)
    made.session.extend(session)
    assert made.decide("t", {"a": "1"}).action == expected


def test_the_project_of_a_stranger_can_only_tighten() -> None:
    loose = [Rule("allow", "web_fetch", origin=PROJECT), Rule("deny", "write_memory", origin=PROJECT)]
    assert policy(*loose, trusted=False).decide("web_fetch", {}, "ask").action == "ask"
    assert policy(*loose, trusted=True).decide("web_fetch", {}, "ask").action == "allow"
    assert policy(*loose, trusted=False).decide("write_memory", {}).action == "deny"


def test_a_mistake_allows_nothing_but_what_the_person_said_in_the_session() -> None:
    made = policy(Rule("allow", "a", origin=USER), Rule("deny", "b", origin=USER))
    made.set_files(made.rules, [Mistake("/u.toml", 7, "this is no TOML")])
    asked = made.decide("a", {})
    assert asked.action == "ask"
    assert asked.reason == "/u.toml:7 has a mistake, so nothing is allowed without asking."
    assert made.decide("search_memory", {}).action == "ask"
    assert made.decide("b", {}).action == "deny"
    made.allow_in_session(Rule("allow", "a"))
    assert made.decide("a", {}).action == "allow"


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("[[rule]]\nallow = web\n", 2, "this is no TOML"),
        ('[[rule]]\nallow = "a"\n\n[[rule]]\ndeny = 5\n', 4, "deny is the name of a tool, in quotes"),
        ('\n\n[[rule]]\nallow = "a"\ndeny = "b"\n', 3, "exactly one of allow, ask and deny"),
        ('[[rule]]\nwhen = { a = "b" }\n', 1, "exactly one of allow, ask and deny"),
        ('[[rule]]\nalow = "a"\n', 1, 'no "alow"'),
        ('[[rule]]\nallow = "a"\nwhen = "b"\n', 1, "when is a table"),
        ('[[rule]]\nallow = "a"\nwhen = { b = 5 }\n', 1, 'the pattern of "b" is a text'),
        ('[[rule]]\nallow = ""\n', 1, "the name of a tool"),
        ('[rule]\nallow = "a"\n', 1, "begins with [[rule]]"),
        ('# one\n[[rules]]\nallow = "a"\n', 2, '"rules" is not known'),
        ("rule = 5\n", 1, "begins with [[rule]]"),
        ("a" * 100_000, 1, "this is no TOML"),
        ("x = " + "[" * 5000, 1, "this is no TOML"),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, line: int, sentence: str) -> None:
    _, mistakes = parse(text, "user", "/u.toml")
    assert len(mistakes) == 1
    assert mistakes[0].line == line
    assert sentence in str(mistakes[0])
    assert str(mistakes[0]).startswith(f"/u.toml:{line}: ")
    assert "\n" not in str(mistakes[0])


def test_what_is_right_in_a_file_with_a_mistake_still_denies() -> None:
    rules, mistakes = parse('[[rule]]\ndeny = "a"\n[[rule]]\nallow = 1\n', "user", "/u.toml")
    assert [str(rule) for rule in rules] == ["deny a"]
    assert len(mistakes) == 1


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_NAMES = st.text(string.ascii_lowercase + "_*?[]", min_size=1, max_size=12).filter(str.strip)
_RULES = st.builds(
    Rule,
    st.sampled_from(["allow", "ask", "deny"]),
    _NAMES,
    st.dictionaries(_TEXT, st.one_of(_TEXT, st.lists(_TEXT, max_size=3).map(tuple)), max_size=3),
    _TEXT.map(str.strip),
)


@given(_RULES)
def test_what_is_written_is_read_again(rule: Rule) -> None:
    rules, mistakes = parse(f"# a comment\n\n{written(rule)}", "session", "")
    assert mistakes == []
    assert [(each.action, each.tool, dict(each.when), each.why) for each in rules] == [
        (rule.action, rule.tool, dict(rule.when), rule.why)
    ]


@given(st.text(max_size=200), st.sampled_from(["user", "project"]))
def test_no_text_breaks_the_reader(text: str, level: Level) -> None:
    rules, mistakes = parse(text, level, "/u.toml")
    assert rules == [] or not mistakes or all(isinstance(each, Mistake) for each in mistakes)


@given(
    st.dictionaries(
        st.sampled_from(["url", "hosts", "packages", "path", "n"]),
        st.one_of(
            _TEXT,
            st.lists(_TEXT, max_size=3),
            st.integers(),
            st.dictionaries(_TEXT, _TEXT),
            st.just("https://a.example/x?y=*"),
        ),
        max_size=4,
    )
)
def test_a_proposal_means_the_call_it_was_made_for(args: dict[str, Any]) -> None:
    assert propose("t", args).matches("t", args)


def test_a_proposal_is_narrow() -> None:
    assert str(propose("web_fetch", {"url": "https://a.example/x"})) == 'allow web_fetch when host="a.example"'
    grant = propose("create_sandbox", {"network": "limited", "hosts": ["a.example"]})
    assert not grant.matches("create_sandbox", {"network": "limited", "hosts": ["b.example"]})
    assert not grant.matches("create_sandbox", {"network": "unrestricted", "hosts": ["a.example"]})
    star = propose("web_fetch", {"url": "https://*/"})
    assert not star.matches("web_fetch", {"url": "https://other.example/"})


def test_one_rule_is_taken_out_and_the_rest_stays() -> None:
    text = '# head\n\n[[rule]]\nallow = "a"\n# of a\n\n# of b\n[[rule]]\ndeny = "b"\nwhen = { x = "1" }\n'
    assert removed(text, 3) == '# head\n\n# of b\n[[rule]]\ndeny = "b"\nwhen = { x = "1" }\n'
    assert removed(text, 8) == '# head\n\n[[rule]]\nallow = "a"\n# of a\n\n# of b\n'


def test_a_long_argument_costs_no_more_than_its_length() -> None:
    rule = Rule("deny", "f", {"text": "*a*a*a*a*a*a*b"})
    began = time.process_time()
    assert not rule.matches("f", {"text": "a" * 50_000})
    # Quadratic would be minutes.
    assert time.process_time() - began < 5
