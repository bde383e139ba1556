"""The same tree with PyPI `rlms`, the reference for recursive language models.

`python -m benchmarks.peer_rlms URL 10 10` prints the seconds of a tree of that shape; the stand-in must run the script
`rlm`. It runs children in threads and lets every cell change the working directory of the whole process, so that more
than one level of them fails with FileNotFoundError. Here it is spared that, and may run all siblings at once, not only
four: the figures are the best it can do.
"""

import os
import sys
import time
from importlib import import_module
from typing import Any

import orjson

from benchmarks.runs import RUNS, median
from benchmarks.shape import Shape

# Of the extra `bench`: it is not there when types are checked, and has none of its own.
rlm: Any = import_module("rlm")


def solve(url: str, shape: Shape) -> None:
    """Run one tree. Raises RuntimeError where its answer is not the number of its leaves."""
    agent = rlm.RLM(
        backend="vllm",
        backend_kwargs={"base_url": f"{url}/v1", "model_name": "stand-in", "api_key": "none"},
        max_depth=len(shape.levels) + 1,
        max_concurrent_subcalls=max(shape.fanout, default=1),
    )
    answer = str(agent.completion(shape.goal).response)
    if answer != str(shape.levels[-1]):
        raise RuntimeError(f"answered {answer!r} instead of {shape.levels[-1]}")


def cost(url: str, shape: Shape) -> dict[str, float]:
    """Wall and CPU seconds of one tree."""
    began_s, used_s = time.perf_counter(), time.process_time()
    solve(url, shape)
    return {"wall_s": time.perf_counter() - began_s, "cpu_s": time.process_time() - used_s, "nodes": shape.nodes}


def stay(path: object) -> None:
    """Stands in for `os.chdir`; no cell of these trees looks at the working directory."""
    del path


def main() -> None:
    """Print the result as JSON."""
    os.chdir = stay
    url, shape = sys.argv[1], Shape(tuple(map(int, sys.argv[2:])))
    solve(url, shape)
    took = median([cost(url, shape) for _ in range(RUNS)], lambda each: each["cpu_s"])
    # Its threads swap `sys.stdout`, and may leave another one behind.
    print(orjson.dumps(took).decode(), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
