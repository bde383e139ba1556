"""A stand-in started as vLLM is: `python vllm_program.py MODEL --port P flags`. Its engine process outlives it.

Says its flags, what it finds in its environment, its process ids and, once it takes requests, its URL.
"""

import os
import subprocess
import sys

from rao_runtime.standin.main import main

OF_INTEREST = ("CUDA_VISIBLE_DEVICES", "RAO_", "VLLM_API_KEY")
# Ends by itself after two minutes, so that a test that fails leaves nothing behind for good.
ENGINE = "import signal; signal.alarm(120); signal.pause()"


def run(model: str, flags: list[str]) -> int:
    """Serve until SIGTERM."""
    engine = subprocess.Popen([sys.executable, "-c", ENGINE])
    print(f"flags {' '.join(flags)}", flush=True)
    found = [f"{name}={os.environ[name]}" for name in sorted(os.environ) if name.startswith(OF_INTEREST)]
    print(f"environment {' '.join(found)}", flush=True)
    print(f"processes {os.getpid()} {engine.pid}", flush=True)
    return main(["--model", model, "--port", flags[flags.index("--port") + 1]])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))
