"""Asks a server again and again whether it is alive, on time whatever it does."""

import asyncio
import time

from benchmarks.clients import Gateway

PERIOD_S = 0.05


async def livez_delays_s(gateway: Gateway, *, for_s: float) -> list[float]:
    """Asks every 50 ms, whether or not the last answer is there; how long each answer took, in the order they came.

    Counted from when a request was due: a stall must not hide the requests that it kept from being sent.
    """
    delays_s = list[float]()

    async def ask(due_s: float) -> None:
        await gateway.livez()
        delays_s.append(time.perf_counter() - due_s)

    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(for_s / PERIOD_S)):
            due_s = began_s + number * PERIOD_S
            await asyncio.sleep(due_s - time.perf_counter())
            group.create_task(ask(due_s))
    return delays_s
