"""One vLLM of a tiny model, and one gateway, for all modules that want them.

`VLLM_PYTHON` is the Python of an environment that has vLLM.
"""

import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import httpx
import pytest

import rao_runtime
from rao_runtime.adapters.openai_http import OpenAiReplica
from tests.contract.processes import program
from tests.vllm.counters import Metrics
from tests.vllm.gateway import Gateway
from tests.vllm.replica import VllmProcess
from tests.vllm.served_models import NAMES, write_settings
from tests.vllm.tiny_model import make_model

DEFAULT_PYTHON = ".venv-vllm/bin/python"


@pytest.fixture(scope="session")
def vllm_python() -> str:
    return os.environ.get("VLLM_PYTHON", DEFAULT_PYTHON)


@pytest.fixture(scope="session")
def nano_weights() -> Path:
    return Path(rao_runtime.__file__).parent / "nano"


@pytest.fixture(scope="session")
def vllm(vllm_python: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[VllmProcess]:
    folder = tmp_path_factory.mktemp("vllm")
    process = VllmProcess(vllm_python, make_model(folder / "model"), NAMES, folder / "vllm.log")
    process.start()
    try:
        yield process
    finally:
        process.kill()


@pytest.fixture(autouse=True)
def its_log(request: pytest.FixtureRequest) -> Generator[None]:
    """What vLLM says during a test is shown where the test fails. It is not started for tests that do not want it."""
    if "vllm" not in request.fixturenames:
        yield
        return
    vllm: VllmProcess = request.getfixturevalue("vllm")
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
