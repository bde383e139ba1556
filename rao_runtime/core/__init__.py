"""Decides: pure and deterministic. Knows no event loop, clock, randomness, network or storage."""
