"""Messages to the tokens of a prompt, and how many of them a model can hold."""

from collections.abc import Iterator, Sequence

from rao_runtime.adapters.nano_tokenizer import Tokenizer
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.ports import Message

END = "<|end|>"
ROLES = {role: f"<|{role}|>" for role in ("system", "user", "assistant")}


class Chat:
    """The chat format: each message between its role's token and an end, then the token of who speaks next."""

    def __init__(self, tokenizer: Tokenizer, *, window: int) -> None:
        """Raises KeyError where the tokenizer lacks a token of the format."""
        self._tokenizer = tokenizer
        self._window = window
        self._end = tokenizer.special[END]
        self._roles = {role: tokenizer.special[token] for role, token in ROLES.items()}

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's tokens. Raises ModelError(REJECTED) for one that leaves no room in the window."""
        # An endless text is known to be too long before it is read.
        least = sum(len(message.content) for message in messages) // self._tokenizer.longest
        tokens = [] if least >= self._window else list(self._all(messages))
        if max(least, len(tokens)) < self._window:
            return tokens
        raise rejected(
            f"This model's maximum context length is {self._window} tokens, "
            f"the prompt has {len(tokens) or f'at least {least}'} and leaves no room for a completion"
        )

    def _all(self, messages: Sequence[Message]) -> Iterator[int]:
        for message in messages:
            if message.role not in self._roles:
                raise rejected(f"no role {message.role!r}")
            yield self._roles[message.role]
            yield from self._tokenizer.encode(message.content)
            yield self._end
        yield self._roles["assistant"]


def rejected(message: str, *, status: int = 400) -> ModelError:
    """The failure of a request that would fail again; `status` is what a server would answer."""
    return ModelError(FailureKind.REJECTED, message, status=status)
