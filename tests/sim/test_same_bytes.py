"""The same seed gives the same journal, to the byte, whatever order this process hashes strings in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.explore import run_seed

SEEDS = range(12)
PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_seed_run_twice_writes_the_same_journals(shuffle: bool) -> None:
    for seed in SEEDS:
        assert run_seed(seed, shuffle=shuffle) == run_seed(seed, shuffle=shuffle)


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_another_hash_seed_writes_the_same_journals(hash_seed: str) -> None:
    asked = f"{SEEDS.start}..{SEEDS.stop}"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.sim", "--seeds", asked, "--digest"],
        cwd=PROJECT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [f"{seed} {run_seed(seed).digest}" for seed in SEEDS]
    assert ran.stdout.splitlines() == here
