"""The processes that do runs: the first one, and workers beside it."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from pathlib import Path


def is_first_process() -> bool:
    """Return whether this process has rank 0: on several GPUs Lightning starts one more for each further GPU."""
    ranks = (os.environ.get(name) for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"))
    return int(next(filter(None, ranks), "0")) == 0


def number_of_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare_worker(threads: int) -> None:
    """Share the cores before torch is imported, leave Ctrl-C to the first process, and end with it however it ends.

    Args:
        threads: Threads of each worker at most.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    os.environ["OMP_NUM_THREADS"] = str(min(threads, int(wanted)) if wanted.isdecimal() else threads)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the end of the process that started this one, then end this one at once."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def redirect_output(log: Path) -> None:
    """Send all output of this process, and of those it starts, to a file."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        with log.open("ab") as file:
            os.dup2(file.fileno(), number)
        with contextlib.suppress(AttributeError):  # a stream that was replaced has no lines to buffer
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
