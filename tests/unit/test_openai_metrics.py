"""vLLM's metrics page, as 0.32 writes it, read as figures."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from rao_runtime.adapters.openai_metrics import KvCache, cache_of, is_vllms, vitals_of
from rao_runtime.ports import Vitals

PAGE = b"""\
# HELP python_info Python platform information
# TYPE python_info gauge
python_info{implementation="CPython",major="3",minor="11",patchlevel="8",version="3.11.8"} 1.0
# HELP vllm:num_requests_running Requests in the batch.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 2.0
# TYPE vllm:num_requests_waiting_by_reason gauge
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 70.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.125
# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{engine="0",model_name="m"} 1.234567e+06
# TYPE vllm:prefix_cache_queries_created gauge
vllm:prefix_cache_queries_created{engine="0",model_name="m"} 1.7952952871016612e+09
# TYPE vllm:prefix_cache_hits_total counter
vllm:prefix_cache_hits_total{engine="0",model_name="m"} 4096.0
# TYPE vllm:external_prefix_cache_hits_total counter
vllm:external_prefix_cache_hits_total{engine="0",model_name="m"} 70.0
# TYPE vllm:num_preemptions_total counter
vllm:num_preemptions_total{engine="0",model_name="m"} 5.0
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="m"} 1.234568e+06
# TYPE vllm:prompt_tokens_cached_total counter
vllm:prompt_tokens_cached_total{engine="0",model_name="m"} 70.0
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="m"} 89.0
# TYPE vllm:iteration_tokens_total histogram
vllm:iteration_tokens_total_bucket{engine="0",le="1.0",model_name="m"} 70.0
vllm:request_generation_tokens_sum{engine="0",model_name="m"} 70.0
"""
TOLD = Vitals(
    running=3,
    waiting=2,
    kv_usage=0.125,
    generated_tokens=89,
    prompt_tokens=1_234_568,
    prefix_queries=1_234_567,
    prefix_hits=4096,
    preemptions=5,
)
COUNTERS = ("prompt_tokens", "generation_tokens", "num_preemptions", "prefix_cache_queries", "prefix_cache_hits")
GAUGES = ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc")


def cache_line(engine: int = 0, **labels: object) -> bytes:
    told = {"block_size": 16, "enable_prefix_caching": True, "engine": engine, "num_gpu_blocks": 1000, **labels}
    text = ",".join(f'{name}="{value}"' for name, value in told.items())
    return f"vllm:cache_config_info{{{text}}} 1.0\n".encode()


def running(value: str) -> bytes:
    return f'vllm:num_requests_running{{engine="0",model_name="m"}} {value}\n'.encode()


def test_a_page_is_read_as_it_is_written() -> None:
    assert vitals_of(PAGE) == TOLD
    assert is_vllms(PAGE)


def test_engines_are_added_up_and_the_fullest_cache_is_told() -> None:
    other = PAGE.replace(b'engine="0"', b'engine="1"').replace(b" 0.125", b" 0.5").replace(b" 89.0", b" 11.0")
    told = vitals_of(PAGE + other)
    assert (told.running, told.waiting, told.kv_usage) == (6, 4, 0.5)
    assert (told.generated_tokens, told.preemptions) == (100, 10)


@pytest.mark.parametrize("junk", ["NaN", "+Inf", "-Inf", "-1.0", "many", "0x10", "1e999", "--"])
def test_what_is_no_number_is_not_told_and_the_rest_is(junk: str) -> None:
    told = vitals_of(PAGE.replace(b"} 3.0", f"}} {junk}".encode()))
    assert told.running is None
    assert (told.waiting, told.generated_tokens) == (2, 89)


def test_a_sum_of_which_one_engine_tells_no_number_is_not_told() -> None:
    assert vitals_of(running("7") + running("NaN")) == Vitals()


@pytest.mark.parametrize(
    "junk",
    [
        b"\n\n",
        b"vllm:num_requests_running\n",
        b"vllm:num_requests_running{\n",
        b'vllm:num_requests_running{engine="0\n',
        b'vllm:num_requests_running{engine="0"} \n',
        b'vllm:num_requests_running{engine="0"}7\n',
        b"vllm:num_requests_runningly 7\n",
        b"# vllm:num_requests_running 7\n",
        b" vllm:num_requests_running 7\n",
        b"other:num_requests_running 7\n",
        b"\xff\xfe\x00\n",
    ],
)
def test_lines_that_are_none_of_ours_are_passed_over(junk: bytes) -> None:
    lines = PAGE.splitlines(keepends=True)
    assert vitals_of(b"".join(junk + line for line in lines) + junk) == TOLD


def test_samples_without_labels_and_with_a_time_are_read() -> None:
    page = b"vllm:num_requests_running 4\nvllm:num_requests_waiting\t5.0 1395066363000\r\n"
    assert vitals_of(page) == Vitals(running=4, waiting=5)


def test_half_a_number_at_the_end_of_a_page_that_was_cut_off_is_not_believed() -> None:
    whole = running("12345")
    assert vitals_of(whole).running == 12345
    for length in range(len(whole)):
        assert vitals_of(whole[:length]) == Vitals()


def test_another_servers_page_tells_nothing() -> None:
    page = b'# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing{slot="0"} 1\n'
    assert (vitals_of(page), cache_of(page), is_vllms(page)) == (Vitals(), None, False)
    assert vitals_of(b"") == Vitals()


def test_a_vllm_of_several_api_servers_is_known_before_its_gauges_are_set() -> None:
    page = b"# TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total 0.0\n"
    assert is_vllms(page)
    assert vitals_of(page) == Vitals(generated_tokens=0)
    assert not is_vllms(b"# HELP other What vllm:num_requests_running is not.\nother 1\n")


def test_usage_over_all_is_all() -> None:
    assert vitals_of(b"vllm:kv_cache_usage_perc 1.0000000000000002\n").kv_usage == 1.0


names = st.text(st.characters(codec="utf-8"), max_size=12)
figures = st.fixed_dictionaries(
    {
        **dict.fromkeys(COUNTERS, st.integers(0, 10**12)),
        **dict.fromkeys(GAUGES[:2], st.integers(0, 10**6)),
        GAUGES[2]: st.floats(0, 1),
    }
)


def written(model: str, engines: list[Mapping[str, float]]) -> bytes:
    """The page that vLLM's own library writes of these figures."""
    registry = CollectorRegistry()
    labels = ("model_name", "engine")
    gauges = [Gauge(f"vllm:{name}", "What is.", labels, registry=registry) for name in GAUGES]
    counters = [Counter(f"vllm:{name}", "What was.", labels, registry=registry) for name in COUNTERS]
    for number, engine in enumerate(engines):
        for name, gauge in zip(GAUGES, gauges, strict=True):
            gauge.labels(model, str(number)).set(engine[name])
        for name, counter in zip(COUNTERS, counters, strict=True):
            counter.labels(model, str(number)).inc(engine[name])
    return generate_latest(registry)


