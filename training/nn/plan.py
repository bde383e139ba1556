"""What a training is to be: read from its command line, and refused there where it could not run."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from training.nn.batches import GROUPS

CHECKPOINT, TOKENIZER = "checkpoint.pt", "tokenizer.json"
MOST_PROCESSES = GROUPS // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole training. Two runs of the same plan on as many processes see the same examples.

    `begin_with` is the folder of an earlier training, whose weights and tokens this one takes over; `peak` is the
    highest learning rate, as a share of the usual one.
    """

    out: str
    steps: int
    rows: int
    seed: int
    processes: int
    device: str
    check_every: int
    peak: float
    begin_with: str | None

    def lasting(self) -> dict[str, object]:
        """What must not change in the midst of it."""
        return {name: value for name, value in asdict(self).items() if name not in {"out", "device", "check_every"}}


def read_plan(arguments: Sequence[str] | None = None, *, cuda: bool, description: str | None = None) -> Plan:
    """The plan that a command line asks for. Ends the process, in one line, where it could not run."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", default="build/nano", help="where checkpoint and weights go")
    parser.add_argument("--steps", type=int, default=7500)
    parser.add_argument("--rows", type=int, default=64, help="examples a step, over all processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1 if cuda else min(os.cpu_count() or 1, MOST_PROCESSES))
    parser.add_argument("--begin-with", metavar="FOLDER", help="go on from the weights of an earlier training")
    parser.add_argument("--peak", type=float, default=1.0, help="highest learning rate, as a share of the usual one")
    parser.add_argument("--check-every", type=int, default=500, help="steps between checkpoints")
    plan = Plan(device="cuda" if cuda else "cpu", **vars(parser.parse_args(arguments)))
    fault = _fault(plan)
    if fault is not None:
        parser.error(fault)
    return plan


def _fault(plan: Plan) -> str | None:
    if plan.steps < 1 or plan.check_every < 1:
        return "--steps and --check-every are at least 1"
    if plan.rows < GROUPS or plan.rows % GROUPS:
        return f"--rows is a multiple of {GROUPS}: each step has {GROUPS} groups of as many examples"
    if not 1 <= plan.processes <= MOST_PROCESSES:
        return f"--processes is 1 to {MOST_PROCESSES}: each takes its share of the {GROUPS} groups of a step"
    if plan.begin_with is not None:
        missing = [name for name in (CHECKPOINT, TOKENIZER) if not (Path(plan.begin_with) / name).is_file()]
        if missing:
            return f"--begin-with {plan.begin_with}: no {' and no '.join(missing)} there; name an earlier --out"
    return None
