"""A Qwen3 decoder (arXiv 2505.09388) in plain torch, its parameters named as Hugging Face names them.

It knows nothing of text, batches or training. All sequences of a batch share their first tokens, the system prompt:
these go through the layers once for the whole batch, not once for each sequence, which saves a third of the work.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_UNSEEN = -1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes; `heads * head_dim` need not be `hidden`."""

    vocabulary: int = 1408
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    head_dim: int = 32
    inner: int = 384
    window: int = 1024
    rope_theta: float = 10_000.0
    eps: float = 1e-6


class Decoder(nn.Module):
    """`forward(prefix [P], tokens [B, S])` gives the logits for the token after each of `tokens` but the last.

    With `wanted` [B, S - 1] only the wanted ones are computed: [number wanted, vocabulary] for [B, S - 1, vocabulary].
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = _Stack(shape)
        self.apply(_initial)

    def forward(self, prefix: Tensor, tokens: Tensor, wanted: Tensor | None = None) -> Tensor:
        hidden = self.model(prefix[None], tokens)[:, :-1]
        return functional.linear(hidden if wanted is None else hidden[wanted], self.model.embed_tokens.weight)


class _Where(NamedTuple):
    """Cosines and sines of the positions of prefix and rest, and what the rest may not see."""

    first: tuple[Tensor, Tensor]
    rest: tuple[Tensor, Tensor]
    mask: Tensor


class _Stack(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.hidden)
        self.layers = nn.ModuleList([_Layer(shape) for _ in range(shape.layers)])
        self.norm = _Norm(shape.hidden, eps=shape.eps)
        cos, sin = _rotations(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, prefix: Tensor, tokens: Tensor) -> Tensor:
        first, rest = self.embed_tokens(prefix), self.embed_tokens(tokens)
        skip, size = prefix.shape[1], tokens.shape[1]
        # Row i sees the whole prefix and the tokens up to itself.
        seen = torch.ones(size, skip + size, dtype=torch.bool, device=tokens.device).tril(skip)
        where = _Where(
            first=(self.cos[:skip], self.sin[:skip]),
            rest=(self.cos[skip : skip + size], self.sin[skip : skip + size]),
            mask=torch.zeros(size, skip + size, device=tokens.device).masked_fill(~seen, _UNSEEN),
        )
        for layer in self.layers:
            first, rest = layer(first, rest, where)
        return self.norm(rest)


class _Norm(nn.RMSNorm):
    def forward(self, x: Tensor) -> Tensor:
        # Of one type with its input, or torch leaves its fused kernel.
        return functional.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


class _Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = _Norm(shape.hidden, eps=shape.eps)
        self.self_attn = _Attention(shape)
        self.post_attention_layernorm = _Norm(shape.hidden, eps=shape.eps)
        self.mlp = _FeedForward(shape)

    def forward(self, first: Tensor, rest: Tensor, where: _Where) -> tuple[Tensor, Tensor]:
        seen_first, seen_rest = self.self_attn(self.input_layernorm(first), self.input_layernorm(rest), where)
        first, rest = first + seen_first, rest + seen_rest
        first = first + self.mlp(self.post_attention_layernorm(first))
        rest = rest + self.mlp(self.post_attention_layernorm(rest))
        return first, rest


class _Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        wide = shape.heads * shape.head_dim
        self.heads, self.head_dim = shape.heads, shape.head_dim
        self.q_proj = nn.Linear(shape.hidden, wide, bias=False)
        self.k_proj = nn.Linear(shape.hidden, wide, bias=False)
        self.v_proj = nn.Linear(shape.hidden, wide, bias=False)
        self.o_proj = nn.Linear(wide, shape.hidden, bias=False)
        self.q_norm = _Norm(shape.head_dim, eps=shape.eps)
        self.k_norm = _Norm(shape.head_dim, eps=shape.eps)

    def forward(self, first: Tensor, rest: Tensor, where: _Where) -> tuple[Tensor, Tensor]:
        q_first, k_first, v_first = self._heads(first, where.first)
        q, k, v = self._heads(rest, where.rest)
        rows = len(rest)
        k = torch.cat([k_first.expand(rows, -1, -1, -1), k], dim=2)
        v = torch.cat([v_first.expand(rows, -1, -1, -1), v], dim=2)
        seen_first = functional.scaled_dot_product_attention(q_first, k_first, v_first, is_causal=True)
        # Written out: for heads as small as these torch's fused kernel takes twice as long on a CPU.
        weights = (q * self.head_dim**-0.5) @ k.transpose(-1, -2) + where.mask.to(q.dtype)
        seen = weights.softmax(-1) @ v
        return self._joined(seen_first), self._joined(seen)

    def _heads(self, hidden: Tensor, at: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (
            each(hidden).unflatten(-1, (self.heads, self.head_dim)) for each in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = self.q_norm(q), self.k_norm(k)
        return _rotated(q.transpose(1, 2), *at), _rotated(k.transpose(1, 2), *at), v.transpose(1, 2)

    def _joined(self, seen: Tensor) -> Tensor:
        return self.o_proj(seen.transpose(1, 2).flatten(2))


class _FeedForward(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.inner, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.inner, bias=False)
        self.down_proj = nn.Linear(shape.inner, shape.hidden, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.down_proj(functional.silu(self.gate_proj(hidden)) * self.up_proj(hidden))


def _rotations(shape: Shape) -> tuple[Tensor, Tensor]:
    """Rotary position embedding (arXiv 2104.09864), halves of a head turned against each other."""
    steps = torch.arange(0, shape.head_dim, 2, dtype=torch.float32) / shape.head_dim
    angles = torch.outer(torch.arange(shape.window, dtype=torch.float32), shape.rope_theta**-steps)
    return torch.cat([angles.cos()] * 2, dim=-1), torch.cat([angles.sin()] * 2, dim=-1)


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = x.chunk(2, dim=-1)
    return (x * cos + torch.cat([-right, left], dim=-1) * sin).to(x.dtype)


def _initial(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
