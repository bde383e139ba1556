"""`python -m server`: the gateway with the settings of the environment. The first line printed is its URL."""

import sys

from rao_runtime.config import ConfigError, load
from rao_runtime.core.errors import RaoError
from server.serving import serve


def main() -> None:
    """Serve until a signal ends it."""
    try:
        settings = load()
    except ConfigError as error:
        sys.exit(str(error))
    try:
        serve(settings, on_ready=lambda url: print(url, flush=True))
    except RaoError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
