"""Replicas that load, go, or tell nonsense: the care for the others goes on."""

import logging
from collections.abc import Sequence
from typing import cast

import pytest

from rao_runtime.adapters.scripted_model import ScriptedModel
from rao_runtime.ports import ModelRequest, ServedModel, Vitals
from tests.sim.clock import SimClock
from tests.unit.engine.tended import MODEL, Tended, tend


def answers(_: ModelRequest) -> str:
    return "x"


class Loading(ScriptedModel):
    """Serves no model until it has loaded one, tells of itself in `look_s`, and notes that it was closed."""

    serves: Sequence[ServedModel] = ()
    look_s = 0.0
    closed = False
    closed_in_use = False

    async def served(self) -> tuple[ServedModel, ...]:
        """What it has loaded."""
        await SimClock().sleep(self.look_s)
        self.closed_in_use |= self.closed
        return tuple(self.serves)

    async def aclose(self) -> None:
        """Closed, with trouble."""
        self.closed = True
        raise OSError("the socket is gone")


def test_a_replica_that_serves_no_model_yet_is_asked_again_and_gets_calls_once_it_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def act(tended: Tended) -> None:
        model = Loading(tended.clock, answers)
        tended.pool.roster.add(model)
        call = tended.ask()
        with caplog.at_level(logging.INFO):
            await tended.clock.sleep(30.0)
        assert not call.done()
        assert len(caplog.records) == 1
        model.serves = [ServedModel(MODEL, None)]
        await tended.clock.sleep(2.0)
        assert call.done()

    tend(act)


def test_a_replica_that_is_gone_is_closed_when_nobody_looks_at_it_any_more(caplog: pytest.LogCaptureFixture) -> None:
    async def act(tended: Tended) -> None:
        roster = tended.pool.roster
        slow, quick = (Loading(tended.clock, answers, name=name) for name in ("slow", "quick"))
        slow.look_s, slow.serves = 4.0, [ServedModel(MODEL, None)]
        for model in (slow, quick):
            roster.add(model)
        await tended.clock.sleep(1.0)
        with caplog.at_level(logging.INFO):
            for replica in roster.replicas:
                roster.drain(replica)
            await tended.clock.sleep(2.0)
            assert (slow.closed, quick.closed) == (False, True)
            await tended.clock.sleep(5.0)
        assert (slow.closed, slow.closed_in_use) == (True, False)
        assert not [record for record in caplog.records if "is up" in record.message]
        after = tended.add(answers)
        assert (await tended.ask()).replica.name == after.name

    tend(act)


def test_a_replica_that_is_drained_before_anybody_looked_at_it_is_closed() -> None:
    async def act(tended: Tended) -> None:
        model = Loading(tended.clock, answers)
        tended.pool.roster.drain(tended.pool.roster.add(model))
        await tended.clock.sleep(2.0)
        assert model.closed

    tend(act)


def test_a_replica_that_is_down_does_not_stay_in_though_it_is_the_last(caplog: pytest.LogCaptureFixture) -> None:
    async def act(tended: Tended) -> None:
        model = tended.add(answers)
        await tended.ask()
        model.up = False
        await tended.clock.sleep(2.0)
        assert tended.pool.roster.take_out(tended.replicas[0], "it hangs", revoke=True)
        assert "stays in" not in caplog.text

    tend(act)


def test_counters_that_cannot_be_reckoned_with_do_not_end_the_care_for_replicas() -> None:
    async def act(tended: Tended) -> None:
        odd = tended.add(answers)
        odd.vitals_now = lambda: Vitals(preemptions=cast("int", "many"))
        await tended.clock.sleep(5.0)
        lease = await tended.ask()
        tended.add(answers)
        await tended.clock.sleep(2.0)
        assert (await tended.ask(avoid=[lease.replica.index])).replica.id == "r2"

    tend(act)
