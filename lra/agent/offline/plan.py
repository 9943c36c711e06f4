"""From intents to tool calls, and from their results to the answer.

Each kind of intent has a plan: a generator that yields the calls it needs, is sent their results, and returns the
text. A plan is run from its beginning for every model request, fed with the results already in the history, so
nothing is remembered between requests and an interrupted turn can be taken up by any process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from lra.agent.offline import answers, recap, replies, tasks
from lra.agent.offline.denials import over
from lra.agent.offline.facts import read_fact
from lra.agent.offline.hits import Findings, Hit, read_hits
from lra.agent.offline.intents import Intent, Kind, parse
from lra.agent.offline.kin import related
from lra.agent.offline.questions import Question
from lra.agent.offline.relevance import about_person, judge
from lra.agent.offline.results import Call, Result, items
from lra.agent.offline.scene import Plan, Scene
from lra.agent.offline.sentences import statements
from lra.agent.offline.talk_phrases import days_ago, weekday
from lra.agent.offline.task_plan import task_plan
from lra.agent.offline.words import tidy
from lra.memory.secrets import repeatable

_HITS = 15
_MANY = 10
"""Hits from which others may have had no room: repetitions are left out of them."""
_ALL_HITS = 20
_FEW_ROWS = 20
_ROWS = 40
_MORE_ROWS = 100
_END = "END-OF-THE-CODE"
_WAS = re.compile(r"\b(?:did|was|were|had)\b", re.I)
_SUM = re.compile(
    r"(?:what(?:'s| is)|whats|how much is|calculate|compute) "
    r"(?P<sum>\(*\d[\d.() ]*(?:[-+*/%][-+*/%\d.() ]*\d[\d.() ]*)+)[=?. ]*",
    re.I,
)
_TO_DO = re.compile(r"\b(?:when|due|deadlines?|tasks?|to-?dos?|to do|reminders?|until|by)\b", re.I)
_EVERYTHING = (
    "name called like love prefer favourite live work use birthday allergic remember",
    "I my me am",
    "we our us",
)
"""Searches that together find most of what people say about themselves."""


def proceed(
    intents: Iterable[Intent], scene: Scene, results: Mapping[str, Result], *, may_call: bool = True
) -> tuple[list[Call], str]:
    """Take every intent as far as the results allow.

    Args:
        intents: What was asked for.
        scene: What the plans may use.
        results: Results that are there already, by the identity of their calls.
        may_call: Whether further calls are allowed.

    Returns:
        The calls to make next, each once; or no calls and the whole answer.
    """
    wanted: dict[str, Call] = {}
    texts: list[str] = []
    for intent in intents:
        missing, text = _advance(_PLANS[intent.kind](intent, scene), results)
        wanted.update({call.identity: call for call in missing})
        texts.append(replies.STOPPED if missing else text)
    if wanted and may_call:
        return list(wanted.values()), ""
    return [], "\n\n".join(dict.fromkeys(text for text in texts if text))


def _advance(plan: Plan, results: Mapping[str, Result]) -> tuple[list[Call], str]:
    try:
        calls = next(plan)
        while True:
            missing = [call for call in calls if call.identity not in results]
            if missing:
                plan.close()
                return missing, ""
            calls = plan.send([results[call.identity] for call in calls])
    except StopIteration as end:
        return [], str(end.value)


def _say(speak: Callable[[Scene], str]) -> Callable[[Intent, Scene], Plan]:
    def plan(_intent: Intent, scene: Scene) -> Plan:
        yield from ()
        return speak(scene)

    return plan


def _remember(intent: Intent, scene: Scene) -> Plan:
    if not intent.facts:
        return replies.WHAT_TO_REMEMBER
    if "write_memory" not in scene.tools:
        return answers.kept_here(intent.facts)
    results = yield [
        scene.call("write_memory", content=fact.content, memory_type=fact.memory_type, key=fact.key)
        for fact in intent.facts
    ]
    return answers.stored(intent.facts, results)


def _ask(intent: Intent, scene: Scene) -> Plan:
    question = intent.question
    if question is None or not question.query.strip():
        return replies.general(scene.tools, explained=scene.explained)
    if match := _SUM.fullmatch(question.text):
        runs = "execute_code" in scene.tools or "execute_command" in scene.tools
        return replies.CALCULATES.format(sum=match["sum"].strip()) if runs else replies.NO_SUMS
    said_here = _said_here(question, scene)
    if "search_memory" not in scene.tools:
        if said_here.matches:
            quoted = answers.quote(said_here.matches[0].content)
            return f"Earlier in this conversation you said: {quoted}"
        return replies.missing("search my memory")
    (result,) = yield [scene.call("search_memory", query=question.query, limit=_HITS)]
    if problem := answers.trouble("search_memory", result):
        return problem
    until = _asked_of(question, scene)
    findings = judge(question, read_hits(result.value), until=until)
    if calls := _further(question, findings, scene, cut=len(items(result.value)) >= _MANY):
        further = yield calls
        records = [record for each in (result, *further) for record in items(each.value)]
        findings = judge(question, read_hits(records), until=until)
    nothing = not (findings.matches or findings.likely or said_here.matches)
    if nothing and question.subjects and _TO_DO.search(question.text) and "list_tasks" in scene.tools:
        # What is to be done is in no memory.
        (result,) = yield [scene.call("list_tasks")]
        if named := tasks.about(tasks.read_tasks(result.value), question.subjects):
            return "\n".join(
                ["In memory I found no answer to this, but in your tasks:", *tasks.lines(named, scene.now)]
            )
    return answers.found(question, findings, said_here, scene.now)


def _asked_of(question: Question, scene: Scene) -> datetime | None:
    """Return the end of the day in the past at which a question asks how things were; None where it names none."""
    if not _WAS.search(question.text):
        return None
    days = scene.days_ago(days_ago(question.text), weekday(question.text))
    return scene.end_of(days) if days else None


def _further(question: Question, findings: Findings, scene: Scene, *, cut: bool) -> list[Call]:
    """Return searches that may find what the first did not: other words, and memories among much talk.

    Args:
        question: The question.
        findings: What the first search found.
        scene: What may be used.
        cut: Whether it gave as much as it may.
    """
    calls = []
    if not findings.matches and (more := related(question.text)):
        calls.append(scene.call("search_memory", query=more, limit=_HITS))
    stored = any(not hit.is_talk and not hit.outdated for hit in findings.matches)
    # A memory is found by its key as well, which no other holds.
    key = re.sub(r"[._]", " ", question.key or "")
    unasked = bool(key) and set(key.split()[1:]).isdisjoint(question.query.split())
    if not stored and (cut or unasked) and scene.takes("search_memory", "stored_only"):
        query = key or question.query
        calls.append(scene.call("search_memory", query=query, limit=_ALL_HITS, stored_only=True))
    if not stored and question.key == "user.name" and scene.takes("search_memory", "stored_only"):
        # "I'm Ana" has neither the word nor the key.
        calls.append(scene.call("search_memory", query="I am I'm", limit=_ALL_HITS, stored_only=True))
    return calls


def _said_here(question: Question, scene: Scene) -> Findings:
    hits: dict[str, Hit] = {}
    for at, text in enumerate(map(repeatable, scene.said)):
        # When is not known, but in what order.
        moment = scene.now - timedelta(seconds=len(scene.said) - at)
        # What was to be remembered has words before it that are no part of it.
        told = [fact for each in parse(text) if each.kind is Kind.REMEMBER for fact in each.facts]
        lines = statements(tidy(text))
        facts = [fact.content for fact in [*told, *filter(None, map(read_fact, lines))]]
        # What is said to be over counts against what was said before, also where nothing is kept of it.
        for content in dict.fromkeys([*facts, *(line for line in lines if over(line) is not None)]):
            hits.pop(content, None)
            hits[content] = Hit(content, created_at=moment)
    return judge(question, list(hits.values())[::-1])


def _forget(intent: Intent, _scene: Scene) -> Plan:
    yield from ()
    return replies.cannot_forget(intent.topic)


def _about_me(intent: Intent, scene: Scene) -> Plan:
    if "search_memory" not in scene.tools:
        return replies.missing("search my memory")
    calls = [scene.call("search_memory", query=query, limit=_ALL_HITS) for query in _EVERYTHING]
    if scene.takes("search_memory", "stored_only"):
        # Lines of conversation are many, and would leave no room for what was kept.
        kept = [scene.call("search_memory", query=query, limit=_ALL_HITS, stored_only=True) for query in _EVERYTHING]
        calls = [*kept, *calls[:1]]
    results = yield calls
    problems = [problem for result in results if (problem := answers.trouble("search_memory", result))]
    if len(problems) == len(results):
        return problems[0]
    records = [items(result.value) for result in results]
    found = about_person(read_hits([record for listed in records for record in listed]))
    cut = any(len(listed) >= _ALL_HITS for listed in records[: len(_EVERYTHING)])
    return answers.known(found, scene.now, cut=cut, days_ago=scene.days_ago(intent.days_ago, intent.weekday))


def _recent(intent: Intent, scene: Scene) -> Plan:
    if intent.where == "here":
        return recap.recap(scene.said, cut=scene.cut)
    if intent.where == "first":
        return recap.first_said(scene.said, cut=scene.cut)
    if intent.where == "last":
        return recap.last_said(scene.said)
    tool, here_too = "get_recent_conversations", intent.where == "either"
    day = scene.days_ago(intent.days_ago, intent.weekday)
    if tool not in scene.tools:
        return recap.recap(scene.said, cut=scene.cut) if here_too else replies.missing("look up earlier conversations")
    if scene.takes(tool, "others_only"):
        # This conversation is here already; read once more it would only fill the window.
        limit = _FEW_ROWS if day is None else _ROWS if day < 2 else _MORE_ROWS
        (result,) = yield [scene.call(tool, limit=limit, all_sessions=True, others_only=True)]
        if problem := answers.trouble(tool, result):
            return problem
        rows = answers.read_rows(result.value)
        others = [row for row in rows if row.role == "user"]
        here = [answers.Row("user", text, "", scene.now) for text in scene.said]
        more = len(rows) >= limit
        return answers.digest(others, here, scene.now, days_ago=day, here_too=here_too, more=more, cut=scene.cut)
    for limit in (_ROWS, _MORE_ROWS):
        (result,) = yield [scene.call(tool, limit=limit, all_sessions=True)]
        if problem := answers.trouble(tool, result):
            return problem
        rows = answers.read_rows(result.value)
        others, here = answers.split_current(rows, [*scene.said, *scene.asked])
        if others or len(rows) < limit:
            break
    return answers.digest(others, here, scene.now, days_ago=day, here_too=here_too, cut=scene.cut)


def _code(intent: Intent, scene: Scene) -> Plan:
    if intent.language != "python":
        return replies.PYTHON_ONLY
    if "execute_code" in scene.tools:
        call = scene.call("execute_code", code=intent.code)
    elif "execute_command" in scene.tools:
        call = scene.call("execute_command", command=f"python3 - <<'{_END}'\n{intent.code}\n{_END}")
    else:
        return replies.NO_SANDBOX
    (result,) = yield [call]
    if result.outcome != "success":
        return answers.trouble(call.tool, result) or replies.STOPPED
    return answers.ran(result)


_PLANS: Mapping[Kind, Callable[[Intent, Scene], Plan]] = {
    Kind.REMEMBER: _remember,
    Kind.ASK: _ask,
    Kind.ABOUT_ME: _about_me,
    Kind.RECENT: _recent,
    Kind.REPEAT: _say(lambda scene: recap.last_answer(scene.answered)),
    Kind.TASK: task_plan,
    Kind.CODE: _code,
    Kind.SECRET: _say(lambda scene: replies.SECRET),
    Kind.FORGET: _forget,
    Kind.GREETING: _say(lambda scene: replies.greeting(introduced=scene.introduced)),
    Kind.THANKS: _say(lambda scene: replies.THANKS),
    Kind.BYE: _say(lambda scene: replies.BYE),
    Kind.AGREED: _say(lambda scene: replies.AGREED),
    Kind.HELP: _say(lambda scene: replies.help_text(scene.tools)),
    Kind.WHO: _say(lambda scene: replies.who()),
    Kind.CLOCK: _say(lambda scene: replies.clock(scene.now)),
    Kind.EMPTY: _say(lambda scene: replies.EMPTY),
    Kind.WHY: _say(lambda scene: replies.WHY),
    Kind.WRONG: _say(lambda scene: replies.WRONG),
    Kind.UNDO: _say(lambda scene: replies.UNDO),
    Kind.OTHER: _say(lambda scene: replies.general(scene.tools, explained=scene.explained)),
}
