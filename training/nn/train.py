"""Trains the small model: `python -m training.nn.train`. What is begun goes on from its last checkpoint.

On a CPU one process a core works on its own share of every batch with one thread: threads that wait for each other in
every small operation lose more than they win as soon as anything else runs.
"""

import argparse
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from tokenizers import Tokenizer
from torch import distributed, multiprocessing
from torch.nn import functional

from rao_runtime.ports import Message
from training.examples import Role, examples
from training.nn.batches import GROUPS, Batch, batches, prefix, shared
from training.nn.chat import learn
from training.nn.checks import Exam, exact
from training.nn.export import export
from training.nn.network import Decoder, Shape
from training.nn.optimizer import Optimizers
from training.nn.schedule import rate

TEXTS = 20_000
EXAM = dict.fromkeys(Role, 24) | {Role.ANSWER: 160, Role.CRAFT_LAUNCH: 48}


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


def main() -> None:
    """Reads the command line and trains."""
    plan = _plan()
    Path(plan.out).mkdir(parents=True, exist_ok=True)
    if plan.processes == 1:
        run(0, plan, 0)
    else:
        # Asked to end, it must take its processes along.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        multiprocessing.spawn(run, args=(plan, _free_port()), nprocs=plan.processes, daemon=True)


def run(rank: int, plan: Plan, port: int) -> None:
    """One process's part in the plan."""
    if plan.device == "cpu":
        torch.set_num_threads(1)
        _pin(rank)
        # Kept for a thousand shapes, as is the default, kernels take gigabytes.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    if plan.processes > 1:
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        distributed.init_process_group("gloo", rank=rank, world_size=plan.processes)
    torch.manual_seed(plan.seed)
    tokenizer = _tokenizer(plan)
    network = Decoder(Shape(vocabulary=tokenizer.get_vocab_size())).to(plan.device)
    Trainer(rank, plan, tokenizer, network).train()


