"""Conformance: a kernel behaves as a notebook does, whatever isolates it."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.errors import ConflictError, InvalidError
from sandbox.manager import Manager
from tests.sandbox.running import Ran, Running


async def test_names_persist_and_functions_see_each_other(box: Running) -> None:
    await box.ok("def one():\n    return 1\ndef two():\n    return one() + base")
    await box.ok("base = 40")
    assert (await box.ok("two() + 1")).result == "42"
    assert (await box.ok("_ + 1")).result == "43"


async def test_a_class_can_be_pickled_and_a_dataclass_made(box: Running) -> None:
    await box.ok("import pickle\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int")
    assert (await box.ok("pickle.loads(pickle.dumps(P(3)))")).result == "P(x=3)"


async def test_only_a_last_expression_is_a_value(box: Running) -> None:
    assert (await box.ok("1 + 1")).result == "2"
    assert (await box.ok("x = 1")).result is None
    assert (await box.ok("None")).result is None
    assert (await box.ok("3;")).result is None


async def test_await_works_at_top_level_and_loops_persist(box: Running) -> None:
    await box.ok("import asyncio\nevent = asyncio.Event()\nasync def f():\n    event.set()\n    return 7")
    assert (await box.ok("task = asyncio.ensure_future(f())\nawait event.wait()\nawait task")).result == "7"
    assert (await box.ok("asyncio.run(f())")).result == "7"


async def test_a_file_of_the_users_does_not_stand_in_for_the_loop(box: Running) -> None:
    await box.ok("open('asyncio.py', 'w').write('raise SystemExit')\nasync def f():\n    return 8")
    assert (await box.ok("await f()")).result == "8"


async def test_a_traceback_points_at_the_cell_alone(box: Running) -> None:
    await box.ok("def divide(n):\n    return 1 / n")
    done = (await box.run("x = 1\ndivide(0)")).done
    assert (done["status"], done["name"], done["state"]) == ("error", "ZeroDivisionError", True)
    assert '<cell 2>", line 2' in done["traceback"]
    assert "return 1 / n" in done["traceback"]
    assert "guest" not in done["traceback"]
    syntax = (await box.run("x = = 1")).done
    assert syntax["name"] == "SyntaxError"
    assert "x = = 1" in syntax["traceback"]
    assert "guest" not in syntax["traceback"]


async def test_input_reads_what_was_given_and_says_when_there_is_nothing(box: Running) -> None:
    assert (await box.ok("name = input('Name? ')\nname", stdin="Ada\n")).result == "'Ada'"
    done = (await box.run("input()")).done
    assert done["name"] == "EOFError"
    assert "stdin" in done["message"]


@pytest.mark.parametrize(("code", "status", "number"), [("exit()", "ok", 0), ("import sys; sys.exit(3)", "exit", 3)])
async def test_an_exit_ends_the_cell_and_not_the_kernel(box: Running, code: str, status: str, number: int) -> None:
    await box.ok("kept = 5")
    done = (await box.run(code)).done
    assert (done["status"], done["exit"]) == (status, number)
    assert (await box.ok("kept")).result == "5"


async def test_both_streams_stay_in_order(box: Running) -> None:
    code = "import sys\nfor i in range(20):\n    print('o', i)\n    print('e', i, file=sys.stderr)"
    both = (await box.ok(code)).text("stdout", "stderr").split("\n")
    assert both[:-1] == [f"{name} {i}" for i in range(20) for name in "oe"]


async def test_output_of_children_stays_in_order_with_ones_own(box: Running) -> None:
    code = "import subprocess\nprint('a')\nsubprocess.run(['echo', 'b'])\nprint('c')"
    assert (await box.ok(code)).out == "a\nb\nc\n"


async def test_output_comes_while_code_runs(box: Running) -> None:
    async def first() -> str:
        events = box.client.execute(box.id, "print('now')\nimport time\ntime.sleep(30)")
        try:
            return str((await anext(events))["text"])
        finally:
            await events.aclose()

    assert await asyncio.wait_for(first(), 10) == "now\n"


async def test_short_prints_are_gathered(box: Running) -> None:
    ran = await box.ok("for i in range(20_000): print(i)")
    assert ran.out == "".join(f"{i}\n" for i in range(20_000))
    assert len(ran.events) < 200


async def test_whoever_stops_listening_interrupts_the_code(box: Running) -> None:
    await box.ok("kept = 1")
    events = box.client.execute(box.id, "print('x')\nwhile True: pass")
    await anext(events)
    await events.aclose()
    for _ in range(100):
        try:
            assert (await box.ok("kept")).result == "1"
            return
        except ConflictError:
            await asyncio.sleep(0.1)
    pytest.fail("the code was not interrupted")


async def test_rich_values_come_by_mime_type(box: Running) -> None:
    code = "class T:\n    def _repr_html_(self): return '<b>x</b>'\n    def _repr_png_(self): return b'\\x89PNG'\nT()"
    shown = (await box.ok(code)).shown[0]
    assert shown["text/html"] == "<b>x</b>"
    assert shown["image/png"] == "iVBORw=="
    assert len((await box.ok("display(1); display(2)")).shown) == 2


async def test_a_value_whose_repr_fails_is_still_shown(box: Running) -> None:
    ran = await box.ok("class Bad:\n    def __repr__(self): raise ValueError('no')\nBad()")
    assert "ValueError" in str(ran.result)


async def test_figures_come_as_images_and_are_closed(box: Running) -> None:
    # The shape of matplotlib's pyplot, which the interpreter of the kernels need not have.
    fake = (
        "import sys, types\nclass Figure:\n    def savefig(self, to, **k): to.write(b'\\x89PNG')\n"
        "p = types.ModuleType('matplotlib.pyplot')\np.open = [1, 2]\np.get_fignums = lambda: list(p.open)\n"
        "p.figure = lambda n: Figure()\np.close = lambda w: p.open.clear()\nsys.modules['matplotlib.pyplot'] = p"
    )
    assert [each["image/png"] for each in (await box.ok(fake)).shown] == ["iVBORw=="] * 2
    assert (await box.ok("1")).shown == [{"text/plain": "1"}]


async def test_a_forked_child_that_comes_out_of_the_cell_is_no_second_kernel(box: Running) -> None:
    await box.ok("import os\npid = os.fork()\nprint('child' if pid == 0 else 'parent')")
    assert (await box.ok("os.waitpid(pid, 0)[1], os.getpid() != pid")).result == "(0, True)"


async def test_multiprocessing_works(box: Running) -> None:
    code = (
        "from multiprocessing import Pool\ndef double(x): return 2 * x\nwith Pool(2) as p: r = p.map(double, [1, 2])\nr"
    )
    assert (await box.ok(code)).result == "[2, 4]"


async def test_a_kernel_that_ends_is_replaced_and_the_answer_says_so(box: Running) -> None:
    await box.ok("kept = 1")
    done = (await box.run("import os\nos._exit(3)")).done
    assert (done["status"], done["name"], done["state"]) == ("error", "KernelDied", False)
    assert (await box.run("kept")).done["name"] == "NameError"


async def test_a_restart_forgets_names_and_keeps_files(box: Running) -> None:
    await box.ok("kept = 1\nopen('a.txt', 'w').write('x')")
    await box.client.restart(box.id)
    assert (await box.run("kept")).done["name"] == "NameError"
    assert await box.read("a.txt") == b"x"


LADDER = [
    ("while True: pass", "interrupt", True),
    ("import time; time.sleep(60)", "interrupt", True),
    ("import asyncio; await asyncio.sleep(60)", "interrupt", True),
    ("import subprocess; subprocess.run(['sh', '-c', 'trap \"\" INT; sleep 60 & wait; sleep 60'])", None, True),
    ("import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})\nwhile True: pass", "restart", False),
    ("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", "restart", False),
]


@pytest.mark.parametrize(("code", "rung", "state"), LADDER)
async def test_the_ladder_says_which_rung_and_whether_names_survived(
    box: Running, code: str, rung: str | None, state: bool
) -> None:
    await box.ok("kept = 1")
    done = (await box.run(code, timeout=0.5)).done
    assert (done["status"], done["state"]) == ("timeout", state)
    assert done["rung"] in ({rung} if rung else {"interrupt", "kill"})
    assert (await box.run("kept")).done["status"] == ("ok" if state else "error")
    await box.ok("1")


async def test_an_interrupt_from_beside_ends_the_cell(box: Running) -> None:
    await box.ok("kept = 1")
    events = box.client.execute(box.id, "print('go', flush=True)\nwhile True: pass")
    await anext(events)
    await box.client.interrupt(box.id)
    rest = Ran([event async for event in events])
    assert (rest.done["status"], rest.done["rung"]) == ("interrupted", "interrupt")
    assert (await box.ok("kept")).result == "1"


async def test_a_second_cell_at_once_is_refused(box: Running) -> None:
    events = box.client.execute(box.id, "print('go', flush=True)\nwhile True: pass")
    await anext(events)
    with pytest.raises(ConflictError):
        await box.run("1")
    await events.aclose()


async def test_large_output_keeps_head_tail_and_the_whole_in_a_file(manager: Manager) -> None:
    box = await Running.create(manager, limits={"output_bytes": 10_000})
    ran = await box.ok("for i in range(100_000): print(f'{i:07d}')")
    cut = ran.done["cut"]
    assert ran.out.startswith("0000000\n")
    assert ran.out.endswith("0099999\n")
    assert ran.done["stdout_bytes"] == 800_000
    assert cut["stdout"] == 800_000 - 10_000
    assert "790,000 bytes cut" in ran.out
    assert cut["complete"]
    assert await box.read(cut["file"]) == b"".join(b"%07d\n" % i for i in range(100_000))


async def test_output_below_the_limit_leaves_no_file(box: Running) -> None:
    assert (await box.ok("print('x' * 900_000)")).done["cut"] is None
    assert (await box.client.list_files(box.id))["entries"] == []


async def test_output_beyond_the_disk_leaves_all_alive(manager: Manager) -> None:
    box = await Running.create(manager, limits={"disk_mb": 4, "output_bytes": 10_000})
    ran = await box.ok("for i in range(64): print('x' * 1_000_000)", timeout=60)
    assert ran.done["stdout_bytes"] == 64 * 1_000_001
    assert ran.done["cut"]["complete"] is False
    assert (await box.ok("1 + 1")).result == "2"


async def test_bytes_that_are_no_text_are_passed_on_readably(box: Running) -> None:
    assert (await box.ok("import sys\nsys.stdout.buffer.write(b'a\\xffb')\nsys.stdout.flush()")).out == "a\ufffdb"
    assert (await box.ok("print('\\ud800 é')")).out == "\\ud800 é\n"


async def test_shell_commands(box: Running) -> None:
    ran = await box.shell("echo out; echo err >&2; pwd; exit 3")
    assert (ran.out, ran.err, ran.done["exit"], ran.done["status"]) == ("out\n/workspace\n", "err\n", 3, "error")
    assert (await box.shell("cat", stdin="given")).out == "given"
    stopped = await box.shell("trap '' TERM; echo a; sleep 60 & wait; sleep 60", timeout=0.5)
    assert (stopped.done["status"], stopped.done["rung"]) == ("timeout", "kill")


async def test_a_shell_sandbox_runs_commands(manager: Manager) -> None:
    box = await Running.create(manager, language="shell")
    assert (await box.run("echo $((1 + 1))")).out == "2\n"


async def test_environment_and_nothing_else(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    box = await Running.create(manager, env={"GREETING": 'it\'s "quoted"\nand more'})
    assert (await box.ok("import os; print(os.environ['GREETING'])")).out == 'it\'s "quoted"\nand more\n'
    everything = (await box.ok("print(os.environ)")).out + (await box.shell("env")).out
    assert "sk-secret" not in everything
    assert "LRA_GUEST" not in everything


@pytest.mark.parametrize("timeout", [0, -1, 1e9, float("nan")])
async def test_a_senseless_timeout_is_refused(box: Running, timeout: float) -> None:
    with pytest.raises(InvalidError):
        await box.run("1", timeout=timeout)


async def test_many_commands_that_end_at_once_leave_the_sandbox_alive(box: Running) -> None:
    ran = await asyncio.gather(*(box.shell("echo out; exit 2") for _ in range(16)))
    assert [(each.out, each.done["exit"]) for each in ran] == [("out\n", 2)] * 16
    assert (await box.ok("1 + 1")).result == "2"
