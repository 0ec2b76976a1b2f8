"""`python -m anyvae`, and so `torchrun -m anyvae`: the command."""

from anyvae.cli import command

if __name__ == "__main__":
    command()
