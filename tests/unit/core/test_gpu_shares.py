"""How replicas divide the GPUs of a machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.gpu_shares import shares, visible_devices

counts = st.integers(1, 64)


def groups(devices: int, replicas: int, wanted: int = 1) -> list[str]:
    return ["".join(share) for share in shares([str(n) for n in range(devices)], replicas, wanted=wanted)]


@pytest.mark.parametrize(
    ("devices", "replicas", "wanted", "told"),
    [
        (8, 2, 1, ["0123", "4567"]),
        (8, 4, 2, ["01", "23", "45", "67"]),
        (8, 3, 1, ["01", "23", "45"]),
        (8, 2, 2, ["0123", "4567"]),
        (4, 4, 2, ["01", "23", "01", "23"]),
        (2, 3, 1, ["0", "1", "0"]),
        (2, 2, 4, ["01", "01"]),
        (1, 2, 1, ["", ""]),
        (0, 2, 1, ["", ""]),
        (4, 0, 1, []),
    ],
)
def test_each_gets_an_equal_group_of_neighbours(devices: int, replicas: int, wanted: int, told: list[str]) -> None:
    assert groups(devices, replicas, wanted) == told


@given(devices=st.integers(2, 64), replicas=counts, wanted=counts)
def test_groups_are_equal_and_large_enough_and_shared_only_where_they_must_be(
    devices: int, replicas: int, wanted: int
) -> None:
    found = shares([str(n) for n in range(devices)], replicas, wanted=wanted)
    (size,) = {len(share) for share in found}
    assert size >= min(wanted, devices)
    if replicas * wanted <= devices:
        assert len({device for share in found for device in share}) == replicas * size
    for share in found:
        assert list(share) == [str(n) for n in range(int(share[0]), int(share[0]) + size)]


@pytest.mark.parametrize(
    ("variable", "devices"),
    [
        (None, ("0", "1", "2")),
        ("2,0", ("2", "0")),
        (" GPU-a , GPU-b ", ("GPU-a", "GPU-b")),
        ("", ()),
        ("-1", ()),
        ("0,-1,1", ("0",)),
    ],
)
def test_devices_are_those_that_cuda_would_see(variable: str | None, devices: tuple[str, ...]) -> None:
    assert visible_devices(variable, found=3) == devices
