"""Randomness that depends on a seed and on names only: the same request meets the same luck in every run."""

from hashlib import blake2b


def chance(seed: int, *names: str) -> float:
    """A number in [0, 1) drawn from the seed and these names."""
    digest = blake2b("\0".join((str(seed), *names)).encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
