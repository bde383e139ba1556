"""A pool as people at a terminal see it."""

import io

import pytest
from rich.console import Console

from rao_runtime.cli.replica_table import complaints, kv, replica_table
from rao_runtime.cli.replicas import outcome
from rao_runtime.client import Replica
from tests.unit.replicas import replica


def read(**changes: object) -> Replica:
    found = Replica.read(replica(**changes))
    assert found is not None
    return found


def drawn(*replicas: Replica, width: int = 120, encoding: str = "utf-8") -> list[str]:
    """The table's lines."""
    output = io.BytesIO()
    file = io.TextIOWrapper(output, encoding)
    console = Console(file=file, width=width, highlight=False, markup=False)
    console.print(replica_table(replicas, console.options))
    file.flush()
    return [line.rstrip() for line in output.getvalue().decode(encoding).splitlines()]


def test_each_replica_is_a_line() -> None:
    full = read(kv={"tokens": 61_440, "usage": 0.366})
    other = read(id="r2", name="rao-nano/1", state="starting", models=[], slots=1_024, in_flight=0)
    heading, first, second = drawn(full, other)
    assert heading.split() == ["id", "replica", "state", "calls", "kv", "models"]
    assert first.split() == ["r1", "http://a:8001", "●", "ready", "3/256", "37%", "of", "61.4k", "m"]
    assert second.split() == ["r2", "rao-nano/1", "○", "starting", "0/1,024", "-", "-"]


@pytest.mark.parametrize(
    ("tokens", "usage", "shown"),
    [(None, None, "-"), (61_440, None, "61.4k"), (None, 0.0, "0%"), (9_120, 1.0, "100% of 9,120"), (0, None, "0")],
)
def test_of_the_cache_is_shown_what_is_known(tokens: int | None, usage: float | None, shown: str) -> None:
    assert kv(read(kv={"tokens": tokens, "usage": usage})) == shown


def test_a_replica_of_several_models_names_them_all() -> None:
    served = [{"id": "large", "window": 1}, {"id": "small", "window": None}]
    assert drawn(read(models=served))[1].endswith("large, small")


def test_a_terminal_of_ascii_gets_ascii() -> None:
    [_, line] = drawn(read(state="draining"), encoding="ascii")
    assert "- draining" in line


def test_a_state_we_have_never_heard_of_is_shown() -> None:
    assert "? napping" in drawn(read(state="napping"))[1]


def test_what_is_wrong_is_told_below_with_the_replicas_id() -> None:
    well = read()
    down = read(id="r2", state="down", why="no connection", missing=["Turn this on.", "Turn that off."])
    assert [line.plain for line in complaints([well, down])] == [
        "r2  down: no connection",
        "r2  Turn this on.",
        "r2  Turn that off.",
    ]


def test_no_text_of_a_server_acts_on_the_terminal() -> None:
    evil = "a\x1b[2Jb\nc"
    strange = read(id=evil, name=evil, state=evil, why=evil, models=[{"id": evil}], missing=[evil])
    shown = "".join(drawn(strange)[1:]) + "".join(line.plain for line in complaints([strange]))
    assert shown.isprintable()


def test_a_drained_replica_is_told_to_be_gone_where_it_is() -> None:
    drained = read(id="r2", state="draining", in_flight=1)
    assert outcome(drained, waited=False) == "r2 gets no new call; 1 call in flight."
    assert outcome(drained, waited=True) == "r2 is gone."


def test_a_replica_that_has_the_id_after_a_restart_is_not_told_to_be_gone() -> None:
    told = outcome(read(id="r2", name="http://b:8001", state="ready"), waited=True)
    assert "gone" not in told
    assert "r2 is http://b:8001 now, and it is ready" in told


def test_who_drains_a_replica_of_the_servers_own_is_told_that_its_process_goes_on() -> None:
    told = outcome(read(state="draining", managed=True), waited=True)
    assert told == "r1 is gone. Its process, which the server started, runs on until the server ends."
    assert outcome(read(state="draining", managed=True, name="rao-nano/1"), waited=True) == "r1 is gone."
