"""A completion from the engine's chunks: text so far, count so far, how it ended. Knows nothing of threads."""

from collections.abc import Sequence

import orjson

from rao_runtime.adapters import openai_errors
from rao_runtime.adapters.stop_text import StopText
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Finished, TextDelta

Item = TextDelta | Finished


class Completion:
    """One completion as it grows; `over` once nothing can follow.

    Stop strings are looked for here: the engine would lose a text's end that only began like one.
    """

    __slots__ = ("_stop", "over")

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = StopText(stop)
        self.over = False

    def take(self, chunk: bytes) -> list[Item]:
        """What a chunk adds. Raises ModelError for a failure it reports, BROKEN for what is no chunk."""
        text, tokens, reason = _told(chunk)
        shown = self._stop.feed(text)
        if self._stop.stopped:
            reason = "stop"
        elif reason is not None:
            shown += self._stop.rest()
        if reason is None:
            return [TextDelta(shown, tokens)]
        self.over = True
        end = Finished(reason, tokens)
        return [TextDelta(shown, tokens), end] if shown else [end]


def _told(chunk: bytes) -> tuple[str, Tokens, str | None]:
    try:
        parsed = orjson.loads(chunk)
        error = openai_errors.of_event(parsed)
        if error is not None:
            raise error
        choice, timings = parsed["choices"][0], parsed["timings"]
        cached = timings["cache_n"]
        tokens = Tokens(input=cached + timings["prompt_n"], cached=cached, output=timings["predicted_n"])
        return choice["text"], tokens, choice["finish_reason"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ModelError(FailureKind.BROKEN, "a chunk of another shape than a completion's") from error
