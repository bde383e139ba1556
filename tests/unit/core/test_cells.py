import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.cells import MAX_CHARS, problem, repeats


@pytest.mark.parametrize(
    "code",
    [
        "",
        "x = 1",
        "x = launch_subagent('a')",
        "x = await launch_subagent('a')",
        "await launch_subagent('a')",
        "x = 1\nawait launch_subagent('a')",
        "x = 1\nawait asyncio.gather(launch_subagent('a'), launch_subagent('b'))",
        "x = 1\n[await launch_subagent(g) for g in goals]",
        "r = await asyncio.gather(*[launch_subagent(g) for g in goals])\nprint(r)",
        "hs = [launch_subagent(g) for g in goals]\nr = [await h for h in hs]",
        "print(await launch_subagent('a'))\nx = 1",
        "finish(await launch_subagent('a'))\nx = 1",
        "async def part(g):\n    return await launch_subagent(g)\nr = await part('a')",
        "await asyncio.gather(part(1), part(2))\nx = 1",
        "await asyncio.gather(keep(launch_subagent('a')))\nx = 1",
        "await asyncio.gather(*handles)\nx = 1",
        "results.append(await launch_subagent('a'))\nx = 1",
        "pending.append(launch_subagent('a'))\nx = 1",
        "def gather(): pass\nother.gather(1)",
        "'launch_subagent(1)'\nx = 1",
        "if launch_subagent('a'):\n    pass",
    ],
)
def test_a_cell_that_keeps_or_shows_its_results_passes(code: str) -> None:
    assert problem(code) is None


@pytest.mark.parametrize(
    ("code", "line", "says"),
    [
        ("launch_subagent('a')", 1, "neither awaited nor kept"),
        ("x = 1\nlaunch_subagent('a')\ny = 2", 2, "neither awaited nor kept"),
        ("for g in goals:\n    launch_subagent(g)", 2, "neither awaited nor kept"),
        ("await launch_subagent('a')\nx = 1", 1, "is thrown away"),
        ("if x:\n    await launch_subagent('a')", 2, "is thrown away"),
        ("async def f():\n    await launch_subagent('a')\nawait f()", 2, "is thrown away"),
        ("asyncio.gather(launch_subagent('a'))", 1, "is not awaited"),
        ("asyncio.gather(*handles)", 1, "is not awaited"),
        ("gather(f())", 1, "is not awaited"),
        ("await asyncio.gather(launch_subagent('a'), launch_subagent('b'))\nx = 1", 1, "is thrown away"),
        ("await asyncio.gather(*[launch_subagent(g) for g in goals])\nx = 1", 1, "is thrown away"),
        ("await asyncio.gather(*(launch_subagent(g) for g in goals))\nx = 1", 1, "is thrown away"),
        ("await gather(f(), *[launch_subagent(g) for g in goals])\nx = 1", 1, "is thrown away"),
        ("[launch_subagent(g) for g in goals]", 1, "is thrown away"),
        ("[await launch_subagent(g) for g in goals]\nx = 1", 1, "is thrown away"),
        ("(launch_subagent('a'), await launch_subagent('b'))", 1, "is thrown away"),
        ("x = 1; launch_subagent('a'); await launch_subagent('b'); y = 1", 1, "neither awaited nor kept"),
    ],
)
def test_a_discarded_launch_is_rejected_by_line_with_what_to_write(code: str, line: int, says: str) -> None:
    found = problem(code)
    assert found is not None
    assert found.startswith(f"Line {line}: ")
    assert says in found
    assert "await" in found
    assert found.endswith("Nothing ran.")


@pytest.mark.parametrize(
    "code",
    [
        "launch_subagent(",
        "launch_subagent('a'\n",
        "launch_subagent('a')\0",
        "s = '\ud800'\nlaunch_subagent('a')",
        "launch_subagent('a')\n" + "(" * 50_000,
        "launch_subagent('a')\n" + "".join(" " * i + "if x:\n" for i in range(200)),
    ],
)
def test_code_that_is_not_python_is_left_to_the_sandbox(code: str) -> None:
    assert problem(code) is None


@pytest.mark.parametrize("deep", ["-" * 90_000 + "1", "a" + ".a" * 49_000, "a" + "()" * 45_000, "not " * 24_000 + "1"])
def test_code_nested_beyond_reason_is_rejected(deep: str) -> None:
    found = problem(f"x = launch_subagent('a')\n{deep}")
    assert found is not None
    assert "nested too deeply" in found


def test_endless_code_is_rejected() -> None:
    assert problem("x" * MAX_CHARS) is None
    assert problem("x" * (MAX_CHARS + 1)) == (
        "Your code has 100,001 characters; a cell may have 100,000. Nothing ran. Write less."
    )


def test_an_odd_escape_in_the_code_warns_nobody() -> None:
    assert problem("s = '\\d'\nlaunch_subagent('a')") is not None


def test_one_launch_and_many_are_told_apart() -> None:
    one = problem("await launch_subagent('a')\nx = 1")
    several = problem("await gather(launch_subagent('a'))\nx = 1")
    assert one is not None
    assert several is not None
    assert "`result = await launch_subagent(...)`" in one
    assert "`results = await asyncio.gather(" in several


@given(st.text() | st.text(alphabet="launch_subagent()[]*await gather.asyncio\n =:,'#").map(lambda s: s + "\ngather"))
def test_any_text_is_judged_without_an_error(code: str) -> None:
    found = problem(code)
    assert found is None or found.endswith(("Nothing ran.", "Write less.", "Write it flatter."))


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
    st.lists(st.sampled_from("abcd"), max_size=6),
)
def test_a_pattern_repeated_four_times_at_the_end_is_found(pattern: list[str], before: list[str]) -> None:
    found = repeats(before + pattern * 4)
    assert found is not None
    assert found <= len(pattern)


@given(st.lists(st.sampled_from("ab"), max_size=16), st.integers(1, 3), st.integers(2, 4))
def test_what_is_found_is_the_shortest_pattern_that_repeats(codes: list[str], period: int, times: int) -> None:
    repeating = [
        length
        for length in range(1, period + 1)
        if len(codes) >= length * times
        and all(codes[-1 - i] == codes[-1 - i - length] for i in range(length * (times - 1)))
    ]
    assert repeats(codes, period=period, times=times) == (repeating[0] if repeating else None)


def test_three_times_is_no_repetition_and_white_space_does_not_hide_one() -> None:
    assert repeats(["x = 1"] * 3) is None
    assert repeats(["x = 1", "x  =  1", "x = 1\n", "\nx = 1"]) == 1
    assert repeats(["a", "b"] * 4) == 2
    assert repeats(["a", "b", "c", "d"] * 4) is None
    assert repeats([]) is None
