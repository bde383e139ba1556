"""How much of what it has to write a network would write exactly, told role by role.

A turn counts when every one of its tokens is the likeliest after those before it, that is, when greedy decoding writes
the very same turn.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer

from training.examples import Example, Role, of_role
from training.nn.batches import padded
from training.nn.chat import encoded, prefix
from training.nn.network import Decoder

ROWS = 64


@dataclass(frozen=True, slots=True)
class Exam:
    """Examples to be written exactly, of a chance that training does not draw from.

    Lines of text and recipe books are of the combinations held out. Roles that show neither (goals beyond the known
    ones, sizes to split, parts to merge) are drawn as training draws them, and some may be the same.
    """

    examples: Sequence[Example]

    @classmethod
    def draw(cls, seed: int, wanted: Mapping[Role, int]) -> "Exam":
        """So many examples of each role."""
        rng = random.Random(f"exam/{seed}")
        return cls([of_role(rng, role, held_out=True) for role, many in wanted.items() for _ in range(many)])


@torch.inference_mode()
def exact(network: Decoder, tokenizer: Tokenizer, exam: Exam) -> Mapping[Role, float]:
    """The share of last turns that are written exactly, by role."""
    device = next(network.parameters()).device
    shared = torch.tensor(prefix(tokenizer), device=device)
    right: dict[Role, list[bool]] = {}
    for at in range(0, len(exam.examples), ROWS):
        some = exam.examples[at : at + ROWS]
        batch = padded([encoded(tokenizer, each) for each in some], last_turn=True)
        tokens = torch.tensor(batch.tokens, device=device)
        with torch.autocast(device.type, torch.bfloat16):
            best = network(shared, tokens).argmax(-1)
        wrong = (best != tokens[:, 1:]) & torch.tensor(batch.written, device=device)[:, 1:]
        for each, good in zip(some, (~wrong.any(1)).tolist(), strict=True):
            right.setdefault(each.role, []).append(good)
    return {role: sum(each) / len(each) for role, each in right.items()}
