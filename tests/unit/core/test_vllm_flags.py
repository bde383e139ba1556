"""Which flags a vLLM of ours gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.vllm_flags import DEFAULTS, all_flags, devices_wanted, refused, served_name

words = st.lists(st.sampled_from(["--some-flag", "-tp", "4096", "--x=1", "-0.5", "", "--", "-"]) | st.text(max_size=9))


def test_the_pools_own_are_given_where_the_operator_leaves_them_open() -> None:
    flags = " ".join(all_flags(["--max-model-len", "4096"]))
    assert flags.startswith("--scheduling-policy priority --enable-prompt-tokens-details")
    assert flags.endswith("--shutdown-timeout 30 --max-model-len 4096")


@pytest.mark.parametrize(
    "given",
    [
        ["--scheduling-policy", "fcfs"],
        ["--scheduling-policy=fcfs"],
        ["--scheduling_policy", "fcfs"],
        ["--no-scheduling-policy"],
    ],
)
def test_the_operators_own_wins_however_it_is_written(given: list[str]) -> None:
    flags = all_flags(given)
    assert "priority" not in flags
    assert flags[-len(given) :] == tuple(given)
    assert "--enable-force-include-usage" in flags


@given(words)
def test_what_the_operator_gives_comes_last_and_unchanged_and_nothing_is_given_twice(given: list[str]) -> None:
    flags = all_flags(given)
    ours, theirs = flags[: len(flags) - len(given)], flags[len(flags) - len(given) :]
    assert theirs == tuple(given)
    assert {f"--{name}" for name in DEFAULTS} >= {word for word in ours if word.startswith("-")}
    assert not {word for word in ours if word.startswith("-")} & set(given)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["--port", "1"], "--port is chosen for each replica"),
        (["--max-model-len", "9", "--host=0.0.0.0"], "--host is chosen for each replica"),
        (["--uds", "x"], "--uds is chosen for each replica"),
        (["--reporting", "--hosted"], None),
        ([], None),
    ],
)
def test_where_it_listens_is_not_the_operators_choice(given: list[str], problem: str | None) -> None:
    assert refused(given) == problem


@pytest.mark.parametrize("given", [["--api-key", "k"], ["--api_key=k"]])
def test_a_key_that_our_calls_would_not_have_is_refused_with_where_to_give_it(given: list[str]) -> None:
    told = refused(given)
    assert told is not None
    assert told.startswith("--api-key is for RAO_REPLICA_API_KEY")


@pytest.mark.parametrize(
    ("given", "devices"),
    [
        ([], 1),
        (["-tp", "4"], 4),
        (["-tp=2", "-pp", "2"], 4),
        (["--tensor-parallel-size=8"], 8),
        (["--tensor_parallel_size", "2", "--data-parallel-size", "3"], 6),
        (["-tp", "2", "-tp", "4"], 4),
        (["-tp"], 1),
        (["-tp", "0"], 1),
        (["-tp", "many"], 1),
    ],
)
def test_parallel_sizes_tell_how_many_devices_one_takes(given: list[str], devices: int) -> None:
    assert devices_wanted(given) == devices


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ([], "folder/of/it"),
        (["--served-model-name", "a", "b"], "a"),
        (["--served_model_name=a"], "a"),
        (["--served-model-name"], "folder/of/it"),
    ],
)
def test_a_model_goes_by_the_first_name_it_is_served_under(given: list[str], name: str) -> None:
    assert served_name("folder/of/it", given) == name
