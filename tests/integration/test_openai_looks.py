"""What the HTTP adapter sees of a replica: of the stand-in, and of servers that tell less, late or nonsense."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from rao_runtime.adapters.openai_http import OpenAiReplica
from rao_runtime.adapters.openai_looks import INFO, PAGE_BYTES, Looks
from rao_runtime.adapters.openai_reading import Patience
from rao_runtime.adapters.openai_traits import NO_METRICS, NO_PRIORITY
from rao_runtime.adapters.openai_wire import Wire
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.ports import Message, ModelRequest, ServedModel, Traits, Vitals
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.script import RuleScript
from rao_runtime.standin.server import StandIn
from tests.integration.openai_client import replica_at
from tests.integration.pages_server import HANGS, PagesServer, page, pages_server
from tests.integration.raw_server import answer, raw_server

KV = StandInConfig(models=("m",), window=4096, slots=1, kv_blocks=512, block_size=16)
VERSION = page('{"version":"0.32.0"}')
METRICS = page(b'vllm:num_requests_running{engine="0",model_name="m"} 4.0\n')
INFO_FCFS = page('{"vllm_config":{"scheduler_config":{"policy":"fcfs"}}}')
VLLM = {"/version": VERSION, "/metrics": METRICS}
SOON = Patience(look_s=0.2)
HTML = page("<!doctype html><title>Welcome</title>")


def request(request_id: str = "r1") -> ModelRequest:
    messages = (Message("user", "u" * 400),)
    return ModelRequest(request_id=request_id, model="m", messages=messages, max_tokens=100)


async def drain(replica: OpenAiReplica, asked: ModelRequest | None = None) -> None:
    async for _ in replica.stream(asked or request()):
        pass


@asynccontextmanager
async def standing(config: StandInConfig = KV) -> AsyncGenerator[tuple[StandIn, OpenAiReplica]]:
    async with StandIn(config, RuleScript(lambda _: "w" * 40)) as stand_in, replica_at(stand_in.url) as replica:
        yield stand_in, replica


@asynccontextmanager
async def told_by(
    pages: dict[str, bytes], *, patience: Patience = SOON, vllm_fields: bool = True
) -> AsyncGenerator[tuple[PagesServer, OpenAiReplica]]:
    async with (
        pages_server(pages) as server,
        replica_at(server.url, patience=patience, vllm_fields=vllm_fields) as replica,
    ):
        yield server, replica


async def test_the_stand_in_tells_its_version_and_its_cache_and_lacks_nothing() -> None:
    async with standing() as (_, replica):
        assert await replica.traits() == Traits(version="0.33.0", kv_tokens=512 * 16, block_tokens=16)
        assert await replica.served() == (ServedModel("m", 4096),)


async def test_vitals_move_as_requests_run_and_end_and_are_those_of_the_ledger() -> None:
    async with standing() as (stand_in, replica):
        idle = await replica.vitals()
        await drain(replica)
        once = await replica.vitals()
        await drain(replica)
        twice = await replica.vitals()
        totals = stand_in.ledger.totals()
    assert idle == Vitals(
        running=0,
        waiting=0,
        kv_usage=0.0,
        generated_tokens=0,
        prompt_tokens=0,
        prefix_queries=0,
        prefix_hits=0,
        preemptions=0,
    )
    assert (once.generated_tokens, once.prefix_hits) == (10, 0)
    assert (twice.generated_tokens, twice.prompt_tokens) == (20, totals["prompt_tokens"])
    assert (twice.prefix_queries, twice.prefix_hits) == (totals["prompt_tokens"], totals["cached_tokens"])
    assert totals["cached_tokens"] > 0


async def test_vitals_tell_who_runs_and_who_waits_and_that_blocks_are_taken() -> None:
    async with standing() as (stand_in, replica), asyncio.TaskGroup() as group:
        stand_in.fail_next("hang")
        calls = [group.create_task(drain(replica, request(f"r{number}"))) for number in range(3)]
        await stand_in.ledger.until(lambda ledger: (ledger.running, ledger.waiting) == (1, 2))
        busy = await replica.vitals()
        for call in calls:
            call.cancel()
        await stand_in.ledger.until(lambda ledger: (ledger.running, ledger.waiting) == (0, 0))
        after = await replica.vitals()
    assert (busy.running, busy.waiting) == (1, 2)
    assert busy.kv_usage is not None
    assert busy.kv_usage > 0
    assert (after.running, after.waiting, after.kv_usage) == (0, 0, 0.0)


async def test_a_stand_in_without_a_cache_tells_nothing_of_one() -> None:
    async with standing(StandInConfig()) as (_, replica):
        assert await replica.traits() == Traits(version="0.33.0")
        told = await replica.vitals()
    assert (told.running, told.generated_tokens) == (0, 0)
    assert (told.kv_usage, told.prefix_hits, told.preemptions) == (None, None, None)


async def test_pages_are_asked_for_at_the_root_with_the_key() -> None:
    pages = {f"/llm{path}": body for path, body in VLLM.items()}
    async with pages_server(pages) as server, replica_at(f"{server.url}/llm/v1/", api_key="secret") as replica:
        assert (await replica.traits()).version == "0.32.0"
        assert (await replica.vitals()).running == 4
    assert server.paths == ["/llm/version", "/llm/metrics", f"/llm{INFO}", "/llm/metrics"]
    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer secret"}


async def test_all_looks_take_one_connection() -> None:
    async with told_by(VLLM) as (server, replica):
        await replica.traits()
        for _ in range(5):
            await replica.vitals()
    assert server.connections == 1


async def test_the_scheduling_policy_is_known_in_vllms_development_mode() -> None:
    async with told_by({**VLLM, INFO: INFO_FCFS}) as (_, replica):
        assert (await replica.traits()).missing == (NO_PRIORITY.format(policy="fcfs"),)


@pytest.mark.parametrize("info", [HANGS, answer("500 Internal Server Error", b"no JSON of this"), HTML])
async def test_a_policy_that_is_not_told_in_time_stays_unknown(info: bytes) -> None:
    async with told_by({**VLLM, INFO: info}) as (_, replica):
        assert await replica.traits() == Traits(version="0.32.0")


async def test_a_server_that_is_no_vllm_lacks_metrics_and_is_not_asked_for_them_again_and_again() -> None:
    async with told_by({}) as (server, replica):
        assert await replica.traits() == Traits(missing=(NO_METRICS,))
        for _ in range(5):
            assert await replica.vitals() == Vitals()
    assert server.paths == ["/version", "/metrics"]


async def test_where_no_vllm_is_expected_nothing_is_missed() -> None:
    async with told_by({}, vllm_fields=False) as (_, replica):
        assert await replica.traits() == Traits()


async def test_metrics_that_were_not_there_are_asked_for_again_after_a_while() -> None:
    async with pages_server({}) as server:
        wire = Wire(server.url, (), connect_timeout_s=1.0)
        looks = Looks(wire, look_s=1.0, vllm=True, again_s=0.0)
        assert await looks.vitals() == Vitals()
        server.pages.update(VLLM)
        assert (await looks.vitals()).running == 4
        await wire.aclose()


async def test_a_look_at_traits_finds_metrics_that_have_come() -> None:
    async with told_by({}) as (server, replica):
        assert await replica.vitals() == Vitals()
        server.pages.update(VLLM)
        assert (await replica.traits()).missing == ()
        assert (await replica.vitals()).running == 4


async def test_garbage_at_every_path_tells_nothing() -> None:
    async with told_by({"/version": HTML, "/metrics": HTML, INFO: HTML}) as (server, replica):
        assert await replica.traits() == Traits(missing=(NO_METRICS,))
        assert await replica.vitals() == Vitals()
    assert server.paths == ["/version", "/metrics", INFO]


@pytest.mark.parametrize("metrics", [HANGS, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nvllm:num_requests_runni"])
async def test_metrics_that_do_not_come_to_an_end_are_a_timeout(metrics: bytes) -> None:
    async with told_by({"/version": VERSION, "/metrics": metrics}) as (_, replica), asyncio.timeout(10):
        for look in (replica.vitals, replica.traits):
            with pytest.raises(ModelError) as failed:
                await look()
            assert failed.value.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize(
    ("status", "kind"),
    [("500 Internal Server Error", FailureKind.SERVER), ("503 Service Unavailable", FailureKind.BUSY)],
)
async def test_a_server_that_fails_at_its_metrics_is_not_one_without_them(status: str, kind: FailureKind) -> None:
    async with told_by({"/version": VERSION, "/metrics": answer(status, b"engine gone")}) as (server, replica):
        for look in (replica.vitals, replica.traits):
            with pytest.raises(ModelError) as failed:
                await look()
            assert failed.value.kind is kind
    assert server.paths.count("/metrics") == 2


@pytest.mark.parametrize("status", ["204 No Content", "307 Temporary Redirect", "401 Unauthorized", "405 Not Allowed"])
async def test_a_server_that_shows_no_metrics_is_one_without_them(status: str) -> None:
    async with told_by({"/metrics": answer(status, b"", "location: /elsewhere")}) as (server, replica):
        assert await replica.vitals() == Vitals()
    assert server.paths == ["/metrics"]


async def test_a_server_that_breaks_off_or_is_gone_is_a_failure_of_its_own_kind() -> None:
    async with raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nvllm") as server:
        url = server.url
        async with replica_at(url) as replica:
            with pytest.raises(ModelError) as broken:
                await replica.vitals()
    async with replica_at(url) as replica:
        for look in (replica.traits, replica.vitals):
            with pytest.raises(ModelError) as gone:
                await look()
            assert gone.value.kind is FailureKind.UNREACHABLE
    assert broken.value.kind is FailureKind.BROKEN


async def test_of_an_endless_page_the_beginning_is_read() -> None:
    filling = b"other_metric 1\n" * 1000
    pieces = [
        b"HTTP/1.1 200 OK\r\n\r\nvllm:num_requests_running 7\n",
        *[filling] * (PAGE_BYTES // len(filling) + 1),
    ]
    async with raw_server(pieces, hold=True) as server, replica_at(server.url) as replica, asyncio.timeout(20):
        assert await replica.vitals() == Vitals(running=7)


async def test_our_key_is_not_in_what_a_failing_server_says() -> None:
    pages = {"/metrics": answer("500 Internal Server Error", b"bad key secret!")}
    async with pages_server(pages) as server, replica_at(server.url, api_key="secret") as replica:
        with pytest.raises(ModelError) as failed:
            await replica.vitals()
    assert str(failed.value) == "HTTP 500: bad key ***!"
