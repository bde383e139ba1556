"""The names under which vLLM serves the one tiny model, and the gateway's profile of each.

Random weights write no Python. vLLM's structured outputs make them: the model may then only choose what fits, so that
real trees run to their end on a real vLLM.
"""

import json
from pathlib import Path

PLAIN = "plain"  # writes what it likes
NUMBER = "number"  # finishes with a number it draws, and would go on writing after </python>
SPLITTER = "splitter"  # hands three leaves out and adds up what comes back
SLOW_SPLITTER = "slow-splitter"  # the same, thinking for some hundred tokens in every call
ENDLESS = "endless"  # writes to its limit
BOASTFUL = "boastful"  # its profile claims a window that the replica does not have
NAMES = (PLAIN, NUMBER, SPLITTER, SLOW_SPLITTER, ENDLESS, BOASTFUL)

NUMBER_PATTERN = r"<thought>[a-z ]{5,30}</thought><python>finish\([1-9][0-9]{5}\)</python>[a-z ]{100,120}"
SPLIT = """import asyncio
if goal.startswith("leaf"):
    finish(int(goal.split()[1]))
else:
    parts = await asyncio.gather(*[launch_subagent(f"leaf {n}") for n in (20, 30, 50)])
    finish(sum(parts))"""
SPLIT_ANSWER = 100
INPUT_PRICE, CACHED_PRICE, OUTPUT_PRICE = "0.20", "0.05", "0.80"  # USD per million tokens

ENDLESS_TOKENS = 6000


def turn(thought: str, code: str) -> str:
    """A turn in RAO's form."""
    return f"<thought>{thought}</thought><python>\n{code}\n</python>"


def write_settings(path: Path, replica: str) -> Path:
    """Write the gateway's `rao.toml`, and return it."""
    path.write_text(f"""\
[server]
replicas = ["{replica}"]
prime = false  # its counters are held against what trees asked
port = 0
sandbox_workers = 1

[[profiles]]
model = "{NUMBER}"
options = {{ structured_outputs = {{ regex = {_toml(NUMBER_PATTERN)} }} }}

[[profiles]]
model = "{SPLITTER}"
options = {{ structured_outputs = {{ choice = [{_toml(turn("split", SPLIT))}] }} }}
price = {{ input = {INPUT_PRICE}, cached_input = {CACHED_PRICE}, output = {OUTPUT_PRICE}, version = "test" }}

[[profiles]]
model = "{SLOW_SPLITTER}"
options = {{ structured_outputs = {{ choice = [{_toml(turn("hm " * 150, SPLIT))}] }} }}

[[profiles]]
model = "{ENDLESS}"
options = {{ ignore_eos = true }}
sampling = {{ max_tokens = {ENDLESS_TOKENS} }}

[[profiles]]
model = "{BOASTFUL}"
window = 100_000
""")
    return path


def _toml(text: str) -> str:
    """A TOML string: JSON's escapes are among TOML's."""
    return json.dumps(text)
