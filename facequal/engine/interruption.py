"""The one way in which commands end on Ctrl-C."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # what shells report for a command stopped by Ctrl-C
GOES_ON = "the same command goes on from here"


def is_interrupt(error: BaseException) -> bool:
    """Return whether an error is Ctrl-C, or the exit that Lightning makes of it.

    >>> is_interrupt(KeyboardInterrupt()), is_interrupt(SystemExit(1))
    (True, False)
    """
    return isinstance(error, KeyboardInterrupt) or isinstance(error.__context__, KeyboardInterrupt)


@contextmanager
def stops_on_ctrl_c(how_to_go_on: str) -> Iterator[None]:
    """End the process with a sentence and status 130 on Ctrl-C, and handle further ones as before.

    Lightning ignores SIGINT from the first Ctrl-C on, and leaves it ignored.

    Args:
        how_to_go_on: What the sentence says after "stopped; ".

    Raises:
        SystemExit: If Ctrl-C is pressed.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if not is_interrupt(stop):
            raise
        signal.signal(signal.SIGINT, handler)
        print(f"stopped; {how_to_go_on}", file=sys.stderr)
        sys.exit(INTERRUPTED)
