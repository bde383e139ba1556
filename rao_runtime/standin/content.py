"""What stands in the KV cache: a conversation's tokens in blocks, each named by a hash of itself and all before it.

The four tokens that a message costs stand behind its text and say whose turn is next. So what a model writes follows
its prompt as it will in the prompt of its next turn, and is found there again, as with a real chat template.
"""

from hashlib import blake2b
from itertools import pairwise

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.plan import Plan
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.tokens import MESSAGE_OVERHEAD

# Fills a short token up to its size; no prompt is likely to hold it.
PAD = "\0"


def block_names(request: ChatRequest, made: Plan, *, model: str, config: StandInConfig) -> tuple[bytes, ...]:
    """The names of all full blocks of this prompt and completion. Other models and other salts have other names."""
    root = _digest(PAD.join((model, request.cache_salt or "")).encode(errors="surrogatepass"))
    stream = prompt_stream(request, config.chars_per_token) + _completion(made, config.chars_per_token)
    size = config.block_size * config.chars_per_token
    names: list[bytes] = []
    for start in range(0, len(stream) - size + 1, size):
        root = _digest(root + stream[start : start + size].encode(errors="surrogatepass"))
        names.append(root)
    return tuple(names)


def prompt_stream(request: ChatRequest, chars_per_token: int) -> str:
    """The prompt with each token at its full width, as long as `count_messages` says."""
    width = MESSAGE_OVERHEAD * chars_per_token
    roles = [*(message.role for message in request.messages), "assistant"]
    return "".join(
        _padded(text, chars_per_token) + f"{PAD}{role}{PAD}{following}".ljust(width, PAD)[:width]
        for text, (role, following) in zip(request.texts, pairwise(roles), strict=True)
    )


def _completion(made: Plan, chars_per_token: int) -> str:
    """What is produced: the shown text and the stop string that is not shown."""
    size = made.tokens * chars_per_token
    return (made.text + (made.stop_reason or ""))[:size].ljust(size, PAD)


def _padded(text: str, chars_per_token: int) -> str:
    return text + PAD * (-len(text) % chars_per_token)


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
