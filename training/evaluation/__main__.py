"""`python -m training.evaluation [--quick] [--only SECTION] [--replica URL] [--oracle] [--json FILE]`."""

import sys

from training.evaluation.command import main

if __name__ == "__main__":
    sys.exit(main())
