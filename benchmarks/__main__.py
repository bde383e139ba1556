"""`python -m benchmarks [NAME ...] [--json FILE]`: all benchmarks, or those named."""

import sys
from collections.abc import Mapping

from benchmarks import (
    apart,
    cancel_latency,
    command,
    cpu_per_node,
    first_event,
    journal_memory,
    livez_under_load,
    nano_tokens,
    parked_memory,
    placement_decision,
    pool_policies,
    recovery,
    telemetry_cost,
    tree_latency,
    tree_throughput,
    usage_rollups,
)
from benchmarks.figures import Benchmark

BENCHMARKS: Mapping[str, Benchmark] = {
    "tree_latency": tree_latency.run,
    "tree_throughput": tree_throughput.run,
    "cpu_per_node": cpu_per_node.run,
    "parked_memory": parked_memory.run,
    "first_event": first_event.run,
    "cancel_latency": cancel_latency.run,
    "livez_under_load": livez_under_load.run,
    "journal_memory": journal_memory.run,
    "recovery": recovery.run,
    "apart": apart.run,
    "telemetry_cost": telemetry_cost.run,
    "nano_tokens": nano_tokens.run,
    "placement_decision": placement_decision.run,
    "pool_policies": pool_policies.run,
    "usage_rollups": usage_rollups.run,
}

if __name__ == "__main__":
    sys.exit(command.main(BENCHMARKS))
