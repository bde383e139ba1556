"""The embedded model, with the real engine and weights whose words are known."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from anyio.lowlevel import checkpoint

from rao_runtime.adapters.nano_engine import Engine
from rao_runtime.adapters.nano_model import MODEL, NanoModel, nano_models
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Finished, Message, ModelRequest, ServedModel, TextDelta, Vitals
from tests.integration.nano_folders import WINDOW, babbler, parrot

SAYS = "aé漢x😀b c\nd"
PROMPTS = tuple(f"count the lime{'s' * number} of {number} lines" for number in range(12))
LONG = 20_000  # tokens that nobody waits for


@pytest.fixture(scope="module")
def parrot_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parrot(tmp_path_factory.mktemp("parrot"), SAYS)


@pytest.fixture(scope="module")
def babbler_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return babbler(tmp_path_factory.mktemp("babbler"))


@pytest.fixture(scope="module")
def endless_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return babbler(tmp_path_factory.mktemp("endless"), window=2 * LONG)


@asynccontextmanager
async def opened(folder: Path, *, slots: int = 4) -> AsyncGenerator[NanoModel]:
    model = NanoModel(folder, slots=slots)
    try:
        yield model
    finally:
        await model.aclose()


def ask(
    prompt: str = "hi",
    *,
    max_tokens: int = 64,
    temperature: float = 0.0,
    seed: int | None = None,
    stop: tuple[str, ...] = (),
    priority: int = 0,
    endless: bool = False,
) -> ModelRequest:
    return ModelRequest(
        request_id="r",
        model=MODEL,
        messages=(Message("user", prompt),),
        max_tokens=max_tokens,
        temperature=temperature,
        seed=seed,
        stop=stop,
        priority=priority,
        options={"ignore_eos": True} if endless else {},
    )


async def items(model: NanoModel, request: ModelRequest) -> list[TextDelta | Finished]:
    return [item async for item in model.stream(request)]


def text_of(said: Sequence[TextDelta | Finished]) -> str:
    return "".join(item.text for item in said if isinstance(item, TextDelta))


def end_of(said: Sequence[TextDelta | Finished]) -> tuple[str, Tokens]:
    last = said[-1]
    assert isinstance(last, Finished)
    assert last.tokens is not None
    return last.reason, last.tokens


async def test_it_serves_one_model_with_the_window_of_its_configuration(parrot_folder: Path) -> None:
    async with opened(parrot_folder) as model:
        assert await model.served() == (ServedModel("rao-nano", WINDOW),)


async def test_it_tells_its_library_and_the_tokens_its_slots_hold(parrot_folder: Path) -> None:
    async with opened(parrot_folder, slots=3) as model:
        traits = await model.traits()
    assert (traits.kv_tokens, traits.block_tokens, traits.missing) == (3 * WINDOW, 1, ())
    assert traits.version is not None
    assert traits.version.startswith("xllamacpp 20")


async def test_it_tells_how_many_run_and_wait(endless_folder: Path) -> None:
    async with opened(endless_folder, slots=1) as model:
        assert await model.vitals() == Vitals(running=0, waiting=0)
        async with aclosing(model.stream(ask(max_tokens=LONG, endless=True))) as stream:
            await anext(stream)
            waiting = [asyncio.create_task(items(model, ask(max_tokens=2))) for _ in range(2)]
            for _ in range(20):  # until both of them wait
                await anext(stream)
            assert await model.vitals() == Vitals(running=1, waiting=2)
            waiting[0].cancel()
            await asyncio.wait([waiting[0]])
            assert await model.vitals() == Vitals(running=1, waiting=1)
        await waiting[1]
        while await model.vitals() != Vitals(running=0, waiting=0):  # the engine's thread is out a moment later
            await checkpoint()


async def test_text_comes_as_it_is_written(endless_folder: Path) -> None:
    # A short text can be whole before the loop gets to its first piece.
    async with opened(endless_folder) as model, aclosing(model.stream(ask(max_tokens=LONG, endless=True))) as stream:
        pieces = [await anext(stream) for _ in range(3)]
        assert (await model.vitals()).running == 1
    assert all(isinstance(piece, TextDelta) for piece in pieces)
    assert any(piece.text for piece in pieces if isinstance(piece, TextDelta))


async def test_only_whole_characters_come(parrot_folder: Path) -> None:
    async with opened(parrot_folder) as model:
        said = await items(model, ask())
    assert text_of(said) == SAYS
    assert not [item for item in said if isinstance(item, TextDelta) and "\ufffd" in item.text]
    assert end_of(said)[0] == "stop"


async def test_a_count_comes_with_each_piece_and_is_that_of_the_tokenizer(parrot_folder: Path) -> None:
    async with opened(parrot_folder) as model:
        said = await items(model, ask())
    # The role, two letters, the end and who speaks next; a byte is a token here, and the end is one.
    whole = Tokens(input=5, output=len(SAYS.encode()) + 1)
    assert end_of(said)[1] == whole
    shown, counts = "", list[int]()
    for item in said:
        if isinstance(item, TextDelta) and item.tokens and item.text:
            shown += item.text
            counts.append(item.tokens.output - len(shown.encode()))
    # The last piece may have come together with the end.
    assert set(counts[:-1]) <= {0}
    assert counts[-1] in {0, 1}


async def test_a_prompt_that_was_asked_before_is_told_as_cached_but_for_its_last_token(parrot_folder: Path) -> None:
    async with opened(parrot_folder, slots=1) as model:
        ends = [end_of(await items(model, ask("count the limes")))[1] for _ in range(2)]
        longer = end_of(await items(model, ask("count the lemons")))[1]
    assert [tokens.cached for tokens in ends] == [0, ends[0].input - 1]
    assert 0 < longer.cached < longer.input - 1


@pytest.mark.parametrize("stop", ["漢", "x😀", "😀b c\n", "é漢x"])
async def test_a_stop_string_ends_the_text_before_it_however_many_tokens_it_spans(
    parrot_folder: Path, stop: str
) -> None:
    async with opened(parrot_folder) as model:
        said = await items(model, ask(stop=("never", stop)))
    reason, tokens = end_of(said)
    assert text_of(said) == SAYS.partition(stop)[0]
    assert reason == "stop"
    assert tokens.output == len((SAYS.partition(stop)[0] + stop).encode())


@pytest.mark.parametrize("stop", ["d!", "c\nd?", "b c!"])
async def test_what_only_began_like_a_stop_string_is_shown(parrot_folder: Path, stop: str) -> None:
    async with opened(parrot_folder) as model:
        assert text_of(await items(model, ask(stop=(stop,)))) == SAYS
        cut = await items(model, ask(stop=(stop,), max_tokens=len(SAYS.encode())))
    assert text_of(cut) == SAYS


async def test_max_tokens_ends_the_text_with_the_reason_length(parrot_folder: Path) -> None:
    async with opened(parrot_folder) as model:
        said = await items(model, ask(max_tokens=3))
    assert text_of(said) == "aé"
    assert end_of(said) == ("length", Tokens(input=5, output=3))


async def test_a_prompt_beyond_the_window_is_rejected_in_the_words_the_engine_knows(parrot_folder: Path) -> None:
    async with opened(parrot_folder) as model:
        with pytest.raises(ModelError, match="maximum context length is 256 tokens") as caught:
            await items(model, ask("a" * 10_000_000))
        assert (caught.value.kind, caught.value.status) == (FailureKind.REJECTED, 400)
        fitting = end_of(await items(model, ask("!?" * 4)))
        assert fitting[0] == "stop"


async def test_a_completion_ends_where_the_window_does(babbler_folder: Path) -> None:
    async with opened(babbler_folder) as model:
        reason, tokens = end_of(await items(model, ask(max_tokens=10_000, endless=True)))
    assert reason == "length"
    assert tokens.total == WINDOW


async def test_another_model_is_unknown_and_nonsense_is_rejected(parrot_folder: Path) -> None:
    async with opened(parrot_folder) as model:
        for request, status in (
            (ModelRequest(request_id="r", model="other", messages=(), max_tokens=1), 404),
            (ModelRequest(request_id="r", model=MODEL, messages=(Message("tool", ""),), max_tokens=1), 400),
            (ModelRequest(request_id="r", model=MODEL, messages=(), max_tokens=0), 400),
            (ModelRequest(request_id="r", model=MODEL, messages=(), max_tokens=1, options={"top_k": "x"}), 400),
            (ModelRequest(request_id="r", model=MODEL, messages=(), max_tokens=1, options={"x": object()}), 400),
        ):
            with pytest.raises(ModelError) as caught:
                await items(model, request)
            assert (caught.value.kind, caught.value.status) == (FailureKind.REJECTED, status)


async def test_what_is_asked_together_is_answered_as_what_is_asked_alone(babbler_folder: Path) -> None:
    async with opened(babbler_folder, slots=6) as model:
        alone = [text_of(await items(model, ask(prompt))) for prompt in PROMPTS]
        together = await asyncio.gather(*(items(model, ask(prompt)) for prompt in PROMPTS))
    assert len(set(alone)) == len(PROMPTS)
    assert [text_of(said) for said in together] == alone


async def test_a_seed_decides_what_is_drawn(babbler_folder: Path) -> None:
    async with opened(babbler_folder) as model:
        await items(model, ask())
        drawn = [text_of(await items(model, ask(temperature=4.0, seed=seed))) for seed in (1, 1, 2, 1 << 63, 1 << 63)]
        unseeded = {text_of(await items(model, ask(temperature=4.0))) for _ in range(2)}
    assert drawn[0] == drawn[1]
    assert drawn[3] == drawn[4]
    assert len({drawn[0], drawn[2], drawn[3]}) == 3
    assert len(unseeded) == 2


async def test_top_p_keeps_to_the_likeliest_tokens(babbler_folder: Path) -> None:
    async with opened(babbler_folder) as model:
        greedy = text_of(await items(model, ask()))
        narrow = ModelRequest(
            request_id="r", model=MODEL, messages=ask().messages, max_tokens=64, temperature=4.0, top_p=1e-6
        )
        assert text_of(await items(model, narrow)) == greedy


async def test_closing_a_stream_frees_its_slot(endless_folder: Path) -> None:
    async with opened(endless_folder, slots=1) as model:
        async with aclosing(model.stream(ask(max_tokens=LONG, endless=True))) as stream:
            await anext(stream)
        assert end_of(await items(model, ask(max_tokens=3)))[1].output == 3


def test_the_engine_ends_a_completion_at_the_chunk_at_which_it_is_told_to(endless_folder: Path) -> None:
    engine = Engine(endless_folder, window=2 * LONG, slots=1)
    chunks = list[bytes]()

    def take(chunk: bytes) -> bool:
        chunks.append(chunk)
        return len(chunks) == 3

    try:
        engine.complete(b'{"prompt":[3,9],"max_tokens":20000,"stream":true,"ignore_eos":true}', take)
    finally:
        engine.close()
    assert len(chunks) == 3


async def test_those_that_wait_go_by_priority(endless_folder: Path) -> None:
    order = list[int]()

    async def asked(model: NanoModel, priority: int) -> None:
        await items(model, ask(max_tokens=2, priority=priority))
        order.append(priority)

    async with (
        opened(endless_folder, slots=1) as model,
        asyncio.TaskGroup() as tasks,
        aclosing(model.stream(ask(max_tokens=LONG, endless=True))) as stream,
    ):
        await anext(stream)
        for priority in (5, 0, -5, 1):
            tasks.create_task(asked(model, priority))
        for _ in range(20):  # until all of them wait
            await anext(stream)
    assert order == [-5, 0, 1, 5]


async def test_a_call_that_is_cancelled_while_it_waits_leaves_the_others_their_turn(endless_folder: Path) -> None:
    async with opened(endless_folder, slots=1) as model:
        async with aclosing(model.stream(ask(max_tokens=LONG, endless=True))) as stream:
            await anext(stream)
            waiting = [asyncio.create_task(items(model, ask(max_tokens=2))) for _ in range(3)]
            for _ in range(20):
                await anext(stream)
            waiting[0].cancel()
        done = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert all(isinstance(each, list) for each in done[1:])


async def test_a_closed_model_ends_what_runs_and_takes_no_more(endless_folder: Path) -> None:
    model = NanoModel(endless_folder, slots=1)
    running = model.stream(ask(max_tokens=LONG, endless=True))
    await anext(running)
    waiting = asyncio.create_task(items(model, ask()))
    await anext(running)
    await model.aclose()
    with pytest.raises(ModelError) as caught:
        async for _ in running:
            pass
    assert caught.value.kind is FailureKind.BROKEN
    for call in (waiting, items(model, ask()), model.served(), model.traits(), model.vitals()):
        with pytest.raises(ModelError) as caught:
            await call
        assert caught.value.kind is FailureKind.UNREACHABLE


async def test_a_model_that_never_ran_closes(parrot_folder: Path) -> None:
    await NanoModel(parrot_folder).aclose()


async def test_a_folder_without_a_model_is_a_replica_that_is_down_until_it_has_one(tmp_path: Path) -> None:
    async with opened(tmp_path / "empty") as model:
        with pytest.raises(ModelError, match=r"config\.json") as caught:
            await model.served()
        assert caught.value.kind is FailureKind.UNREACHABLE
        parrot(tmp_path / "empty", "now")
        assert text_of(await items(model, ask())) == "now"


async def test_each_engine_is_a_replica_with_a_name_of_its_own(parrot_folder: Path) -> None:
    models = nano_models(parrot_folder, engines=2)
    try:
        assert [model.name for model in models] == ["rao-nano/1", "rao-nano/2"]
        said = await asyncio.gather(*(items(model, ask()) for model in models))
        assert [text_of(each) for each in said] == [SAYS, SAYS]
    finally:
        await asyncio.gather(*(model.aclose() for model in models))


def test_the_library_is_not_loaded_before_the_first_call() -> None:
    code = "import sys, rao_runtime.adapters.nano_model; sys.exit('xllamacpp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_process_that_never_closes_its_model_ends_all_the_same(parrot_folder: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from rao_runtime.adapters.nano_model import NanoModel\n"
        "asyncio.run(NanoModel(Path(sys.argv[1])).served())"
    )
    ran = subprocess.run([sys.executable, "-c", code, parrot_folder], check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be kept on one core here")
def test_a_model_closed_as_soon_as_it_is_loaded_closes(parrot_folder: Path) -> None:
    """On one core the engine's own thread has hardly begun by then."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from rao_runtime.adapters.nano_engine import Engine\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "for _ in range(10): Engine(Path(sys.argv[1]), window=64, slots=1).close()"
    )
    ran = subprocess.run([sys.executable, "-c", code, parrot_folder], check=False, timeout=60)
    assert ran.returncode == 0
