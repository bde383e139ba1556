"""The embedded store keeps what it took, goes when its parent goes, and says plainly why it does not start."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from rao_runtime.adapters.data_dir import DataDirError
from rao_runtime.adapters.embedded_valkey import EmbeddedValkey
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.valkey_command import NoValkey, find_server
from tests.integration import valkey_holder
from tests.integration.local_logs import wait_until_gone

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


@asynccontextmanager
async def linked(url: str) -> AsyncGenerator[RedisLink]:
    async with asyncio.timeout(30), RedisLink(url) as link:
        yield link


@contextmanager
def holder(folder: Path, use_setpriv: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A process that holds a store, and the store's URL."""
    command = [sys.executable, valkey_holder.__file__, str(folder), use_setpriv]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


async def pid_of(link: RedisLink) -> int:
    """The server's process id."""
    told = dict(
        line.split(b":", 1) for line in (await link.call("INFO", "server", patient=True)).split() if b":" in line
    )
    return int(told[b"process_id"])


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def set_many(folder: Path, count: int) -> Path:
    """A store that has taken `count` keys and ended; returns its append-only file."""
    async with EmbeddedValkey(folder) as valkey, linked(valkey.url) as link:
        for n in range(count):
            await link.call("SET", f"key{n:04}", f"value{n:04}")
    return next((folder / "appendonlydir").glob("*.incr.aof"))


async def test_data_survives_a_restart(tmp_path: Path) -> None:
    await set_many(tmp_path / "new" / "data", 3)
    async with EmbeddedValkey(tmp_path / "new" / "data") as valkey, linked(valkey.url) as link:
        assert await link.call("GET", "key0002") == b"value0002"


async def test_only_this_user_can_reach_it_and_it_drops_nothing(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path / "data") as valkey, linked(valkey.url) as link:
        assert await link.call("CONFIG", "GET", "port") == [b"port", b"0"]
        assert await link.call("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"noeviction"]
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "data" / "valkey.sock").stat().st_mode) == 0o700
        files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@pytest.mark.parametrize("use_setpriv", ["yes", "no"])
async def test_a_killed_parent_takes_it_along_and_nothing_it_took_is_lost(tmp_path: Path, use_setpriv: str) -> None:
    with holder(tmp_path, use_setpriv) as (process, url):
        async with linked(url) as link:
            pid = await pid_of(link)
            await asyncio.gather(*[link.call("INCR", "count") for _ in range(1_000)])
            process.kill()
        async with EmbeddedValkey(tmp_path) as valkey, linked(valkey.url) as link:
            assert await link.call("GET", "count") == b"1000"
            assert await pid_of(link) != pid
        wait_until_gone(pid)


@pytest.mark.parametrize("use_setpriv", [True, False])
async def test_an_orderly_end_leaves_no_process_behind(tmp_path: Path, use_setpriv: bool) -> None:
    async with EmbeddedValkey(tmp_path, use_setpriv=use_setpriv) as valkey, linked(valkey.url) as link:
        pid = await pid_of(link)
        helpers = children_of(pid)
    for each in (pid, *helpers):
        wait_until_gone(each)


