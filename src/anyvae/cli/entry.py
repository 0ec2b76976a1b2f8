"""The one place where an error becomes a line and an exit code."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from cyclopts import CycloptsError, UnknownCommandError, UnusedCliTokensError

from anyvae.cli.app import app
from anyvae.cli.console import first_process, warnings_noted

__all__ = ["command", "main"]

_WRONG, _BUG, _INTERRUPTED, _PIPE_CLOSED = 2, 1, 130, 141


def command() -> NoReturn:
    """Run the command of the process and end it.

    What the user can mend is often found just after a file was read, while a thread of the reader still gives back
    its pieces: an interpreter that shuts down meanwhile aborts. Nothing is left to do then but to end.
    """
    code = main()
    if code == _WRONG:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 for what the user can mend, 130 after Ctrl-C, 1 for a bug.

    Arguments:
        argv: words after `anyvae`; those of the process where None.

    >>> main(["recipes", "--nonsense"])
    2
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with warnings_noted():
            app(
                words,
                exit_on_error=False,
                print_error=False,
                help_on_error=False,
                result_action="return_none",
            )
        sys.stdout.flush()
    except UnusedCliTokensError as error:
        extra = shlex.join(error.unused_tokens or [])
        return _wrong(f"there is no place for {extra}: see anyvae {_command(words)}--help")
    except UnknownCommandError:
        commands = ", ".join(name for name in app if not name.startswith("-"))
        return _wrong(f"there is no command {words[0]!r}: the commands are {commands}")
    except CycloptsError as error:
        return _wrong(f"{str(error).rstrip('.')}: see anyvae {_command(words)}--help")
    except KeyboardInterrupt:
        return _interrupted(words)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        _abandon_stdout()
        return _PIPE_CLOSED
    except OSError as error:
        _abandon_stdout()
        where, reason = error.filename or "the output", error.strerror or error
        return _wrong(f"{where} cannot be read or written ({reason}): check the place and its free space")
    except MemoryError:
        return _wrong("the memory does not suffice: ask for fewer rows at a time, or fit a smaller model")
    except Exception as error:
        return _judge(error, words)
    return 0


def _judge(error: Exception, words: list[str]) -> int:
    """Exit code of an error of ours, or of a bug; imports late, for the errors' homes are heavy."""
    from anyvae.data import DataError

    if isinstance(error, DataError):
        return _wrong(str(error))
    from anyvae.training import Interrupted, NonFiniteError

    if isinstance(error, NonFiniteError):
        return _wrong(str(error))
    if isinstance(error, Interrupted):
        _tell(f"interrupted after step {error.step:,}; the checkpoint is written; to go on: {_go_on(words)}")
        return _INTERRUPTED
    if "can't allocate memory" in str(error):  # torch has no class of its own for it on the CPU
        return _wrong("the memory does not suffice: ask for fewer rows at a time, or fit a smaller model")
    traceback.print_exception(error)
    _tell("this is a bug in anyvae, not in what you did: please report it with the lines above")
    return _BUG


def _interrupted(words: list[str]) -> int:
    go_on = f"; to go on: {_go_on(words)}" if words[:1] == ["fit"] else ""
    _tell(f"interrupted{go_on}")
    return _INTERRUPTED


def _wrong(message: str) -> int:
    _tell("error: " + " ".join(message.split()))
    return _WRONG


def _tell(message: str) -> None:
    if first_process():
        print(f"anyvae: {message}", file=sys.stderr, flush=True)


def _go_on(words: list[str]) -> str:
    """The command that continues a fit: the same, with --resume."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    start = ["anyvae"] if size == 1 else ["torchrun", "--nproc-per-node", str(size), "-m", "anyvae"]
    return shlex.join([*start, *words, *([] if "--resume" in words else ["--resume"])])


def _command(words: list[str]) -> str:
    """The command's name and a space, where the first word is one."""
    return f"{words[0]} " if words and not words[0].startswith("-") and words[0] in app else ""


def _abandon_stdout() -> None:
    """Let the interpreter's own last flush go nowhere, for it would complain about the same thing again."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError, AttributeError):  # not a real file: somebody captures it
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
