"""What goes on beside everything else: ended with its context, and told of where it ends by itself."""

import asyncio
import logging

import pytest
from anyio.lowlevel import checkpoint

from rao_runtime.engine.background import in_background


async def failing() -> None:
    raise OSError("no more files")


async def ending() -> None:
    await checkpoint()


class Endless:
    """Work that never ends by itself."""

    def __init__(self) -> None:
        self.cancelled = False

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def until_told(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    while not caplog.records:
        await checkpoint()
    return caplog.records[-1]


async def test_work_that_fails_is_told_with_its_reason_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    endless = Endless()
    async with in_background({"housekeeping": endless.run(), "replicas": failing()}):
        record = await until_told(caplog)
        assert not endless.cancelled
    assert (record.levelno, record.getMessage().split()[0]) == (logging.CRITICAL, "replicas")
    assert "no more files" in caplog.text
    assert endless.cancelled


async def test_work_that_just_ends_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    async with in_background({"replicas": ending()}):
        assert "replicas has ended" in (await until_told(caplog)).getMessage()


async def test_work_is_gone_where_the_context_is_left_by_an_error_and_nothing_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endless = Endless()

    async def leave() -> None:
        async with in_background({"replicas": endless.run()}):
            await checkpoint()
            await failing()

    with pytest.raises(OSError, match="no more files"):
        await leave()
    assert endless.cancelled
    assert caplog.records == []
