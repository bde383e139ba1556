"""A real vLLM as a process that can be killed and started again on the same port."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

START_S = 240.0
LOOK_EVERY_S = 0.25
LOG_TAIL_LINES = 60
SLOTS = 4
# Whoever ends first takes the others along: vLLM, or these tests, whose end closes the pipe that `cat` reads. vLLM's
# own engine processes would outlive its API server.
TOGETHER = '("$@"; kill -KILL 0) & cat >/dev/null; kill -KILL 0'
# vLLM's processes wait for each other in busy loops. On both cores of a small machine they left its API server without
# a turn for up to 3 seconds; on one core together they share it.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


def _free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(slots=True)
class VllmProcess:
    """vLLM with this Python, serving this model under these names. Its output goes to `log`."""

    python: str
    model: Path
    names: Sequence[str]
    log: Path
    weights: str = "dummy"  # random; "auto" reads the model's own
    slots: int = SLOTS
    port: int = field(default_factory=_free_port)
    _process: subprocess.Popen[bytes] | None = None
    _shown: int = 0

    @property
    def url(self) -> str:
        """Its base URL, the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return once it answers. Raises AssertionError, with the end of its log, where it does not."""
        assert self._process is None
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", TOGETHER, "sh", *self._command()],
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        for _ in range(int(START_S / LOOK_EVERY_S)):
            if self._ended_within(LOOK_EVERY_S):
                raise AssertionError(f"vLLM ended before it was up:\n{self.tail()}")
            if self._answers():
                return
        self.kill()
        raise AssertionError(f"vLLM was not up after {START_S:g} s:\n{self.tail()}")

    def kill(self) -> None:
        """End it and its engine with SIGKILL, at once."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdin is not None
        process.stdin.close()

    def pause(self) -> None:
        """Stop all its processes in the midst of what they do: connections are taken, and nothing comes."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    def news(self) -> str:
        """What it has logged since the last time this was asked."""
        logged = self.log.read_text(errors="replace")
        news, self._shown = logged[self._shown :], len(logged)
        return news

    def _command(self) -> list[str]:
        return [
            *_on_one_core(),
            self.python,
            *("-m", "vllm.entrypoints.openai.api_server"),
            *("--model", str(self.model), "--load-format", self.weights, "--served-model-name", *self.names),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--enforce-eager", "--max-num-seqs", str(self.slots)),
            *("--scheduling-policy", "priority", "--enable-prompt-tokens-details"),
        ]

    def _ended_within(self, seconds: float) -> bool:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/v1/models", timeout=5).is_success
        except httpx.TransportError:
            return False


def _environment() -> dict[str, str]:
    """This process's variables without those that would configure vLLM, and with ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("VLLM_")} | ENVIRONMENT


def _on_one_core() -> list[str]:
    if shutil.which("taskset") is None:
        return []
    return ["taskset", "--cpu-list", str(max(os.sched_getaffinity(0)))]
