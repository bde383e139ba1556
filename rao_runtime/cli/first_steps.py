"""What a server says once it is up: where it is, who answers, what to try. The lines to try work as they are."""

import json
import shlex

from rao_runtime import __version__
from rao_runtime.cli.running import command
from rao_runtime.config import Settings
from rao_runtime.config.built_in import RAO_NANO

GOAL = "Count the lines that mention a fruit."
CONTEXT = "Anna left the apple at the market.\nBen saw the truck near the mill.\nEmma asked for the pear\n"


def banner(url: str, settings: Settings) -> str:
    """The whole text."""
    return "\n".join([f"rao {__version__} is serving at {url}", "", *_answers(settings), *_try(url), ""])


def _answers(settings: Settings) -> list[str]:
    if not settings.worker:
        return [
            "NO WORKER HERE: trees run where workers share RAO_REDIS_URL, with the replicas that those have:",
            f"  RAO_REDIS_URL=… RAO_REPLICAS=http://127.0.0.1:8001 {command('worker')}",
            "",
        ]
    if settings.embedded:
        return [
            f"SMALL MODEL: no replica is configured, so {RAO_NANO.model} answers, on this machine's processor.",
            "It has a million parameters and knows a few kinds of goals; of all others it says that it cannot.",
            "For a large model name your vLLM servers:",
            f"  RAO_REPLICAS=http://127.0.0.1:8001 {command('serve')}",
            "",
        ]
    if not settings.replicas and not settings.local_replicas:
        return [
            "NO REPLICA: trees will queue, none will run, until RAO_REPLICAS names your vLLM servers:",
            f"  RAO_REPLICAS=http://127.0.0.1:8001 {command('serve')}",
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
