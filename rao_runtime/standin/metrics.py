"""The ledger in Prometheus' text format, under vLLM's names."""

from rao_runtime.standin.ledger import Ledger, Outcome

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(ledger: Ledger, model: str) -> bytes:
    """The body of `GET /metrics`. A reset of the ledger resets the counters too."""
    labels = f'engine="0",model_name="{model}"'
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
    ]
    return ("\n".join(lines) + "\n").encode()


def _metric(name: str, kind: str, samples: dict[str, int]) -> list[str]:
    full = f"vllm:{name}"
    return [f"# TYPE {full} {kind}", *(f"{full}{{{labels}}} {value}" for labels, value in samples.items())]
