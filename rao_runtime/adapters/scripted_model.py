"""A replica that follows a script, in a clock's time: the fake of simulations and tests.

It keeps the port's promises (stop strings cut, `max_tokens` kept, closing noticed) and notes every attempt in a ledger.
"""

import asyncio
import random
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rao_runtime.adapters.scripted_steps import End, Fail, Faults, Hang, Say, Step, Wait
from rao_runtime.adapters.stop_text import StopText
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Clock, Finished, ModelRequest, ServedModel, TextDelta, Traits, Vitals

Script = Callable[[ModelRequest], str | Sequence[Step]]


class Outcome(StrEnum):
    """How an attempt stands."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    ABORTED = "aborted"


@dataclass(slots=True, kw_only=True, eq=False)
class Attempt:
    """One line of the ledger: what was asked, when, and what it really produced."""

    request: ModelRequest
    started_at: float
    input_tokens: int
    text: str = ""
    output_tokens: int = 0
    ended_at: float | None = None
    outcome: Outcome = Outcome.RUNNING
    failure: FailureKind | None = None

    @property
    def tokens(self) -> Tokens:
        """What the attempt has used so far."""
        return Tokens(input=self.input_tokens, output=self.output_tokens)


def quarter_of_characters(text: str) -> int:
    """A tokenizer for scripts: four characters a token, rounded up."""
    return -(-len(text) // 4)


class ScriptedModel:
    """`ports.Model` after a script, a function of the request: plain text, or steps.

    `latency_s` passes before plain text. A hang fails with TIMEOUT after `patience_s`, as the HTTP adapter's does; None
    waits for ever. Faults are drawn from `rng`. Attributes to turn while it runs: `up` (False: nothing answers),
    `tells_usage` (False: no token counts, as some servers do it), `traits_now` and `vitals_now` (asked each time; what
    they raise is raised).
    """

    def __init__(
        self,
        clock: Clock,
        script: Script,
        *,
        name: str = "scripted",
        models: Sequence[ServedModel] = (ServedModel("scripted", 32_768),),
        latency_s: float = 0.0,
        patience_s: float | None = 120.0,
        faults: tuple[Faults, random.Random] | None = None,
    ) -> None:
        self._clock = clock
        self.script = script
        self._name = name
        self._models = tuple(models)
        self._latency_s = latency_s
        self._patience_s = patience_s
        self._faults = faults
        self.count: Callable[[str], int] = quarter_of_characters
        self.up = True
        self.tells_usage = True
        self.traits_now: Callable[[], Traits] = Traits
        self.vitals_now: Callable[[], Vitals] = Vitals
        self.ledger = list[Attempt]()
        self.in_flight = 0
        self.peak_in_flight = 0

    @property
    def name(self) -> str:
        """A label."""
        return self._name

    async def served(self) -> tuple[ServedModel, ...]:
        """The models it was given. Raises ModelError while it is down."""
        self._require_up()
        return self._models

    async def traits(self) -> Traits:
        """What `traits_now` says. Raises ModelError while it is down."""
        self._require_up()
        return self.traits_now()

    async def vitals(self) -> Vitals:
        """What `vitals_now` says. Raises ModelError while it is down."""
        self._require_up()
        return self.vitals_now()

    async def aclose(self) -> None:
        """Nothing to give back."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | Finished, None]:
        """The completion the script gives."""
        self._require_up()
        attempt = self._begin(request)
        try:
            writing = _Writing(attempt, self.count)
            for step in self._steps(request):
                await self._pass_time(step)
                shown = writing.take(step)
                if shown:
                    yield TextDelta(shown, self._told(attempt))
                if writing.reason is not None:
                    break
            rest = writing.finish()
            if rest:
                yield TextDelta(rest, self._told(attempt))
            attempt.outcome = Outcome.FINISHED
            yield Finished(writing.reason or "stop", self._told(attempt))
        except ModelError as error:
            attempt.outcome = Outcome.FAILED
            attempt.failure = error.kind
            raise
        finally:
            self._end(attempt)

    def _begin(self, request: ModelRequest) -> Attempt:
        prompt_tokens = sum(self.count(message.content) for message in request.messages)
        attempt = Attempt(request=request, started_at=self._clock.now(), input_tokens=prompt_tokens)
        self.ledger.append(attempt)
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        return attempt

    def _end(self, attempt: Attempt) -> None:
        self.in_flight -= 1
        attempt.ended_at = self._clock.now()
        if attempt.outcome is Outcome.RUNNING:
            attempt.outcome = Outcome.ABORTED

    def _steps(self, request: ModelRequest) -> Sequence[Step]:
        answer = self.script(request)
        steps = [Wait(self._latency_s), Say(answer)] if isinstance(answer, str) else answer
        strike = self._faults[0].draw(self._faults[1]) if self._faults else None
        return strike.into(steps) if strike else steps

    async def _pass_time(self, step: Step) -> None:
        match step:
            case Wait(seconds) if seconds > 0:
                await self._clock.sleep(seconds)
            case Hang() if self._patience_s is None:
                await asyncio.get_running_loop().create_future()
            case Hang():
                await self._clock.sleep(self._patience_s or 0.0)
                raise ModelError(FailureKind.TIMEOUT, f"{self._name} hangs")
            case Fail(kind, status, retry_after_s, said):
                message = said or f"{self._name} was told to fail: {kind}"
                raise ModelError(kind, message, status=status, retry_after_s=retry_after_s)
            case _:
                pass

    def _told(self, attempt: Attempt) -> Tokens | None:
        return attempt.tokens if self.tells_usage else None

    def _require_up(self) -> None:
        if not self.up:
            raise ModelError(FailureKind.UNREACHABLE, f"{self._name} is down")


class _Writing:
    """One completion as it grows: cuts it at stop strings and at `max_tokens`."""

    def __init__(self, attempt: Attempt, count: Callable[[str], int]) -> None:
        self._attempt = attempt
        self._count = count
        self._stop = StopText(attempt.request.stop)
        self.reason: str | None = None

    def take(self, step: Step) -> str:
        """The text that is new and may be shown; `reason` is set once the completion is at its end."""
        match step:
            case End(reason):
                self.reason = reason
                return ""
            case Say(text):
                shown = self._written(self._stop.feed(text))
                if self._stop.stopped:
                    self.reason = self.reason or "stop"
                return shown
            case _:
                return ""

    def finish(self) -> str:
        """What was held back for a stop string that did not come."""
        return "" if self.reason == "length" else self._written(self._stop.rest())

    def _written(self, text: str) -> str:
        attempt = self._attempt
        most = attempt.request.max_tokens
        if self._count(attempt.text + text) > most:
            self.reason = "length"
            room = bisect_right(range(len(text) + 1), most, key=lambda n: self._count(attempt.text + text[:n])) - 1
            text = text[: max(room, 0)]
        attempt.text += text
        attempt.output_tokens = self._count(attempt.text)
        return text
