"""Nasty bodies: each a clear 4xx, and nothing is left behind."""

import json
from collections.abc import Sequence

from tests.contract.world import world

DEEP = 100_000
BODIES: Sequence[bytes] = [
    # No JSON.
    b"",
    b" ",
    b"\x00",
    b"{",
    b"}",
    b"[",
    b"{}{}",
    b"goal=x",
    b"<goal>x</goal>",
    b"{'goal': 'x'}",
    b'{"goal": "x",}',
    b'{"goal": "x"} // please',
    b'{"goal": "x", "goal"}',
    b'{"goal": undefined}',
    b'{"goal": "unfinished',
    b'{"goal": "a\x01b"}',
    b'{"goal": "line\nbreak"}',
    b'{"goal": "bad \\x escape"}',
    b'\xef\xbb\xbf{"goal": "with a mark"}',
    '{"goal": "x"}'.encode("utf-16"),
    '{"goal": "gr\u00fcn"}'.encode("latin-1"),
    b'{"goal": "\xff\xfe"}',
    b'{"goal": "\xc0\xaf"}',
    b'{"goal": "\xed\xa0\x80"}',
    # Lone surrogates, spelled out.
    b'{"goal": "\\ud800"}',
    b'{"goal": "\\udfff"}',
    b'{"goal": "\\ud800\\ud800"}',
    b'{"goal": "x", "metadata": {"\\udc00": 1}}',
    b'{"goal": "x", "context": {"\\ud83d": "x"}}',
    # Depth.
    b"[" * DEEP,
    b"[" * DEEP + b"]" * DEEP,
    b'{"goal":' * DEEP,
    b'{"goal": "x", "metadata": ' + b'{"a":' * 150 + b"1" + b"}" * 151,
    b'{"goal": "x", "answer_schema": ' + b'{"not":' * 150 + b"{}" + b"}" * 151,
    b'{"goal": "x", "context": ' + b"[" * 150 + b"]" * 150 + b"}",
    # Numbers.
    b'{"goal": "x", "priority": ' + b"9" * 5000 + b"}",
    b'{"goal": "x", "priority": 1e400}',
    b'{"goal": "x", "limits": {"deadline_s": NaN}}',
    b'{"goal": "x", "limits": {"deadline_s": Infinity}}',
    b'{"goal": "x", "limits": {"deadline_s": 1e-400}}',
    b'{"goal": "x", "limits": {"max_cost": "1e99999999"}}',
    b'{"goal": "x", "limits": {"max_cost": "0x10"}}',
    b'{"goal": "x", "limits": {"max_depth": 1e2}}',
    b'{"goal": "x", "metadata": {"n": 1e999}}',
    # Types.
    b"null",
    b"true",
    b"42",
    b'"goal"',
    b'["goal"]',
    b"{}",
    b'{"goal": null}',
    b'{"goal": ["x"]}',
    b'{"goal": {"text": "x"}}',
    b'{"goal": "x", "limits": []}',
    b'{"goal": "x", "limits": {"max_nodes": "many"}}',
    b'{"goal": "x", "stream": "true"}',
    b'{"goal": "x", "tools": {"a": 1}}',
    b'{"goal": "x", "__proto__": {}}',
    b'{"Goal": "x"}',
    # Size.
    b'{"goal": "' + b"x" * 70_000 + b'"}',
    b'{"goal": "x", "metadata": {"a": "' + b"x" * 20_000 + b'"}}',
    b'{"goal": "x", "context": [' + b"1," * 500_000 + b"1]}",
    b'{"goal": "x"' + b"".join(b',"f%d":1' % i for i in range(100_000)) + b"}",
    b'{"goal": "x", "' + b"n" * 100_000 + b'": 1}',
    b'{"goal": "x", "metadata": {"a": [' + b"[]," * 1_000_000 + b"1]}}",
    b" " * ((9 << 20) + 1),
    b'{"goal": "x", "context": "' + b"x" * (8 << 20) + b'y"}',
]


async def test_every_nasty_body_is_a_clear_refusal_and_leaves_nothing() -> None:
    async with world() as gateway:
        for body in BODIES:
            answer = await gateway.http.post("/solve", content=body, headers={"Content-Type": "application/json"})
            shown = body[:60]
            assert answer.status_code in {400, 413, 422}, (shown, answer.text[:300])
            assert answer.headers["content-type"] == "application/problem+json", shown
            assert json.loads(answer.text)["detail"], shown
            assert len(answer.content) < 10_000, shown
        assert (await gateway.http.get("/trees")).json()["data"] == []
        assert gateway.stand_in.ledger.entries == []
        assert (await gateway.http.get("/livez")).status_code == 200
        assert (await gateway.solve("ANSWER")).json()["answer"] == 42
