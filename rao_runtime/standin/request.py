"""A chat completion request as vLLM reads it: the fields that are honoured, checked; all others are let pass."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rao_runtime.standin.refusal import Refusal


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class TextPart(_Body):
    """One part of a message that came as a list."""

    type: str
    text: str = ""


class ChatMessage(_Body):
    """One message; text parts count joined."""

    role: str
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The content as one text."""
        match self.content:
            case None:
                return ""
            case str():
                return self.content
            case _:
                return "".join(part.text for part in self.content)


class StreamOptions(_Body):
    """What a stream tells besides text; the continuous figures need `include_usage` too, as with vLLM."""

    include_usage: bool | None = None
    continuous_usage_stats: bool | None = None


class ChatRequest(_Body):
    """One request to complete a chat."""

    model: str | None = None
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | list[str] | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    seed: int | None = None
    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    priority: int = 0
    cache_salt: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^@/\\\x00]*$")] | None = None

    @model_validator(mode="after")
    def _options_need_a_stream(self) -> "ChatRequest":
        if self.stream_options is not None and not self.stream:
            raise ValueError("Stream options can only be defined when `stream=True`.")
        return self

    @property
    def cap(self) -> int | None:
        """The most tokens the client allows, under either of the field's two names."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings; empty ones are dropped."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(filter(None, given))

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    @property
    def wants_running_usage(self) -> bool:
        """Whether every chunk carries the usage so far."""
        return self.wants_usage and self.stream_options is not None and bool(self.stream_options.continuous_usage_stats)

    @property
    def texts(self) -> tuple[str, ...]:
        """The messages' texts."""
        return tuple(message.text for message in self.messages)

    def first(self, role: str) -> str:
        """The text of the first message of this role, or nothing."""
        return next((message.text for message in self.messages if message.role == role), "")

    def last(self, role: str) -> str:
        """The text of the last message of this role, or nothing."""
        return next((message.text for message in reversed(self.messages) if message.role == role), "")

    @property
    def turn(self) -> int:
        """How often the assistant has spoken before, counted from 0."""
        return sum(message.role == "assistant" for message in self.messages)


def parse(body: bytes) -> ChatRequest:
    """The request in this body. Raises Refusal with status 400."""
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        first: dict[str, Any] = dict(error.errors(include_url=False, include_input=False, include_context=False)[0])
        place = ".".join(map(str, first["loc"]))
        raise Refusal(400, f"{place}: {first['msg']}" if place else first["msg"], param=place or None) from error
