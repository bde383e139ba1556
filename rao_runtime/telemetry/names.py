"""Every name that telemetry gives away: spans, attributes, span events and metrics, in this one file.

`gen_ai.*` follows OpenTelemetry's semantic conventions for generative AI (still in development); what they have no word
for is in our own `rao.*`.
"""

from enum import StrEnum

# --- spans ------------------------------------------------------------------------------------------------------------

AGENT = "rao"
INVOKE_AGENT = "invoke_agent"
CHAT = "chat"
EXECUTE_TOOL = "execute_tool"

# The tool that a cell is.
PYTHON = "python"

# Who answers: an endpoint that speaks OpenAI's protocol, or the model in our own process.
PROVIDER_SERVED = "vllm"
PROVIDER_OWN = "rao"

OPERATION = "gen_ai.operation.name"
AGENT_NAME = "gen_ai.agent.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_STREAM = "gen_ai.request.stream"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK_S = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
USAGE_COST = "gen_ai.usage.cost"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
ERROR_TYPE = "error.type"

TREE_ID = "rao.tree.id"
TREE_QUEUED_S = "rao.tree.queued_s"
TENANT = "rao.tenant"
PRICE_VERSION = "rao.price_version"
MODEL = "rao.model"

NODE_ID = "rao.node.id"
NODE_PARENT = "rao.node.parent_id"
NODE_DEPTH = "rao.node.depth"
NODE_FORK_STEP = "rao.node.fork_step"
NODE_LAUNCH_INDEX = "rao.node.launch_index"
NODE_STATUS = "rao.node.status"
NODE_VERIFIED = "rao.node.verified"
NODE_MODE = "rao.node.mode"
NODE_TURNS = "rao.node.turns"
EVENTS_DROPPED = "rao.events_dropped"

_USAGE = ("calls", "input_tokens", "cached_tokens", "output_tokens", "wasted_tokens", "estimated")

# What a node, or the whole subtree, spent: tokens by the field of `Usage`, money, and what of it was wasted.
SPENT = {
    of: ({field: f"rao.{of}.usage.{field}" for field in _USAGE}, f"rao.{of}.cost.usd", f"rao.{of}.cost.wasted_usd")
    for of in ("node", "subtree")
}

TURN = "rao.turn"
CALL_ID = "rao.call.id"
CALL_ATTEMPT = "rao.call.attempt"
CALL_REPLICA = "rao.call.replica"
CALL_QUEUED_S = "rao.call.queued_s"
CALL_EXPECTED_CACHED = "rao.call.expected_cached_tokens"
CALL_WASTED = "rao.call.wasted_tokens"
CALL_ESTIMATED = "rao.call.estimated"
CALL_GPU_S = "rao.call.gpu_s"
COST_USD = "rao.cost.usd"

CELL_CODE = "rao.cell.code"
CELL_OUTPUT = "rao.cell.output"
CELL_ERROR = "rao.cell.error"
CELL_SECONDS = "rao.cell.seconds"

# --- what happened to a node: the events of its span ------------------------------------------------------------------

SPLIT = "rao.split"
REFUSED = "rao.refused"
CHECK_FAILED = "rao.check_failed"
RETRY = "rao.retry"
PUBLISHED = "rao.published"
RESUMED = "rao.resumed"

SPLIT_CHILDREN = "rao.split.children"
SPLIT_CHILD_IDS = "rao.split.child_ids"
SPLIT_GOALS = "rao.split.goals"
SPLIT_RESERVE_TOKENS = "rao.split.reserve_tokens"
SPLIT_RESERVE_USD = "rao.split.reserve_usd"
REMAINING_NODES = "rao.remaining.nodes"
REMAINING_TOKENS = "rao.remaining.tokens"
REMAINING_USD = "rao.remaining.usd"
REFUSED_REASON = "rao.refused.reason"
REFUSED_MESSAGE = "rao.refused.message"
REFUSED_GOAL = "rao.refused.goal"
CHECK_AUTHOR = "rao.check.author"
CHECK_TRY = "rao.check.try"
CHECK_MESSAGE = "rao.check.message"
RETRY_AFTER_S = "rao.retry.after_s"
PUBLISHED_VALUE = "rao.published.value"
RESUMED_FENCE = "rao.resumed.fence"
RESUMED_FROM = "rao.resumed.from_seq"

# --- metrics ----------------------------------------------------------------------------------------------------------


class Metric(StrEnum):
    """Names of metrics: the same on the page for Prometheus and over OTLP. docs/metrics.md says what each is."""

    TREES = "rao_trees_total"
    TREES_ACTIVE = "rao_trees_active"
    TREES_QUEUED = "rao_trees_queued"
    TREES_CAPPED_AT = "rao_trees_capped_at"
    OLDEST_TREE_AGE = "rao_oldest_tree_age_seconds"
    TREE_DURATION = "rao_tree_duration_seconds"
    TREE_NODES = "rao_tree_nodes"
    TREE_CRITICAL_PATH = "rao_tree_critical_path_ratio"
    TAKEOVERS = "rao_takeovers_total"
    NODES = "rao_nodes_total"
    REFUSALS = "rao_refusals_total"
    TURNS = "rao_turns_total"
    CELLS = "rao_cells_total"
    CELL_DURATION = "rao_cell_seconds"
    CHECKS = "rao_checks_total"
    TOOL_CALLS = "rao_tool_calls_total"
    CALLS = "rao_calls_total"
    ATTEMPTS = "rao_attempts_total"
    RETRIES = "rao_retries_total"
    TOKENS = "rao_tokens_total"
    COST = "rao_cost_usd_total"
    QUEUE_WAIT = "rao_queue_wait_seconds"
    FIRST_TEXT = "rao_first_token_seconds"
    CALL_DURATION = "rao_call_seconds"
    CALL_CACHED = "rao_call_cached_ratio"
    CALLS_WAITING = "rao_calls_waiting"
    CALLS_IN_FLIGHT = "rao_calls_in_flight"
    REPLICA_READY = "rao_replica_ready"
    REPLICA_KV_USAGE = "rao_replica_kv_usage"
    PREFIX_TOKENS = "rao_prefix_tokens_total"
    SANDBOX_WAIT = "rao_sandbox_wait_seconds"
    JOURNAL_READY = "rao_journal_ready"
    JOURNAL_APPEND = "rao_journal_append_seconds"
    JOURNAL_EVENTS = "rao_journal_events_total"
    SPANS_EXPORTED = "rao_spans_exported_total"
    SPANS_DROPPED = "rao_spans_dropped_total"
    HTTP_REQUESTS = "rao_http_requests_total"


# --- the request that submits a tree ----------------------------------------------------------------------------------

POST_SOLVE = "POST /solve"

HTTP_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"
URL_PATH = "url.path"
URL_SCHEME = "url.scheme"
HTTP_VERSION = "network.protocol.version"
USER_AGENT = "user_agent.original"
REPLAYED = "rao.idempotency.replayed"
