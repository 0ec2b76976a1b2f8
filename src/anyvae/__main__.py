"""`python -m anyvae`, and so `torchrun -m anyvae`: the command."""

import sys

from anyvae.cli import main

if __name__ == "__main__":
    sys.exit(main())
