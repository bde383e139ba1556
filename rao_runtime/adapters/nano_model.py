"""The model that comes with the runtime, on this machine's processor: `ports.Model` without a server."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from rao_runtime.adapters.nano_body import body_of
from rao_runtime.adapters.nano_chat import Chat, rejected
from rao_runtime.adapters.nano_completion import Completion
from rao_runtime.adapters.nano_engine import LIBRARY, Engine, Take
from rao_runtime.adapters.nano_feed import Feed
from rao_runtime.adapters.nano_tokenizer import Tokenizer
from rao_runtime.adapters.nano_turns import Turns
from rao_runtime.config.built_in import RAO_NANO
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.ports import Finished, ModelRequest, ServedModel, TextDelta, Traits, Vitals

MODEL = RAO_NANO.model
FOLDER = Path(__file__).parents[1] / "nano"
SLOTS = 8  # more at a time are no faster, and those that wait go by priority
MOST_ENGINES = 4


@dataclass(frozen=True, slots=True)
class _Loaded:
    engine: Engine
    chat: Chat
    window: int
    version: str

    def write(self, request: ModelRequest, take: Take) -> None:
        """Answer a request, in a thread of its own: a long prompt takes longer to read than a loop may stand still."""
        self.engine.complete(body_of(request, self.chat.prompt(request.messages)), take)


class NanoModel:
    """One engine, which computes on one core. Nothing is loaded before the first call.

    As many completions as there are slots are decoded together; those that wait go by priority. All belong to one loop.
    """

    def __init__(self, folder: Path = FOLDER, *, name: str = MODEL, slots: int = SLOTS) -> None:
        self._folder = folder
        self._name = name
        self._slots = slots
        self._turns = Turns(slots)
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix=name)
        self._loading: asyncio.Future[_Loaded] | None = None
        self._feeds = set[Feed]()
        self._waiting = 0
        self._closed = False

    @property
    def name(self) -> str:
        """A label."""
        return self._name

    async def served(self) -> tuple[ServedModel, ...]:
        """The one model, once it is loaded. Raises ModelError(UNREACHABLE) where it cannot be."""
        return (ServedModel(MODEL, (await self._loaded()).window),)

    async def traits(self) -> Traits:
        """The library's version, and the tokens that its slots hold. Raises ModelError as `served` does.

        What is kept of prompts whose slot went to others comes on top; how much that is depends on the model.
        """
        loaded = await self._loaded()
        return Traits(version=loaded.version, kv_tokens=loaded.window * self._slots, block_tokens=1)

    async def vitals(self) -> Vitals:
        """What runs and waits. Raises ModelError(UNREACHABLE) once it is closed.

        Tokens are left out: a long prompt is read in silence, which would look like a replica that hangs.
        """
        self._require_open()
        return Vitals(running=len(self._feeds), waiting=self._waiting)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | Finished, None]:
        """The completion, as it is written. Closing the generator frees its slot within a token or two.

        The same seed and prompt give the same text while nothing else runs and the cache holds as much of the prompt;
        otherwise numbers round in another way, which can change a sampled token and, hardly ever, a greedy one.
        """
        if request.model != MODEL:
            raise rejected(f"The model {request.model!r} does not exist.", status=404)
        loaded = await self._loaded()
        await self._turn(request.priority)
        feed = self._started(loaded, request)
        try:
            while (item := await feed.next()) is not None:
                yield item
                if isinstance(item, Finished):
                    return
            raise ModelError(FailureKind.BROKEN, "the completion ended without a finish")
        finally:
            feed.closed = True

    async def aclose(self) -> None:
        """End what runs and unload the model."""
        self._closed = True
        for feed in self._feeds:
            feed.closed = True
        await asyncio.to_thread(self._threads.shutdown)
        if self._loading is not None:
            with suppress(Exception):  # whoever asked for it was told
                await asyncio.to_thread((await self._loading).engine.close)

    async def _loaded(self) -> _Loaded:
        self._require_open()
        if self._loading is None:
            self._loading = asyncio.get_running_loop().run_in_executor(self._threads, _load, self._folder, self._slots)
        loading = self._loading
        try:
            return await asyncio.shield(loading)
        except Exception as error:  # the boundary to files and a native library, whose failures are of any type
            if self._loading is loading:
                self._loading = None  # the next one tries again
            message = f"{self._name} cannot be loaded: {type(error).__name__}: {error}"
            raise ModelError(FailureKind.UNREACHABLE, message) from error

    def _require_open(self) -> None:
        if self._closed:
            raise ModelError(FailureKind.UNREACHABLE, f"{self._name} is closed")

    async def _turn(self, priority: int) -> None:
        self._waiting += 1
        try:
            await self._turns.take(priority)
        finally:
            self._waiting -= 1
        if self._closed:
            self._turns.give()
        self._require_open()

    def _started(self, loaded: _Loaded, request: ModelRequest) -> Feed:
        feed = Feed(Completion(request.stop))

        def ended(future: asyncio.Future[None]) -> None:
            self._feeds.discard(feed)
            self._turns.give()
            feed.end(future.exception())

        self._feeds.add(feed)
        running = asyncio.get_running_loop().run_in_executor(self._threads, loaded.write, request, feed.take)
        running.add_done_callback(ended)
        return feed


def nano_models(folder: Path = FOLDER, *, engines: int | None = None) -> tuple[NanoModel, ...]:
    """An engine for each core, at most four, unless told how many: to a pool, each is a replica."""
    count = engines or min(os.cpu_count() or 1, MOST_ENGINES)
    return tuple(NanoModel(folder, name=f"{MODEL}/{number}") for number in range(1, count + 1))


def _load(folder: Path, slots: int) -> _Loaded:
    config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    window: int = config["max_position_embeddings"]
    tokenizer = Tokenizer(json.loads((folder / "tokenizer.json").read_bytes()))
    engine = Engine(folder, window=window, slots=slots)
    version = f"{LIBRARY} {metadata.version(LIBRARY)}"
    return _Loaded(engine, Chat(tokenizer, window=window), window, version)
