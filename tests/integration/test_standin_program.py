"""The stand-in as a process of its own."""

import asyncio
import signal
import sys

import orjson
import pytest
from aiohttp import ClientSession

from rao_runtime.standin.main import main
from tests.integration.standin_client import Client


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
async def test_it_prints_its_url_serves_and_ends_at_a_signal(name: signal.Signals) -> None:
    arguments = ["--script", "tree", "--model", "m", "--slots", "2", "--fault", "no_usage=1", "--window", "999"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rao_runtime.standin", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        async with ClientSession(url) as session:
            client = Client(session)
            told = orjson.loads((await client.get("/v1/models"))[1])
            messages = [{"role": "user", "content": "tree 2"}]
            streamed = await client.stream({"model": "m", "messages": messages})
    finally:
        process.send_signal(name)
        status = await process.wait()
    assert status == 0
    assert [(model["id"], model["max_model_len"]) for model in told["data"]] == [("m", 999)]
    assert "launch_subagent" in streamed.text
    assert streamed.usage is None


@pytest.mark.parametrize(
    "arguments", [["--fault", "flood=1"], ["--fault", "500=often"], ["--slots", "0"], ["--script", "x"]]
)
def test_arguments_that_make_no_sense_are_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "error: " in capsys.readouterr().err
