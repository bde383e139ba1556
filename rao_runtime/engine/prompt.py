"""One node's prompt: append-only, so that every turn's is a prefix of the next and stays cached at the replica."""

from rao_runtime.core.placement import PromptKey
from rao_runtime.core.profile import Profile
from rao_runtime.core.prompt_key import MESSAGE_TOKENS, KeyChain
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Message

__all__ = ["MESSAGE_TOKENS", "Prompt"]


class Prompt:
    """The messages so far, and how many tokens they are: as the replica counted them where it did, else estimated.

    `salt` is the tenant's, so that its keys match no other's.
    """

    def __init__(self, profile: Profile, messages: list[Message], *, salt: str | None = None) -> None:
        self._profile = profile
        self._messages = messages
        self._chain = KeyChain((profile.model, salt))
        self._counted = 0
        self._uncounted_tokens = sum(map(self._estimated, messages))

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is sent."""
        return tuple(self._messages)

    @property
    def tokens(self) -> int:
        """Tokens of the whole prompt."""
        return self._counted + self._uncounted_tokens

    def key(self, siblings: str = "") -> PromptKey:
        """What placement knows it by; its tokens are all estimated, so that prompts can be compared."""
        return self._chain.key(self._messages, self._text_tokens, siblings)

    def add_turn(self, text: str, tokens: Tokens | None, extra: str) -> None:
        """Add the completion of a call on the prompt as it was; `extra` is what the message has beyond that text."""
        message = Message("assistant", text)
        self._messages.append(message)
        if tokens is None:
            self._uncounted_tokens += self._estimated(message)
        else:
            self._counted = tokens.total
            self._uncounted_tokens = MESSAGE_TOKENS + self._text_tokens(extra)

    def add_notice(self, text: str) -> None:
        """Say something more at the end of the message that is sent next."""
        last = self._messages[-1]
        self._messages[-1] = Message(last.role, f"{last.content}\n\n{text}")
        self._uncounted_tokens += self._text_tokens(text) + 1

    def add_observation(self, text: str) -> None:
        """Add what the node sees next."""
        message = Message("user", text)
        self._messages.append(message)
        self._uncounted_tokens += self._estimated(message)

    def _estimated(self, message: Message) -> int:
        return MESSAGE_TOKENS + self._text_tokens(message.content)

    def _text_tokens(self, text: str) -> int:
        # Characters outside ASCII are rarely merged by a tokenizer: their bytes are what they can cost.
        return self._profile.estimated_tokens(len(text) if text.isascii() else len(text.encode("utf-8", "replace")))
