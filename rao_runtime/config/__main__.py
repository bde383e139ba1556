"""`python -m rao_runtime.config` prints `docs/settings.md`."""

import sys

from rao_runtime.config.document import settings_page

if __name__ == "__main__":
    sys.stdout.write(settings_page())
