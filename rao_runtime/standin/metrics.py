"""The ledger in Prometheus' text format, under vLLM's names."""

from collections.abc import Mapping
from dataclasses import dataclass

from rao_runtime.standin.ledger import Ledger, Outcome

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ENGINE = 'engine="0"'


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFigures:
    """The KV cache of this moment."""

    blocks: int
    block_size: int
    used_blocks: int


def exposition(ledger: Ledger, model: str, cache: CacheFigures | None = None) -> bytes:
    """The body of `GET /metrics`. A reset of the ledger resets the counters too."""
    labels = f'{ENGINE},model_name="{model}"'
    totals = ledger.totals()
    lines = [
        *_metric("num_requests_running", "gauge", {labels: ledger.running}),
        *_metric("num_requests_waiting", "gauge", {labels: ledger.waiting}),
        *_metric("prompt_tokens_total", "counter", {labels: totals["prompt_tokens"]}),
        *_metric("prompt_tokens_cached_total", "counter", {labels: totals["cached_tokens"]}),
        *_metric("generation_tokens_total", "counter", {labels: totals["completion_tokens"]}),
        *_metric(
            "request_success_total",
            "counter",
            {
                f'{labels},finished_reason="{reason}"': number
                for reason, number in ledger.outcomes().items()
                if reason != Outcome.REJECTED
            },
        ),
        *(_cache_lines(ledger, cache, labels) if cache is not None else ()),
    ]
    return ("\n".join(lines) + "\n").encode()


def _cache_lines(ledger: Ledger, cache: CacheFigures, labels: str) -> list[str]:
    """As in vLLM, a prompt is looked up once, in tokens: one that is let in again after a preemption does not count."""
    totals = ledger.totals()
    info = f'block_size="{cache.block_size}",enable_prefix_caching="True",{ENGINE},num_gpu_blocks="{cache.blocks}"'
    return [
        *_metric("kv_cache_usage_perc", "gauge", {labels: cache.used_blocks / cache.blocks}),
        *_metric("num_preemptions_total", "counter", {labels: ledger.preemptions}),
        *_metric("prefix_cache_queries_total", "counter", {labels: totals["prompt_tokens"]}),
        *_metric("prefix_cache_hits_total", "counter", {labels: totals["cached_tokens"]}),
        *_metric("cache_config_info", "gauge", {info: 1}),
    ]


def _metric(name: str, kind: str, samples: Mapping[str, float]) -> list[str]:
    full = f"vllm:{name}"
    return [f"# TYPE {full} {kind}", *(f"{full}{{{labels}}} {value}" for labels, value in samples.items())]
