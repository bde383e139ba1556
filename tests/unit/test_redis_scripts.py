"""Every script can run in a Cluster, and on any server we support."""

import importlib
import pkgutil
import re

import pytest

from rao_runtime import adapters
from rao_runtime.adapters.redis_keys import Keys
from rao_runtime.adapters.redis_scripts import SCRIPTS, Script

for module in pkgutil.iter_modules(adapters.__path__):
    if module.name.startswith("redis_"):
        importlib.import_module(f"{adapters.__name__}.{module.name}")

# What Redis 6.2, Redis 7 and Valkey have in common, as far as scripts need it.
COMMON = {
    *("DECRBY", "DEL", "EXISTS", "EXPIRE", "GET", "INCRBY", "PUBLISH", "SET", "UNLINK"),
    *("HDEL", "HEXISTS", "HGET", "HGETALL", "HINCRBY", "HLEN", "HMGET", "HSET"),
    *("SADD", "SREM", "XADD", "XDEL", "XLEN", "XRANGE", "XREVRANGE", "XTRIM"),
    *("ZADD", "ZCARD", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZREM", "ZREMRANGEBYSCORE", "ZREVRANGE", "ZSCORE"),
}
SEVERAL_KEYS = frozenset({"DEL", "EXISTS", "UNLINK"})

# Looks ahead at the arguments, since a call may stand among another's.
CALL = re.compile(r"redis\.call\('(\w+)', (?=([^)]*))")
KEY = re.compile(r"KEYS\[(\d+)\]")


def names(script: Script) -> list[str]:
    keys = Keys("rao")
    match script.scope:
        case "tree":
            tree = keys.tree("t1")
            return [str(getattr(tree, name)) for name in script.keys]
        case "index":
            return [keys.index(name) for name in script.keys]
        case "tenant":
            return [keys.tenant("default", name) for name in script.keys]
        case "ledger":
            return [keys.ledger(name) for name in script.keys]
        case "idempotency":
            return [keys.idempotency("default", "k")]
        case _:
            raise AssertionError(script.scope)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_all_keys_of_a_script_share_one_tag(script: Script) -> None:
    tags = {name[name.index("{") : name.index("}") + 1] for name in names(script)}
    assert len(tags) == 1


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_touches_the_keys_it_is_given_and_no_others(script: Script) -> None:
    calls = CALL.findall(script.text)
    assert len(calls) == script.text.count("redis.")
    for command, arguments in calls:
        parts = arguments.split(", ")
        for key in parts if command in SEVERAL_KEYS else parts[:1]:
            assert key.startswith("KEYS["), f"{command} {key}"
    assert all(1 <= int(index) <= len(script.keys) for index in KEY.findall(script.text))


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_uses_commands_that_all_servers_have(script: Script) -> None:
    assert {command for command, _ in CALL.findall(script.text)} <= COMMON


def test_the_journal_has_its_scripts() -> None:
    assert {"create", "claim", "append", "append_end", "send", "next_command", "delete"} <= set(SCRIPTS)
