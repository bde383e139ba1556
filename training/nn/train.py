"""Trains the small model: `python -m training.nn.train`. What is begun goes on from its last checkpoint.

On a CPU one process a core works on its own share of every batch with one thread: threads that wait for each other in
every small operation lose more than they win as soon as anything else runs.
"""

import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from tokenizers import Tokenizer
from torch import distributed, multiprocessing
from torch.nn import functional

from rao_runtime.ports import Message
from training.examples import Role, examples
from training.nn.batches import Batch, batches, shared
from training.nn.chat import encoded, learn, prefix
from training.nn.checks import Exam, exact
from training.nn.export import export
from training.nn.network import Decoder, Shape
from training.nn.optimizer import Optimizers
from training.nn.plan import CHECKPOINT, TOKENIZER, Plan, read_plan
from training.nn.schedule import rate

TEXTS = 20_000
EXAM = dict.fromkeys(Role, 24) | {Role.ANSWER: 160, Role.CRAFT_LAUNCH: 48}


def main() -> None:
    """Reads the command line and trains."""
    plan = read_plan(cuda=torch.cuda.is_available(), description=__doc__.splitlines()[0])
    Path(plan.out).mkdir(parents=True, exist_ok=True)
    tokens = _tokenizer(plan).to_str()
    # Told here, in one line: of a process among several nobody would see it.
    _saved(plan, tokens)
    if plan.processes == 1:
        run(0, plan, tokens, 0)
    else:
        # Asked to end, it must take its processes along.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        multiprocessing.spawn(run, args=(plan, tokens, _free_port()), nprocs=plan.processes, daemon=True)


def run(rank: int, plan: Plan, tokens: str, port: int) -> None:
    """One process's part in the plan; `tokens` is the tokenizer as JSON."""
    if plan.device == "cpu":
        torch.set_num_threads(1)
        _pin(rank)
        # Kept for a thousand shapes, as is the default, kernels take gigabytes.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    if plan.processes > 1:
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        distributed.init_process_group("gloo", rank=rank, world_size=plan.processes)
    torch.manual_seed(plan.seed)
    tokenizer = Tokenizer.from_str(tokens)
    network = Decoder(Shape(vocabulary=tokenizer.get_vocab_size())).to(plan.device)
    Trainer(rank, plan, tokenizer, network).train()


class Trainer:
    """Steps, checks and checkpoints; process 0 alone reports and saves."""

    def __init__(self, rank: int, plan: Plan, tokenizer: Tokenizer, network: Decoder) -> None:
        self._rank, self._plan, self._tokenizer, self._network = rank, plan, tokenizer, network
        self._optimizers = Optimizers(network)
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
        for groups in batches(partial(encoded, self._tokenizer), plan.seed, plan.rows, start=done):
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
            # First the weights: whoever is stopped in between goes on from the checkpoint before, and writes both.
            export(self._network, self._tokenizer, Path(self._plan.out))
            self._save(done)
            right = exact(self._network, self._tokenizer, self._exam)
            told = ", ".join(f"{role} {share:.3f}" for role, share in right.items())
            progress.console.print(f"step {done}, loss {loss:.4f}, written exactly: {told}")
        if self._plan.processes > 1:
            distributed.barrier()

    def _save(self, done: int) -> None:
        path = Path(self._plan.out) / CHECKPOINT
        part = path.with_suffix(".part")
        told = {"plan": self._plan.lasting(), "tokenizer": self._tokenizer.to_str(), "done": done}
        torch.save(
            told | {"network": self._network.state_dict(), "optimizers": self._optimizers.state()},
            part,
        )
        part.replace(path)

    def _resume(self) -> int:
        saved = _saved(self._plan, self._tokenizer.to_str())
        if saved is not None:
            self._network.load_state_dict(saved["network"])
            self._optimizers.load(saved["optimizers"])
            return saved["done"]
        if self._plan.begin_with is not None:
            self._network.load_state_dict(_loaded(self._plan.begin_with, self._plan.device)["network"])
        return 0


def _saved(plan: Plan, tokens: str) -> Mapping[str, Any] | None:
    """What was trained of the plan so far; None at its start. Ends the process where it is of another training."""
    path = Path(plan.out) / CHECKPOINT
    if not path.exists():
        return None
    saved = _loaded(plan.out, plan.device)
    if saved["plan"] != plan.lasting():
        raise SystemExit(f"{path} is of another plan ({saved['plan']}): remove it, or train elsewhere with --out")
    # Under other tokens the same number means another word, and the weights nothing.
    if saved.get("tokenizer") != tokens:
        raise SystemExit(
            f"{path} was trained on other tokens: the examples have changed since. Remove it to start anew, or train "
            "elsewhere with --out, and with --begin-with to keep its weights and tokens"
        )
    return saved


def _loaded(folder: str, device: str) -> Mapping[str, Any]:
    return torch.load(Path(folder) / CHECKPOINT, weights_only=True, map_location=device)


def _tokenizer(plan: Plan) -> Tokenizer:
    if plan.begin_with is not None:
        return Tokenizer.from_file(str(Path(plan.begin_with) / TOKENIZER))
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
