"""llama.cpp in this process: takes bodies of its own completions API, writes chunks. Knows no messages and no loop.

It decodes all requests it has together, one token of each a step, and takes up new ones between two steps. One thread
computes: with two, each step would wait for the slower core, which on a busy machine is slower than one alone.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rao_runtime.adapters.nano_gguf import gguf_of

LIBRARY = "xllamacpp"
CACHE_MIB = 128  # prompts whose slot went to others; 2 KiB a token

Take = Callable[[bytes], bool]


class Engine:
    """A loaded model. `slots` requests run at a time; what is more would wait inside, where no priority counts."""

    def __init__(self, folder: Path, *, window: int, slots: int) -> None:
        """Load the model, in some 100 ms. Raises whatever is wrong with the folder or the library."""
        # Imported here and not above, so that only those who run the model pay for it.
        llama: Any = import_module(LIBRARY)
        with TemporaryDirectory(prefix="rao-", ignore_cleanup_errors=True) as scratch:
            model = Path(scratch, "nano.gguf")
            model.write_bytes(gguf_of(folder))
            params = _params(llama, window=window, slots=slots)
            params.model.path = str(model)
            # The library always listens. Nobody can connect to a socket whose folder is private, then gone.
            params.hostnames = [str(Path(scratch, "s.sock"))]
            self._server: Any = llama.Server(params)
        self._wait_for_its_loop()

    def complete(self, body: bytes, take: Take) -> None:
        """Write one completion, chunk by chunk, in the caller's thread, without its GIL. `take` returns True to end."""
        self._server.handle_completions(body, take)

    def _wait_for_its_loop(self) -> None:
        """Closed before its thread has begun to loop, it would loop for ever, and whoever closes it wait for that."""
        self._server.handle_completions(b'{"prompt": [0], "max_tokens": 1}', _ignore)

    def close(self) -> None:
        """Give memory and threads back. No completion may be running."""
        self._server = None


def _ignore(_: bytes) -> bool:
    return False


def _params(llama: Any, *, window: int, slots: int) -> Any:  # noqa: ANN401 - the library has no types
    params = llama.CommonParams()
    params.n_ctx, params.n_parallel = window * slots, slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = params.n_threads_http = 1
    params.cache_ram_mib = CACHE_MIB
    params.n_ctx_checkpoints = 0
    params.fit_params = params.warmup = params.ui = False
    params.verbosity = 0
    return params
