"""`python -m rao_runtime.standin`."""

import sys

from rao_runtime.standin.main import main

sys.exit(main())
