"""What a node says of why it failed."""

from rao_runtime.core.budget import Exceeded
from rao_runtime.core.errors import FailureKind, ModelError, ReplayMismatch, SandboxError, find
from rao_runtime.core.limits import Reason
from rao_runtime.engine.node_spec import NodeFailure

UNREACHED = NodeFailure(reason=Reason.CANCELED, message="not reached again after an interruption")


def exceeded(limit: Exceeded) -> NodeFailure:
    """Its next call does not fit its budget."""
    message = f"the next model call {limit}"
    return NodeFailure(reason=limit.reason, message=message, limit=limit.limit, spent=limit.spent)


def stuck(period: int) -> NodeFailure:
    """It writes so many cells again and again."""
    what = "the same cell" if period == 1 else f"the same {period} cells"
    return NodeFailure(reason=Reason.TURNS, message=f"stuck in a loop: {what} four times over")


def of_call(error: ModelError) -> NodeFailure:
    """Its call failed for good."""
    if error.kind is FailureKind.REJECTED and _is_about_length(error):
        return NodeFailure(reason=Reason.WINDOW, message=str(error))
    return NodeFailure(
        reason=Reason.MODEL_ERROR,
        kind=error.kind.value,
        message=str(error),
        retryable=error.kind is not FailureKind.REJECTED,
    )


def of_error(error: Exception) -> NodeFailure:
    """Its own code raised this: a sandbox or a replay that failed, else a bug."""
    sandbox, mismatch = find(SandboxError, error), find(ReplayMismatch, error)
    if sandbox is not None:
        return NodeFailure(reason=Reason.SANDBOX_ERROR, message=str(sandbox), retryable=True)
    if mismatch is not None:
        message = f"its replay did not match its journal: {mismatch}"
        return NodeFailure(reason=Reason.INTERNAL, kind="replay_mismatch", message=message, retryable=True)
    return NodeFailure(reason=Reason.INTERNAL, message="an error of the server; its log has it")


def _is_about_length(error: ModelError) -> bool:
    text = str(error).lower()
    return "context length" in text or "maximum context" in text or "max_model_len" in text
