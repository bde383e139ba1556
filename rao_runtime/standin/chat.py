"""One chat completion, from the request's bytes to the last byte of the answer."""

import asyncio
import time
from dataclasses import dataclass
from typing import NoReturn

from rao_runtime.standin import tokens
from rao_runtime.standin.answers import Answer, StreamedAnswer, WholeAnswer
from rao_runtime.standin.connection import Exchange
from rao_runtime.standin.content import block_names
from rao_runtime.standin.faults import Ending, Fault
from rao_runtime.standin.ledger import Entry, Outcome
from rao_runtime.standin.plan import Plan, plan, spoiled
from rao_runtime.standin.refusal import Refusal
from rao_runtime.standin.replica import Replica
from rao_runtime.standin.request import ChatRequest, parse
from rao_runtime.standin.slots import KeptSeat, QueueFull, Seat
from rao_runtime.standin.sse import Shapes

GARBAGE = b"<html><body>It works!</body></html>"
KEPT = KeptSeat()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    request: ChatRequest
    plan: Plan
    fault: Fault
    answer: Answer
    names: tuple[bytes, ...]


async def complete(exchange: Exchange, replica: Replica) -> None:
    """Answer one request; whatever happens is in the ledger. Cancelled when the client leaves."""
    ledger = replica.ledger
    entry = ledger.arrive(exchange.request.header(b"x-request-id") or f"standin-{ledger.arrivals}")
    entry.traceparent = exchange.request.header(b"traceparent")
    try:
        call = _prepare(exchange, replica, entry)
        if not call.fault.silent:
            call.answer.open()
        if replica.batch is None:
            async with replica.slots.hold(call.request.priority):
                ledger.admit(entry)
                await _speak(exchange, replica, entry, call, KEPT)
        else:
            async with replica.batch.hold(entry, call.names) as seat:
                await _speak(exchange, replica, entry, call, seat)
    except Refusal as refusal:
        ledger.close(entry, Outcome.REJECTED)
        exchange.respond(refusal.status, refusal.body())
    except asyncio.CancelledError:
        ledger.close(entry, Outcome.ABORT)
        raise
    except Exception:
        ledger.close(entry, Outcome.ERROR)
        raise


def _prepare(exchange: Exchange, replica: Replica, entry: Entry) -> _Call:
    """Everything that can be refused, before anything is sent."""
    request = parse(exchange.request.body)
    config = replica.config
    entry.model = request.model or config.models[0]
    entry.priority = request.priority
    if entry.model not in config.models:
        raise Refusal(404, f"The model `{entry.model}` does not exist.", param="model")
    entry.prompt_tokens = tokens.count_messages(request.texts, config.chars_per_token)
    cap = _cap(request, entry.prompt_tokens, config.window)
    reply = replica.reply_to(request)
    if replica.batch is None:
        entry.cached_tokens = min(reply.cached_tokens, entry.prompt_tokens)
    fault = replica.fault_of(entry.request_id, reply)
    entry.fault = fault.name
    if fault.status is not None:
        raise Refusal(fault.status, f"fault {fault.name}, made on purpose")
    try:
        replica.check_room()
    except QueueFull as error:
        raise Refusal(503, "The server is overloaded: its queue of requests is full.") from error
    whole = plan(reply.text, stops=request.stops, cap=cap, request_id=entry.request_id, config=config)
    made = spoiled(whole, fault)
    shapes = Shapes(entry)
    answer: Answer
    if request.stream:
        answer = StreamedAnswer(exchange, request, made, fault, shapes)
    else:
        answer = WholeAnswer(exchange, made, fault, shapes)
    names = () if replica.batch is None else block_names(request, made, model=entry.model, config=config)
    return _Call(request=request, plan=made, fault=fault, answer=answer, names=names)


def _cap(request: ChatRequest, prompt_tokens: int, window: int) -> int:
    """The most tokens this completion may have. Raises Refusal where prompt and completion outgrow the window."""
    cap = max(1, window - prompt_tokens) if request.cap is None else request.cap
    if prompt_tokens + cap > window:
        raise Refusal(
            400,
            f"This model's maximum context length is {window} tokens. However, you requested {cap} output tokens and "
            f"your prompt contains {prompt_tokens} input tokens. Please reduce the length of either one.",
            param="input_tokens",
        )
    return cap


async def _speak(exchange: Exchange, replica: Replica, entry: Entry, call: _Call, seat: Seat) -> None:
    """Produce the plan's chunks at their times, then end as the fault says. A chunk whose place is lost begins anew."""
    steps = call.plan.steps
    proper = call.fault.ending is Ending.PROPER
    due_s = await seat.ready()
    for number, step in enumerate(steps, start=1):
        # Due times add up, waits do not: a late wake-up of a busy loop is not paid for again by the next chunk.
        due_s += step.delay_s
        if (wait_s := due_s - time.monotonic()) > 0:
            call.answer.flush()
            await asyncio.sleep(wait_s)
        while not seat.grow(step.tokens):
            call.answer.flush()
            due_s = await seat.ready() + step.delay_s
            await asyncio.sleep(due_s - time.monotonic())
        replica.ledger.produce(entry, step.tokens)
        call.answer.say(step, last=proper and number == len(steps))
    await _end(exchange, replica, entry, call)


async def _end(exchange: Exchange, replica: Replica, entry: Entry, call: _Call) -> None:
    ending = call.fault.ending
    if ending is Ending.HANG:
        await _hang(call)
    # Entered before the last bytes leave: who has read the answer finds it in the ledger.
    replica.ledger.close(entry, Outcome(call.plan.finish_reason) if ending is Ending.PROPER else Outcome.ERROR)
    match ending:
        case Ending.PROPER:
            call.answer.finish()
        case Ending.ERROR_EVENT:
            call.answer.fail()
        case Ending.HALF_JSON:
            call.answer.garble()
        case Ending.GARBAGE:
            exchange.respond(200, GARBAGE, "text/html")
        case Ending.CLOSE:
            if not call.fault.silent:
                call.answer.cut()
            exchange.drop()


async def _hang(call: _Call) -> NoReturn:
    """Stay silent until the client leaves, which cancels this."""
    if not call.fault.silent:
        call.answer.cut()
    while True:
        await asyncio.get_running_loop().create_future()
