"""One vLLM and one gateway for the whole suite. `VLLM_PYTHON` is the Python of an environment that has vLLM."""

import os
from collections.abc import AsyncGenerator, Generator

import httpx
import pytest

from rao_runtime.adapters.openai_http import OpenAiReplica
from tests.contract.processes import program
from tests.vllm.counters import Metrics
from tests.vllm.gateway import Gateway
from tests.vllm.replica import VllmProcess
from tests.vllm.served_models import NAMES, write_settings
from tests.vllm.tiny_model import make_model

DEFAULT_PYTHON = ".venv-vllm/bin/python"


@pytest.fixture(scope="session")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Generator[VllmProcess]:
    folder = tmp_path_factory.mktemp("vllm")
    python = os.environ.get("VLLM_PYTHON", DEFAULT_PYTHON)
    process = VllmProcess(python, make_model(folder / "model"), NAMES, folder / "vllm.log")
    process.start()
    try:
        yield process
    finally:
        process.kill()


@pytest.fixture(autouse=True)
def its_log(vllm: VllmProcess) -> Generator[None]:
    """What vLLM says during a test is shown where the test fails."""
    vllm.news()
    yield
    print(vllm.news())


@pytest.fixture(scope="session")
def gateway_url(vllm: VllmProcess, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    folder = tmp_path_factory.mktemp("gateway")
    settings = write_settings(folder / "rao.toml", vllm.url)
    with program("server", RAO_CONFIG=str(settings), RAO_DATA_DIR=str(folder / "data")) as (_, url):
        yield url


@pytest.fixture
async def gateway(gateway_url: str) -> AsyncGenerator[Gateway]:
    async with httpx.AsyncClient(base_url=gateway_url, timeout=30) as http:
        yield Gateway(http)


@pytest.fixture
async def metrics(vllm: VllmProcess) -> AsyncGenerator[Metrics]:
    async with httpx.AsyncClient(base_url=vllm.url, timeout=30) as http:
        yield Metrics(http)


@pytest.fixture
async def replica(vllm: VllmProcess) -> AsyncGenerator[OpenAiReplica]:
    replica = OpenAiReplica(vllm.url)
    yield replica
    await replica.aclose()
