"""What crosses the border of every sandbox, and what must not."""

from collections.abc import AsyncGenerator

import pytest

from rao_runtime.ports import CellLimits, Done, FailedValue, Raise, Raised, Return, Sandbox
from tests.conformance.sandbox_hosts import MAKERS, NOW, TOO_DEEP, Maker, Recorder, parked, run, shown, spec

LIMITS = CellLimits(run_s=1.0)

PLAIN: list[object] = [
    None,
    True,
    -(10**30),
    1.5,
    "é\u2028'\"",
    b"\x00\xff",
    [1, [2, []]],
    (1, (2,)),
    {"a": {1: "b", (1, 2): None}},
    {1, 2},
    frozenset({"x"}),
    "<function f at 0x1>",
    "[...]",
]

NOT_PLAIN = {
    "lambda: 1": "function",
    "named": "function",
    "Thing": "type",
    "Thing()": "Thing",
    "[1, {'a': (named,)}]": "function",
    "{'k': Thing()}": "Thing",
    "{Thing(): 1} if False else [Thing]": "type",
    "int": "type",
    "len": "builtin",
    "loop": "contains itself",
    "{'loop': loop}": "contains itself",
    "[Thing, Thing(), loop]": "type",
    "range(3)": "range",
    "datetime.date(2020, 1, 1)": "date",
    "Counter('aab')": "here dict(...)",
    "launch(1)": "",
}

SETUP = """
import datetime
from collections import Counter
class Thing:
    pass
def named():
    pass
loop = []
loop.append(loop)
"""


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
async def sandbox(request: pytest.FixtureRequest) -> AsyncGenerator[Sandbox]:
    make: Maker = request.param
    async with make() as made:
        yield made


@pytest.mark.parametrize("value", PLAIN, ids=repr)
async def test_plain_values_go_in_and_come_out_as_they_are(sandbox: Sandbox, value: object) -> None:
    session, host = sandbox.session(spec()), Recorder()
    outcome = await session.run("echo(echo(value), key=value) == value", host, now=NOW, inputs={"value": value})
    assert isinstance(outcome, Done), outcome
    assert outcome.output.text == "True\n"
    assert [(call.args, dict(call.kwargs)) for call in host.calls] == [((value,), {}), ((value,), {"key": value})]
    assert type(host.calls[0].args[0]) is type(value)


@pytest.mark.parametrize(("argument", "said"), NOT_PLAIN.items(), ids=NOT_PLAIN)
async def test_an_argument_that_is_not_plain_is_a_type_error(sandbox: Sandbox, argument: str, said: str) -> None:
    session, host = sandbox.session(spec()), Recorder()
    await run(session, SETUP, host)
    outcome = await run(session, f"echo({argument})", host)
    assert isinstance(outcome, Raised)
    last = outcome.error.splitlines()[-1]
    assert last.startswith("TypeError: echo(): an argument ")
    assert said in last
    assert "_rao" not in outcome.error
    assert [call for call in host.calls if call.name == "echo"] == []
    keyword = await run(session, f"try:\n    echo(1, context={argument})\nexcept TypeError:\n    print('told')", host)
    assert keyword.output.text == "told\n"


async def test_a_value_of_astronomic_size_is_refused_quickly(sandbox: Sandbox) -> None:
    session, host = sandbox.session(spec()), Recorder()
    outcome = await run(session, "x = [0]\nfor i in range(60):\n    x = [x, x]\necho(x)", host)
    assert isinstance(outcome, Raised)
    assert outcome.error.endswith("ValueError: echo(): an argument holds more than 250,000 values")
    assert host.calls == []


async def test_an_integer_too_long_to_print_is_refused(sandbox: Sandbox) -> None:
    session, host = sandbox.session(spec()), Recorder()
    outcome = await run(session, "echo([10 ** 5000])", host)
    assert isinstance(outcome, Raised)
    assert "ValueError: echo(): an integer of more than 4,300 digits cannot be passed on" in outcome.error
    assert host.calls == []


async def test_a_call_still_works_when_built_in_names_are_overwritten(sandbox: Sandbox) -> None:
    session, host = sandbox.session(spec()), Recorder()
    await run(session, "list = set = map = type = print = repr = isinstance = len = exec = dict = None", host)
    assert await shown(session, "7") == "7"
    outcome = parked(await run(session, "await launch([1, {'a': (2,)}], x={3})", host))
    assert outcome.pending == (0,)
    assert host.said == [("launch", ([1, {"a": (2,)}],))]