async def test_ctrl_c_in_the_terminal_does_not_reach_it(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as valkey, linked(valkey.url) as link:
        assert os.getpgid(await pid_of(link)) != os.getpgid(0)


async def test_a_second_one_on_the_same_folder_is_told_who_has_it(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as valkey, linked(valkey.url) as link:
        with pytest.raises(DataDirError) as refused:
            async with EmbeddedValkey(tmp_path, lock_wait_s=0.1):
                pass
        assert str(tmp_path) in str(refused.value)
        assert f"process {os.getpid()} " in str(refused.value)
        assert "RAO_DATA_DIR" in str(refused.value)
        assert await link.call("PING") == b"PONG"


async def test_a_second_process_on_the_same_folder_waits_for_the_first_to_end(tmp_path: Path) -> None:
    async with asyncio.timeout(30):
        first = EmbeddedValkey(tmp_path)
        await first.__aenter__()
        second = EmbeddedValkey(tmp_path)
        waiting = asyncio.create_task(second.__aenter__())
        await first.__aexit__(None, None, None)
        await waiting
        await second.__aexit__(None, None, None)


@pytest.mark.parametrize("use_setpriv", [True, False])
async def test_a_store_that_is_killed_is_started_again(tmp_path: Path, use_setpriv: bool) -> None:
    async with EmbeddedValkey(tmp_path, use_setpriv=use_setpriv) as valkey, linked(valkey.url) as link:
        for n in range(3):
            first = await pid_of(link)
            assert await link.call("INCR", "count", patient=True) == n + 1
            os.kill(first, signal.SIGKILL)
            assert await link.call("GET", "count", patient=True) == str(n + 1).encode()
            assert await pid_of(link) != first


async def test_a_cancelled_start_leaves_the_folder_free(tmp_path: Path) -> None:
    entering = asyncio.create_task(EmbeddedValkey(tmp_path).__aenter__())
    while not (tmp_path / "valkey.log").exists():
        await asyncio.wait([entering], timeout=0.001)
    entering.cancel()
    await asyncio.wait([entering])
    async with EmbeddedValkey(tmp_path, lock_wait_s=0.1):
        pass


async def test_a_path_too_long_for_a_socket_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("a name with blanks, " * 8).strip()
    async with EmbeddedValkey(folder) as valkey, linked(valkey.url) as link:
        assert await link.call("SET", "k", "v") == b"OK"
        socket = Path(valkey.url.removeprefix("unix://"))
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert not socket.parent.exists()
    assert (folder / "appendonlydir").is_dir()


async def test_a_name_with_blanks_and_signs_is_a_name(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path / 'my "data" #1?%41') as valkey, linked(valkey.url) as link:
        assert await link.call("PING") == b"PONG"


async def test_a_folder_that_cannot_be_written_is_named() -> None:
    # Not even the superuser makes a file there.
    folder = Path("/proc/self/rao-data")
    with pytest.raises(DataDirError, match=r"/proc/self/rao-data: it cannot be written .*RAO_DATA_DIR"):
        async with EmbeddedValkey(folder):
            pass


async def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    for folder in (tmp_path / "data", tmp_path / "data" / "below"):
        with pytest.raises(DataDirError, match="is a file"):
            async with EmbeddedValkey(folder):
                pass
    assert (tmp_path / "data").read_text() == "mine"


async def test_a_write_that_was_cut_off_is_dropped_and_all_before_it_kept(tmp_path: Path) -> None:
    file = await set_many(tmp_path, 100)
    os.truncate(file, file.stat().st_size - 10)
    async with EmbeddedValkey(tmp_path) as valkey, linked(valkey.url) as link:
        assert await link.call("GET", "key0098") == b"value0098"
        assert await link.call("GET", "key0099") is None


async def test_data_damaged_in_the_middle_is_not_loaded_and_the_error_says_why(tmp_path: Path) -> None:
    file = await set_many(tmp_path, 100)
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 60] = b"x" * 60
    file.write_bytes(damaged)
    with pytest.raises(DataDirError, match="Bad file format") as refused:
        async with EmbeddedValkey(tmp_path):
            pass
    assert "does not start" in str(refused.value)
    assert file.read_bytes() == damaged


async def test_its_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    log = tmp_path / "valkey.log"
    for filler in (b"a", b"b"):
        log.write_bytes(filler * (MIB + 1))
        async with EmbeddedValkey(tmp_path):
            assert 0 < log.stat().st_size < MIB
        assert (tmp_path / "valkey.log.1").read_bytes()[:1] == filler


async def test_without_the_package_one_is_told_what_to_set_instead() -> None:
    with pytest.raises(NoValkey, match="RAO_REDIS_URL"):
        find_server("no-such-package-as-this")


async def test_a_program_for_another_platform_is_not_blamed_on_the_folder(tmp_path: Path) -> None:
    alien = tmp_path / "valkey-server"
    alien.write_bytes(b"\x7fELF of another world\x00" * 20)
    alien.chmod(0o755)
    with pytest.raises(NoValkey, match="RAO_REDIS_URL"):
        async with EmbeddedValkey(tmp_path / "data", server=alien):
            pass
