"""The simulation's replica keeps the port's promises and counts what it did."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from rao_runtime.adapters.scripted_model import Outcome, Script, ScriptedModel
from rao_runtime.adapters.scripted_steps import End, Fail, Faults, Hang, Say, Step, Wait
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Finished, Message, ModelRequest, ServedModel, TextDelta, Traits, Vitals
from tests.conformance.journal_makers import HandClock


def request(*, stop: tuple[str, ...] = (), max_tokens: int = 1000) -> ModelRequest:
    messages = (Message("user", "12345678"),)
    return ModelRequest(request_id="r1", model="m", messages=messages, max_tokens=max_tokens, stop=stop)


def says(*steps: Step) -> Script:
    def script(_: ModelRequest) -> Sequence[Step]:
        return steps

    return script


async def drain(model: ScriptedModel, asked: ModelRequest | None = None) -> tuple[str, Finished]:
    items = [item async for item in model.stream(asked or request())]
    last = items.pop()
    assert isinstance(last, Finished)
    return "".join(item.text for item in items if isinstance(item, TextDelta)), last


async def test_plain_text_is_said_after_the_latency() -> None:
    clock = HandClock(100.0)
    model = ScriptedModel(clock, lambda asked: f"to {asked.model}", latency_s=2.5)
    assert await drain(model) == ("to m", Finished("stop", Tokens(input=2, output=1)))
    assert clock.now() == 102.5
    assert (model.ledger[0].started_at, model.ledger[0].ended_at) == (100.0, 102.5)
    assert model.ledger[0].outcome is Outcome.FINISHED


async def test_steps_are_played_in_order_and_usage_grows() -> None:
    model = ScriptedModel(HandClock(), says(Say("abcd"), Wait(1), Say("efgh"), End("repetition"), Say("never")))
    items = [item async for item in model.stream(request())]
    assert items == [
        TextDelta("abcd", Tokens(input=2, output=1)),
        TextDelta("efgh", Tokens(input=2, output=2)),
        Finished("repetition", Tokens(input=2, output=2)),
    ]


async def test_a_replica_that_tells_no_usage_tells_none() -> None:
    model = ScriptedModel(HandClock(), lambda _: "text")
    model.tells_usage = False
    assert [item async for item in model.stream(request())] == [TextDelta("text"), Finished("stop", None)]


async def test_the_stop_string_ends_the_text_and_is_not_in_it() -> None:
    model = ScriptedModel(HandClock(), says(Say("code</py"), Say("thon> and more"), Say("much more")))
    text, end = await drain(model, request(stop=("</python>",)))
    assert (text, end.reason) == ("code", "stop")
    assert model.ledger[0].text == "code"


async def test_what_looked_like_a_stop_string_and_was_none_is_said() -> None:
    model = ScriptedModel(HandClock(), says(Say("a</py"), Say("lon>b</p")))
    assert (await drain(model, request(stop=("</python>",))))[0] == "a</pylon>b</p"


async def test_max_tokens_ends_the_text_with_length() -> None:
    model = ScriptedModel(HandClock(), says(Say("abcd"), Say("efghijkl"), Say("more")))
    text, end = await drain(model, request(max_tokens=2))
    assert (text, end) == ("abcdefgh", Finished("length", Tokens(input=2, output=2)))


async def test_closing_early_is_noted_as_an_abort() -> None:
    model = ScriptedModel(HandClock(), says(Say("abcd"), Hang()))
    stream = model.stream(request())
    await anext(stream)
    assert model.in_flight == 1
    await stream.aclose()
    assert (model.in_flight, model.peak_in_flight) == (0, 1)
    assert model.ledger[0].outcome is Outcome.ABORTED
    assert model.ledger[0].tokens == Tokens(input=2, output=1)


async def test_cancelling_a_hanging_attempt_is_noted_as_an_abort() -> None:
    model = ScriptedModel(HandClock(), says(Hang()), patience_s=None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await drain(model)
    assert model.ledger[0].outcome is Outcome.ABORTED
    assert model.in_flight == 0


async def test_a_hang_ends_as_a_timeout_when_patience_does() -> None:
    clock = HandClock(0.0)
    model = ScriptedModel(clock, says(Hang()), patience_s=30.0)
    with pytest.raises(ModelError) as failed:
        await drain(model)
    assert (failed.value.kind, clock.now()) == (FailureKind.TIMEOUT, 30.0)


async def test_a_scripted_failure_carries_its_numbers() -> None:
    model = ScriptedModel(HandClock(), says(Say("abcd"), Fail(FailureKind.BUSY, status=503, retry_after_s=2.0)))
    with pytest.raises(ModelError) as failed:
        await drain(model)
    assert (failed.value.kind, failed.value.status, failed.value.retry_after_s) == (FailureKind.BUSY, 503, 2.0)
    assert (model.ledger[0].outcome, model.ledger[0].failure) == (Outcome.FAILED, FailureKind.BUSY)


async def test_a_replica_that_is_down_answers_nothing_and_notes_nothing() -> None:
    model = ScriptedModel(HandClock(), lambda _: "text", models=[ServedModel("m", None)])
    assert await model.served() == (ServedModel("m", None),)
    model.up = False
    with pytest.raises(ModelError):
        await model.served()
    with pytest.raises(ModelError) as failed:
        await drain(model)
    assert failed.value.kind is FailureKind.UNREACHABLE
    assert model.ledger == []


async def test_traits_and_vitals_are_those_of_the_moment() -> None:
    model = ScriptedModel(HandClock(), says(Say("abcd"), Hang()))
    assert (await model.traits(), await model.vitals()) == (Traits(), Vitals())
    model.traits_now = lambda: Traits(kv_tokens=1000)
    model.vitals_now = lambda: Vitals(running=model.in_flight)
    stream = model.stream(request())
    await anext(stream)
    assert (await model.traits(), await model.vitals()) == (Traits(kv_tokens=1000), Vitals(running=1))
    await stream.aclose()
    assert await model.vitals() == Vitals(running=0)


async def test_a_replica_that_is_down_tells_nothing_of_itself() -> None:
    model = ScriptedModel(HandClock(), lambda _: "text")
    model.up = False
    for look in (model.traits, model.vitals):
        with pytest.raises(ModelError) as failed:
            await look()
        assert failed.value.kind is FailureKind.UNREACHABLE


async def outcomes(seed: int, faults: Faults) -> list[tuple[str, FailureKind | None]]:
    model = ScriptedModel(HandClock(), lambda _: "abcdefgh", faults=(faults, random.Random(seed)))
    for _ in range(400):
        try:
            await drain(model)
        except ModelError:
            continue
    return [(attempt.text, attempt.failure) for attempt in model.ledger]


async def test_faults_strike_at_their_rates_and_the_same_under_the_same_seed() -> None:
    faults = Faults(early={FailureKind.BUSY: 0.2}, late={FailureKind.BROKEN: 0.2}, early_hang=0.1, late_hang=0.1)
    first = await outcomes(1, faults)
    assert first == await outcomes(1, faults)
    assert first != await outcomes(2, faults)
    counts = Counter(first)
    assert 50 < counts["", FailureKind.BUSY] < 110
    assert 50 < counts["abcde", FailureKind.BROKEN] < 110
    assert 20 < counts["", FailureKind.TIMEOUT] < 60
    assert 20 < counts["abcde", FailureKind.TIMEOUT] < 60
    assert 120 < counts["abcdefgh", None] < 200


@pytest.mark.parametrize("kind", list(FailureKind))
@pytest.mark.parametrize("late", [False, True])
async def test_every_kind_of_failure_can_strike_early_and_late(kind: FailureKind, late: bool) -> None:
    rates = {kind: 1.0}
    faults = Faults(late=rates) if late else Faults(early=rates)
    assert set(await outcomes(0, faults)) == {("abcde" if late else "", kind)}