async def test_a_failed_child_is_a_value_that_tells_why(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    code = "import asyncio\nresults = await asyncio.gather(launch(1), launch(2), launch(3))"
    parked(await run(session, code))
    answers = [(0, Return(3)), (1, Return(TOO_DEEP)), (2, Return(TOO_DEEP))]
    assert isinstance(await session.resume(answers, now=NOW), Done)
    assert await shown(session, "[isinstance(r, Failed) for r in results]") == "[False, True, True]"
    assert await shown(session, "results[1]") == "Failed(reason='depth', message='no deeper than 4')"
    assert await shown(session, "str(results[1])") == repr("Failed(reason='depth', message='no deeper than 4')")
    assert await shown(session, "results[1].reason, results[1].message") == "('depth', 'no deeper than 4')"
    assert await shown(session, "results[1] == results[2]") == "True"


@pytest.mark.parametrize(
    "use", ["sum([bad])", "bad + 1", "len(bad)", "bad['a']", "bad.strip()", "bad.answer", "int(bad)"]
)
async def test_using_a_failed_as_an_answer_shows_why_it_failed(sandbox: Sandbox, use: str) -> None:
    session = sandbox.session(spec())
    await run(session, "bad = refuse()")
    outcome = await run(session, use)
    assert isinstance(outcome, Raised)
    assert outcome.error.endswith("\n  where Failed(reason='depth', message='no deeper than 4')"), outcome.error


async def test_a_failed_arrives_at_the_host_as_one(sandbox: Sandbox) -> None:
    session, host = sandbox.session(spec()), Recorder()
    await run(session, "bad = refuse()", host)
    await run(session, "echo(bad)\necho([bad, {'a': bad}])\necho(Failed('own', 'words'))", host)
    own = FailedValue("own", "words")
    assert [call.args[0] for call in host.calls[1:]] == [TOO_DEEP, [TOO_DEEP, {"a": TOO_DEEP}], own]


async def test_a_failed_among_inputs_is_one_too(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    outcome = await session.run("[type(x).__name__ for x in v]", Recorder(), now=NOW, inputs={"v": [TOO_DEEP, 1]})
    assert outcome.output.text == "['Failed', 'int']\n"


async def test_exceptions_cross_by_name(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    assert await shown(session, "try:\n    bad()\nexcept ValueError as e:\n    print(e)") == "not like this"
    outcome = await run(session, "odd()")
    assert isinstance(outcome, Raised)
    assert outcome.error.endswith("RuntimeError: OddError: unheard of")


async def test_lone_surrogates_do_not_break_anything(sandbox: Sandbox) -> None:
    session = sandbox.session(spec())
    outcome = await session.run(
        "len(text), len(bad.message)",
        Recorder(),
        now=NOW,
        inputs={"text": "a\ud800b", "bad": FailedValue("x", "\udfff")},
    )
    assert outcome.output.text == "(3, 1)\n"
    assert isinstance(await run(session, "'\ud800'"), Done | Raised)


async def test_an_input_that_is_not_plain_is_a_programming_error(sandbox: Sandbox) -> None:
    with pytest.raises(TypeError, match="not a plain value"):
        await sandbox.session(spec()).run("1", Recorder(), now=NOW, inputs={"x": object()})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("answer >= 0", True),
        ("len(words) == 3 and all(isinstance(x, str) for x in words)", True),
        ("{'a': [answer, (1,)]}", {"a": [5, (1,)]}),
        ("answer # why\n", 5),
        ("(answer\n+ 1)", 6),
        ("None", None),
        ("failure", TOO_DEEP),
    ],
)
async def test_an_expression_has_a_value(sandbox: Sandbox, expression: str, value: object) -> None:
    variables = {"answer": 5, "words": ["a", "b", "c"], "failure": TOO_DEEP}
    assert await sandbox.evaluate(expression, variables, limits=LIMITS) == Return(value)


@pytest.mark.parametrize(
    ("expression", "exc_type"),
    [
        ("answer = 1", "SyntaxError"),
        ("answer; answer", "SyntaxError"),
        ("answer\nanswer", "SyntaxError"),
        ("1) + (1", "SyntaxError"),
        ("import os", "SyntaxError"),
        ("", "SyntaxError"),
        ("(" * 5000, "SyntaxError"),
        ("nosuch", "NameError"),
        ("launch(1)", "NameError"),
        ("answer['a']", "TypeError"),
        ("1 / 0", "ZeroDivisionError"),
        ("lambda: 1", "TypeError"),
        ("[x for x in [1] for _ in iter(int, 1)]", "TimeoutError"),
    ],
)
async def test_what_is_no_good_expression_is_an_error(sandbox: Sandbox, expression: str, exc_type: str) -> None:
    result = await sandbox.evaluate(expression, {"answer": 5}, limits=CellLimits(run_s=0.2))
    assert isinstance(result, Raise)
    assert result.exc_type == exc_type, result
    assert "_rao" not in result.message


async def test_the_version_names_kind_and_version(sandbox: Sandbox) -> None:
    kind, _, version = sandbox.version.partition("-")
    assert kind in {"monty", "scripted"}
    assert version[0].isdigit()
