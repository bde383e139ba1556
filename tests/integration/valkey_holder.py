"""A process that holds an embedded store until it is killed: `python valkey_holder.py FOLDER USE_SETPRIV`."""

import asyncio
import sys
from pathlib import Path

from rao_runtime.adapters.embedded_valkey import EmbeddedValkey


async def main(folder: Path, *, use_setpriv: bool) -> None:
    """Says where the store is, on a line of its own."""
    async with EmbeddedValkey(folder, use_setpriv=use_setpriv) as valkey:
        print(valkey.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), use_setpriv=sys.argv[2] == "yes"))