class Trainer:
    """Steps, checks and checkpoints; process 0 alone reports and saves."""

    def __init__(self, rank: int, plan: Plan, tokenizer: Tokenizer, network: Decoder) -> None:
        self._rank, self._plan, self._tokenizer, self._network = rank, plan, tokenizer, network
        self._optimizers = Optimizers(network)
        self._checkpoint = Path(plan.out) / "checkpoint.pt"
        self._prefix = torch.tensor(prefix(tokenizer), device=plan.device)
        self._exam = Exam.draw(plan.seed, EXAM)

    def train(self) -> None:
        """All steps that are still to do."""
        plan, done = self._plan, self._resume()
        with Progress(
            TextColumn("{task.completed}/{task.total} steps"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.4f}, {task.fields[speed]:.0f} tokens/s"),
            TimeRemainingColumn(),
            disable=self._rank > 0,
            refresh_per_second=1,
        ) as progress:
            bar = progress.add_task("train", total=plan.steps, completed=done, loss=0.0, speed=0.0)
            begun, tokens, loss = time.monotonic(), 0, 0.0
            for step, batch in zip(range(done, plan.steps), self._batches(done), strict=False):
                loss = 0.95 * loss + 0.05 * self._step(step, batch) if loss else self._step(step, batch)
                tokens += plan.processes * sum(len(group.tokens) * len(group.tokens[0]) for group in batch)
                progress.update(bar, advance=1, loss=loss, speed=tokens / (time.monotonic() - begun))
                if (step + 1) % plan.check_every == 0 or step + 1 == plan.steps:
                    self._pause(step + 1, loss, progress)

    def _batches(self, done: int) -> Iterator[Sequence[Batch]]:
        plan = self._plan
        for groups in batches(self._tokenizer, plan.seed, plan.rows, start=done):
            yield shared(groups, self._rank, plan.processes)

    def _step(self, step: int, groups: Sequence[Batch]) -> float:
        losses = [self._learn(group, 1 / len(groups)) for group in groups]
        self._share_gradients()
        self._optimizers.step(self._plan.peak * rate(step, self._plan.steps))
        return sum(losses) / len(losses)

    def _learn(self, group: Batch, share: float) -> float:
        """Adds this share of the gradients. Every group counts alike: most tokens of long ones are easy."""
        tokens = torch.tensor(group.tokens, device=self._plan.device)
        written = torch.tensor(group.written, device=self._plan.device)[:, 1:]
        with torch.autocast(self._plan.device, torch.bfloat16):
            logits = self._network(self._prefix, tokens, written)
        loss = functional.cross_entropy(logits.float(), tokens[:, 1:][written])
        (share * loss).backward()
        return loss.item()

    def _share_gradients(self) -> None:
        if self._plan.processes == 1:
            return
        gradients = [each.grad for each in self._network.parameters() if each.grad is not None]
        flat = torch.cat([each.flatten() for each in gradients])
        distributed.all_reduce(flat)
        flat /= self._plan.processes
        for gradient, part in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def _pause(self, done: int, loss: float, progress: Progress) -> None:
        if self._rank == 0:
            saved = {"plan": _lasting(self._plan), "done": done, "network": self._network.state_dict()}
            part = self._checkpoint.with_suffix(".part")
            torch.save(saved | {"optimizers": self._optimizers.state()}, part)
            part.replace(self._checkpoint)
            export(self._network, self._tokenizer, Path(self._plan.out))
            right = exact(self._network, self._tokenizer, self._exam)
            told = ", ".join(f"{role} {share:.3f}" for role, share in right.items())
            progress.console.print(f"step {done}, loss {loss:.4f}, written exactly: {told}")
        if self._plan.processes > 1:
            distributed.barrier()

    def _resume(self) -> int:
        if not self._checkpoint.exists():
            if self._plan.begin_with is not None:
                earlier = torch.load(Path(self._plan.begin_with) / self._checkpoint.name, weights_only=True)
                self._network.load_state_dict(earlier["network"])
            return 0
        saved = torch.load(self._checkpoint, weights_only=True, map_location=self._plan.device)
        if saved["plan"] != _lasting(self._plan):
            raise SystemExit(f"{self._checkpoint} is of another plan ({saved['plan']}): remove it, or train elsewhere")
        self._network.load_state_dict(saved["network"])
        self._optimizers.load(saved["optimizers"])
        return saved["done"]


def _plan() -> Plan:
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="build/nano", help="where checkpoint and weights go")
    parser.add_argument("--steps", type=int, default=7500)
    parser.add_argument("--rows", type=int, default=64, help="examples a step, over all processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1 if cuda else min(os.cpu_count() or 1, GROUPS // 2))
    parser.add_argument("--begin-with", metavar="FOLDER", help="go on from the weights of an earlier training")
    parser.add_argument("--peak", type=float, default=1.0, help="highest learning rate, as a share of the usual one")
    parser.add_argument("--check-every", type=int, default=500, help="steps between checkpoints")
    given = parser.parse_args()
    return Plan(device="cuda" if cuda else "cpu", **vars(given))


def _lasting(plan: Plan) -> dict[str, object]:
    """What of a plan must not change in the midst of it."""
    return {name: value for name, value in asdict(plan).items() if name not in {"out", "device", "check_every"}}


def _tokenizer(plan: Plan) -> Tokenizer:
    if plan.begin_with is not None:
        return Tokenizer.from_file(str(Path(plan.begin_with) / "tokenizer.json"))
    texts = (
        message.content
        for each in islice(examples(plan.seed), TEXTS)
        for message in (*each.messages[1:], Message("assistant", each.completion))
    )
    return learn(texts, Shape().vocabulary)


def _pin(rank: int) -> None:
    """Stay on a core of one's own: a scheduler that put two of us on one core left the other idle for minutes."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[rank % len(cores)]})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
