"""URLs without their passwords, keys with their tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.adapters.redis_keys import Keys
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_url import parse


@pytest.mark.parametrize(
    ("url", "shown", "db", "greeting"),
    [
        ("redis://", "localhost:6379", 0, []),
        ("redis://somewhere:7000", "somewhere:7000", 0, []),
        ("redis://:s3cret@somewhere/4", "somewhere:6379", 4, [("AUTH", "s3cret"), ("SELECT", 4)]),
        ("redis://me:s%20et@somewhere:1", "somewhere:1", 0, [("AUTH", "me", "s et")]),
        ("redis://somewhere?db=3", "somewhere:6379", 3, [("SELECT", 3)]),
        ("rediss://somewhere", "somewhere:6379", 0, []),
        ("unix:///run/redis.sock", "/run/redis.sock", 0, []),
        ("unix://:s3cret@/run/redis.sock?db=2", "/run/redis.sock", 2, [("AUTH", "s3cret"), ("SELECT", 2)]),
    ],
)
def test_a_url_says_where_and_how_to_log_on(
    url: str, shown: str, db: int, greeting: list[tuple[str | int, ...]]
) -> None:
    address = parse(url)
    assert str(address) == shown
    assert address.db == db
    assert address.greeting() == greeting
    assert (address.tls is not None) == url.startswith("rediss:")


def test_a_password_is_never_shown() -> None:
    url = "redis://someone:s3cret@somewhere:7000/1"
    address = parse(url)
    for text in (repr(address), str(address), repr(RedisLink(url))):
        assert "s3cret" not in text
        assert "someone" not in text


@pytest.mark.parametrize(
    "url",
    [
        "http://:s3cret@somewhere",
        "redis://:s3cret@somewhere:port",
        "redis://:s3cret@[somewhere",
        "redis://:s3cret@somewhere/x",
        "unix://:s3cret@",
        "rediss://:s3cret@somewhere?ssl_ca_certs=no-such-file",
        "",
    ],
)
def test_a_url_that_is_none_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="Redis") as refused:
        parse(url)
    assert "s3cret" not in str(refused.value)


def test_a_certificate_need_not_be_checked_where_the_url_says_so() -> None:
    tls = parse("rediss://somewhere?ssl_cert_reqs=none").tls
    assert tls is not None
    assert not tls.check_hostname


def tag(key: str) -> str:
    return key[key.index("{") + 1 : key.index("}")]


@given(tree_id=st.text(), other=st.text())
def test_all_keys_of_a_tree_have_one_tag_and_no_other_tree_has_it(tree_id: str, other: str) -> None:
    keys = Keys("rao")
    tree = keys.tree(tree_id)
    names = [tree.meta, tree.events, tree.commands, tree.deltas, tree.watch, tree.blobs, tree.entry]
    assert len({*names, tree.live, tree.owner}) == 9
    assert len({tag(name) for name in (*names, tree.live, tree.owner)}) == 1
    assert tag(tree.meta)
    assert all(name.startswith("rao:{") for name in names)
    assert (keys.tree(other).meta == tree.meta) == (other == tree_id)


@given(tenant=st.text(), key=st.text(), other=st.text())
def test_an_idempotency_key_belongs_to_one_tenant(tenant: str, key: str, other: str) -> None:
    keys = Keys("rao")
    assert (keys.idempotency(tenant, key) == keys.idempotency(other, key)) == (tenant == other)
    assert tag(keys.tenant(tenant, "trees")) == tag(keys.tenant(tenant, "other"))


@pytest.mark.parametrize("prefix", ["", "a b", "{x}", "é", "x\n"])
def test_a_prefix_that_would_break_keys_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        Keys(prefix)
