"""What a server says once it is up: where it is, who answers, what to try. The lines to try work as they are."""

import json
import shlex

from rao_runtime import __version__
from rao_runtime.cli.running import command

GOAL = "Count the lines that mention apple."
CONTEXT = "an apple\na pear\ntwo apples\n"


def banner(url: str, *, replicas: int, stand_in: str | None) -> str:
    """The whole text. `stand_in` is the stand-in's URL where one answers."""
    return "\n".join([f"rao {__version__} is serving at {url}", "", *_answers(replicas, stand_in), *_try(url), ""])


def _answers(replicas: int, stand_in: str | None) -> list[str]:
    if stand_in is not None:
        return [
            "NO MODEL: no replica is configured, so answers come from a stand-in without a model:",
            f"a few rules that count lines and words ({stand_in}).",
            "For a real model name your vLLM servers:",
            f"  RAO_REPLICAS=http://127.0.0.1:8001 {command('serve')}",
            "",
        ]
    if replicas == 0:
        return [
            "NO REPLICA: trees will queue, none will run, until RAO_REPLICAS names your vLLM servers:",
            f"  RAO_REPLICAS=http://127.0.0.1:8001 {command('serve')}",
            f"To look around without a model: {command('serve', '--simulate-if-no-replica')}",
            "",
        ]
    return []


def _try(url: str) -> list[str]:
    task = json.dumps({"goal": GOAL, "context": CONTEXT})
    lines = CONTEXT.replace("\n", "\\n")
    solve = command("solve", GOAL, "--context", "-", "--watch", server=url)
    return [
        "Try next, in another terminal:",
        f"  curl -s {url}/solve -H 'Content-Type: application/json' -d {shlex.quote(task)}",
        f"  printf '{lines}' | {solve}",
    ]