@given(names, st.lists(figures, min_size=1, max_size=4))
def test_whatever_the_model_is_called_all_engines_count(model: str, engines: list[Mapping[str, float]]) -> None:
    told = vitals_of(written(model, engines))
    sums = {name: sum(engine[name] for engine in engines) for name in (*COUNTERS, *GAUGES)}
    assert told == Vitals(
        running=int(sums["num_requests_running"]),
        waiting=int(sums["num_requests_waiting"]),
        kv_usage=max(engine["kv_cache_usage_perc"] for engine in engines),
        generated_tokens=int(sums["generation_tokens"]),
        prompt_tokens=int(sums["prompt_tokens"]),
        prefix_queries=int(sums["prefix_cache_queries"]),
        prefix_hits=int(sums["prefix_cache_hits"]),
        preemptions=int(sums["num_preemptions"]),
    )


parts = st.sampled_from([b"\nvllm:num_requests_running", b"{", b'a="', b"\\", b"} 1"])
pieces = st.one_of(st.binary(max_size=8), parts)


@given(st.lists(pieces, max_size=20).map(b"".join))
def test_no_bytes_are_too_strange(page: bytes) -> None:
    told = vitals_of(page)
    assert told.running is None or told.running >= 0
    assert cache_of(page) is None


def test_the_caches_size_is_its_blocks_times_theirs() -> None:
    assert cache_of(PAGE + cache_line()) == KvCache(16_000, 16, shares=True)
    assert cache_of(PAGE) is None


def test_blocks_that_are_not_worked_out_yet_are_no_size() -> None:
    assert cache_of(cache_line(num_gpu_blocks=None)) == KvCache(None, 16, shares=True)
    assert cache_of(cache_line(num_gpu_blocks=0, block_size=None)) == KvCache(None, None, shares=True)


def test_blocks_are_those_of_all_engines_and_count_once() -> None:
    assert cache_of(cache_line(0) + cache_line(1)) == KvCache(16_000, 16, shares=True)


def test_tokens_are_each_engines_own_and_right_where_blocks_are_not() -> None:
    page = cache_line(0, kv_cache_size_tokens=5000) + cache_line(1, kv_cache_size_tokens=5000)
    assert cache_of(page) == KvCache(10_000, 16, shares=True)
    assert cache_of(cache_line(kv_cache_size_tokens=None)) == KvCache(16_000, 16, shares=True)


def test_hits_may_end_at_other_steps_than_blocks() -> None:
    told = cache_of(cache_line(block_size=1024, cache_hit_alignment_tokens=32))
    assert told is not None
    assert told.block_tokens == 32


def test_a_prefix_cache_that_is_off_is_told() -> None:
    assert cache_of(cache_line(enable_prefix_caching=False)) == KvCache(16_000, 16, shares=False)


def test_labels_with_quotes_and_braces_in_them_are_read() -> None:
    assert cache_of(cache_line(cache_dtype=r"a\"},{b\\", z="},")) == KvCache(16_000, 16, shares=True)
