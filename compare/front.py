# SPDX-License-Identifier: MIT
"""What the fronts of `./brkmalloc bench` and `./brkmalloc replay` have in common: numbers in options,
words to the user, and how they end."""
from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable

from .allocators import UsageError


def number_up_to(most: int) -> Callable[[str], int]:
    """A type for argparse."""
    def number(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 to {most}")
        return int(text)
    return number


def say_as(command: str) -> Callable[[str], None]:
    def say(text: str) -> None:
        print(f"{command}: {text}", file=sys.stderr, flush=True)
    return say


def terminate(number: int, _: object) -> None:
    """Lets the with statements end what runs and remove what they made."""
    sys.exit(128 + number)


def run_front(run: Callable[[list[str]], int], say: Callable[[str], None]) -> int:
    """Calls `run` with the arguments and returns the exit status: what it returns, 1 when nobody
    reads its output any more, 2 for bad usage, 130 when the user interrupts."""
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)
    try:
        return run(sys.argv[1:])
    except UsageError as error:
        say(str(error))
        return 2
    except BrokenPipeError:
        # Python would complain once more when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
