"""What every sandbox does with a cell: run, park, resume, stop, roll back."""

from collections.abc import AsyncGenerator

import pytest

from rao_runtime.ports import CellLimits, Done, Killed, Parked, Raise, Raised, Return, Sandbox, Stopped
from tests.conformance.sandbox_hosts import MAKERS, NOW, TOO_DEEP, Maker, Recorder, parked, run, shown, spec

GATHER = """
import asyncio
async def part(i):
    first = await launch(i)
    print('part', i, first)
    return await launch(i * 10)
results = await asyncio.gather(part(1), part(2), part(3))
print(results)
"""
HELD_IN_GATHER = "async def asks():\n    print(hold(1))\nawait asyncio.gather(part(1), part(2), asks())"
LOOP_LIMITS = CellLimits(run_s=0.3)
FEW_CALLS = CellLimits(calls=50)
LITTLE_OUTPUT = CellLimits(output_bytes=100)


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
async def sandbox(request: pytest.FixtureRequest) -> AsyncGenerator[Sandbox]:
    make: Maker = request.param
    async with make() as made:
        yield made


async def test_variables_live_from_cell_to_cell(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    await run(session, "x = [1]\ndef double(n):\n    return n * 2")
    await run(session, "x.append(double(4))")
    assert await shown(session, "x") == "[1, 8]"


async def test_inputs_become_variables_and_outlive_a_syntax_error(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    outcome = await session.run("1 +", Recorder(), now=NOW, inputs={"context": ["é", {"a": (1, 2.5, None)}]})
    assert isinstance(outcome, Raised)
    assert "SyntaxError" in outcome.error
    assert await shown(session, "context") == "['é', {'a': (1, 2.5, None)}]"


async def test_a_last_expression_is_shown_unless_it_is_none(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    assert await shown(session, "print('a')\n'é' + \"'\"  # comment") == 'a\n"é\'"'
    assert await shown(session, "None") == ""
    assert await shown(session, "x = 1; x, *[2]") == "(1, 2)"
    assert await shown(session, "if True:\n    5") == ""


async def test_an_error_keeps_what_the_cell_had_defined(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    outcome = await run(session, "x = 5\nprint('before')\ndef half(n):\n    return 1 / n\nhalf(0)")
    assert isinstance(outcome, Raised)
    assert outcome.output.text == "before\n"
    assert outcome.error.splitlines() == [
        "Traceback (most recent call last):",
        '  File "<cell>", line 5, in <module>',
        "    half(0)",
        '  File "<cell>", line 4, in half',
        "    return 1 / n",
        "ZeroDivisionError: division by zero",
    ]
    assert await shown(session, "x") == "5"


async def test_an_error_in_an_older_function_says_so(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    await run(session, "def half(n):\n    return 1 / n")
    outcome = await run(session, "half(0)")
    assert isinstance(outcome, Raised)
    assert '  File "<earlier cell>", line 2, in half' in outcome.error


async def test_launches_start_at_the_call_and_park_the_cell(sandbox: Sandbox) -> None:
    session, host = sandbox.session(spec()), Recorder()
    outcome = parked(await run(session, "a = launch('a')\nb = launch('b')\nprint('x')\nawait a, await b", host))
    assert host.said == [("launch", ("a",)), ("launch", ("b",))]
    assert outcome.pending == (0, 1)
    assert outcome.held is None
    assert outcome.output.text == "x\n"
    again = parked(await session.resume([(1, Return("B"))], now=NOW))
    assert again.pending == (0,)
    done = await session.resume([(0, Return("A"))], now=NOW)
    assert isinstance(done, Done)
    assert done.output.text == "x\n('A', 'B')\n"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
async def test_the_order_of_results_decides_what_runs_next(sandbox: Sandbox, order: tuple[int, ...]) -> None:
    session, host = sandbox.session(spec()), Recorder()
    assert parked(await run(session, GATHER, host)).pending == (0, 1, 2)
    outcome = parked(await session.resume([(call, Return(call)) for call in order], now=NOW))
    assert outcome.output.text == "".join(f"part {call + 1} {call}\n" for call in order)
    assert [call.args for call in host.calls[3:]] == [((call + 1) * 10,) for call in order]
    assert outcome.pending == (3, 4, 5)


async def test_call_ids_are_unique_in_the_session(sandbox: Sandbox) -> None:
    session, host = sandbox.session(spec()), Recorder()
    await run(session, "budget(), budget()", host)
    await run(session, "budget()", host)
    assert [call.call_id for call in host.calls] == [0, 1, 2]


async def test_after_one_member_of_a_gather_raised_the_others_stay_pending(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    code = "import asyncio\ntry:\n    await asyncio.gather(launch(1), launch(2))\nexcept ValueError as e:\n    print(e)"
    parked(await run(session, f"{code}\nprint(await launch(3))"))
    outcome = parked(await session.resume([(0, Raise("ValueError", "one failed"))], now=NOW))
    assert outcome.output.text == "one failed\n"
    assert outcome.pending == (1, 2)
    done = await session.resume([(1, Return("nobody")), (2, Return("three")), (99, Return("unknown"))], now=NOW)
    assert isinstance(done, Done)
    assert done.output.text == "one failed\nthree\n"


async def test_a_cell_may_end_with_calls_pending(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    code = "import asyncio\ntry:\n    await asyncio.gather(launch(1), launch(2))\nexcept ValueError:\n    print('done')"
    parked(await run(session, code))
    assert isinstance(await session.resume([(0, Raise("ValueError", "x"))], now=NOW), Done)


async def test_a_handle_of_an_earlier_cell_is_an_error_not_a_hang(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    await run(session, "old = launch('old')")
    outcome = await run(session, "new = launch('new')\nawait old")
    assert isinstance(outcome, Raised)
    assert "RuntimeError: launch(): this call was made by an earlier cell" in outcome.error


async def test_a_handle_is_awaited_once(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    parked(await run(session, "h = launch(1)\nprint(await h)\nawait h"))
    outcome = await session.resume([(0, Return(1))], now=NOW)
    assert isinstance(outcome, Raised)
    assert "cannot reuse already awaited coroutine" in outcome.error


async def test_code_after_stop_never_runs(sandbox: Sandbox) -> None:
    session, host = sandbox.session(spec()), Recorder()
    code = "print('a')\ntry:\n    finish(3)\nfinally:\n    print('b')\n    budget()"
    outcome = await run(session, code, host)
    assert isinstance(outcome, Stopped)
    assert outcome.output.text == "a\n"
    assert host.said == [("finish", (3,))]
    with pytest.raises(RuntimeError, match="closed"):
        await run(session, "1")


async def test_stop_works_inside_a_gathered_task(sandbox: Sandbox) -> None:
    session, host = sandbox.session(spec()), Recorder()
    code = "import asyncio\nasync def one(i):\n    finish(i)\nawait asyncio.gather(one(1), one(2))"
    assert isinstance(await run(session, code, host), Stopped)
    assert host.said == [("finish", (1,))]


async def test_a_held_call_parks_a_function_that_is_not_async(sandbox: Sandbox) -> None:
    session, host = sandbox.session(spec()), Recorder()
    code = "log = []\ndef ask(n):\n    log.append(n)\n    return hold(n) + 1\nprint('before')\nx = ask(4)\nx, log"
    outcome = parked(await run(session, code, host))
    assert (outcome.pending, outcome.held, outcome.output.text) == ((), 0, "before\n")
    done = await session.resume([(0, Return(10))], now=NOW)
    assert isinstance(done, Done)
    assert done.output.text == "before\n(11, [4])\n"
    assert host.said == [("hold", (4,))]


async def test_a_held_call_can_be_answered_with_an_error(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    parked(await run(session, "try:\n    hold(1)\nexcept ValueError as e:\n    print('caught', e)"))
    done = await session.resume([(0, Raise("ValueError", "wrong type"))], now=NOW)
    assert isinstance(done, Done)
    assert done.output.text == "caught wrong type\n"


async def test_results_that_come_while_a_call_is_held_are_kept_in_order(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    outcome = parked(await run(session, GATHER.partition("results")[0] + HELD_IN_GATHER))
    assert (outcome.pending, outcome.held) == ((0, 1), 2)
    outcome = parked(await session.resume([(1, Return("b")), (0, Return("a"))], now=NOW))
    assert (outcome.pending, outcome.held) == ((), 2)
    outcome = parked(await session.resume([(2, Return("held"))], now=NOW))
    assert outcome.output.text == "held\npart 2 b\npart 1 a\n"


async def test_asyncio_run_and_sleep_are_there_and_take_no_real_time(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    code = """
import asyncio, time
async def main():
    await asyncio.sleep(3600)
    return await launch('x')
start = time.time()
value = asyncio.run(main())
time.sleep(60)
value, time.time() - start
"""
    parked(await run(session, code))
    done = await session.resume([(0, Return("X"))], now=NOW + 5000)
    assert isinstance(done, Done)
    assert done.output.text == "('X', 5060.0)\n"


async def test_the_clock_is_the_one_given(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    code = "import time, datetime\ntime.time(), datetime.datetime.now().isoformat(), datetime.date.today().year"
    assert await shown(session, code) == "(1000000000.0, '2001-09-09T01:46:40', 2001)"


async def test_random_follows_from_the_seed(sandbox: Sandbox) -> None:
    draw = "import random\nrandom.random(), random.randint(1, 10**9)"
    one, same, other = (sandbox.session(spec(seed=seed)) for seed in (1, 1, 2))
    first = await shown(one, draw)
    assert await shown(same, draw) == first
    assert await shown(other, draw) != first
    assert await shown(one, draw) != first


async def test_an_abandoned_cell_leaves_variables_as_they_were(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    await run(session, "x = [1]")
    parked(await run(session, "x.append(2)\ny = 3\nawait launch(1)"))
    await session.abandon()
    assert await shown(session, "x") == "[1]"
    assert isinstance(await run(session, "y"), Raised)


async def test_an_endless_loop_is_killed_and_rolled_back(sandbox: Sandbox) -> None:
    session = sandbox.session(spec(limits=LOOP_LIMITS))
    await session.run("x = [1]", Recorder(), now=NOW, inputs={"context": "kept"})
    outcome = await run(session, "x.append(2)\nprint('a')\nwhile True: pass")
    assert isinstance(outcome, Killed)
    assert (outcome.reason, outcome.output.text) == ("time", "a\n")
    assert await shown(session, "x, context") == "([1], 'kept')"


async def test_inputs_of_a_killed_first_cell_are_still_there(sandbox: Sandbox) -> None:
    session = sandbox.session(spec(limits=LOOP_LIMITS))
    outcome = await session.run("while True: pass", Recorder(), now=NOW, inputs={"context": "kept"})
    assert isinstance(outcome, Killed)
    assert await shown(session, "context") == "'kept'"


async def test_calls_without_end_are_killed(sandbox: Sandbox) -> None:
    session, host = sandbox.session(spec(limits=FEW_CALLS)), Recorder()
    outcome = await run(session, "while True:\n    launch(1)", host)
    assert isinstance(outcome, Killed)
    assert outcome.reason == "calls"
    assert len(host.calls) == FEW_CALLS.calls
    assert await shown(session, "1") == "1"


async def test_output_over_the_cap_is_cut_and_counted(sandbox: Sandbox) -> None:
    session = sandbox.session(spec(limits=LITTLE_OUTPUT))
    outcome = await run(session, "print('é' * 100)\nx = 1")
    assert isinstance(outcome, Done)
    assert (outcome.output.text, outcome.output.dropped_chars) == ("é" * 50, 51)
    assert await shown(session, "x") == "1"


async def test_printing_without_end_is_killed(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    outcome = await run(session, "while True: print('x' * 100_000)")
    assert isinstance(outcome, Killed)
    assert outcome.reason == "output"
    assert len(outcome.output.text) == 1 << 20
    assert outcome.cell_s < 5
    assert await shown(session, "2") == "2"


async def test_a_cell_that_raises_system_exit_only_raised(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    outcome = await run(session, "raise SystemExit")
    assert isinstance(outcome, Raised)
    assert outcome.error.endswith("SystemExit")


async def test_an_unknown_name_is_a_name_error(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    for code in ("nosuch", "nosuch(1)", "exit()", "input()"):
        outcome = await run(session, code)
        assert isinstance(outcome, Raised)
        assert outcome.error.splitlines()[-1].startswith("NameError: name"), code


async def test_a_cell_too_long_is_refused(sandbox: Sandbox) -> None:
    outcome = await run(sandbox.session(spec()), "x = 1\n" * 20_000)
    assert isinstance(outcome, Raised)
    assert "SyntaxError: the cell has 120,000 characters" in outcome.error


async def test_a_session_out_of_turn_is_a_programming_error(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    with pytest.raises(RuntimeError, match="no parked cell"):
        await session.resume([], now=NOW)
    parked(await run(session, "await launch(1)"))
    with pytest.raises(RuntimeError, match="has a parked cell"):
        await run(session, "1")
    await session.close()
    await session.close()
    with pytest.raises(RuntimeError, match="closed"):
        await run(session, "1")


async def test_resuming_with_nothing_changes_nothing(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    before = parked(await run(session, "print('a')\nawait launch(1)"))
    assert await session.resume([], now=NOW) == before
    assert await session.resume([(77, Return(1))], now=NOW) == before
    assert isinstance(await session.resume([(0, Return(TOO_DEEP))], now=NOW), Done)


async def test_a_cell_parks_again_and_again(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    outcome = await run(session, "total = 0\nfor i in range(20):\n    total += await launch(i)\ntotal")
    for call in range(20):
        assert isinstance(outcome, Parked)
        outcome = await session.resume([(call, Return(call))], now=NOW)
    assert isinstance(outcome, Done)
    assert outcome.output.text == "190\n"
