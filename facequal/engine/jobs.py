"""Doing the runs of a study, one after another or side by side."""

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from facequal.engine.plan import Run, is_first_process, last_checkpoint, write_mark
from facequal.engine.study_file import BASE
from facequal.reports.layout import results_file

# torch and Lightning are imported where a run starts: a worker first limits its threads, which they read at import.

MAX_ERROR_LENGTH = 240  # the log has all of it
NOT_DONE = "not done, since a run it needs has failed"


@dataclass(frozen=True)
class Outcome:
    """How a run ended: after `seconds`, with the beginning of its error if it failed."""

    run: Run
    seconds: float
    error: str | None = None


def perform(run: Run, as_worker: bool = False) -> Outcome:
    """Do one run. Whatever goes wrong in it is noted in its log, so that the others can go on.

    Args:
        run: The run; its folder is empty.
        as_worker: Write all that it prints to its log instead of the terminal.

    Raises:
        KeyboardInterrupt: If it was interrupted.
    """
    if is_first_process():
        write_mark(run)
    if as_worker:
        redirect_output(run.log)
    started, error = time.monotonic(), None
    try:
        train_and_test(run, as_worker)
    except (Exception, SystemExit) as failure:  # any: an error of a run ends the run, not the study
        cause = failure.__context__ if isinstance(failure, SystemExit) else None
        if isinstance(cause, KeyboardInterrupt):  # Lightning turns Ctrl-C into an exit and ignores further ones
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from None
        with run.log.open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
        # The parser of the command line exits after it has printed what is wrong.
        error = f"{type(cause or failure).__name__}: {' '.join(str(cause or failure).split())}"
        error = error if len(error) <= MAX_ERROR_LENGTH else f"{error[:MAX_ERROR_LENGTH]} ..."
    seconds = time.monotonic() - started
    if error is None and is_first_process():
        write_mark(run, seconds)
    gc.collect()  # the trainer and its model refer to each other
    return Outcome(run, seconds, error)


def train_and_test(run: Run, as_worker: bool) -> None:
    """Fit and test in this process.

    Raises:
        FileNotFoundError: If the base has left no checkpoint, or the test no figures.
    """
    arguments = run.command_line()
    with warnings.catch_warnings():
        # Its own mark and log are there already.
        warnings.filterwarnings("ignore", message="Experiment logs directory .* exists and is not empty")
        if as_worker:
            from facequal.engine.worker import WorkerFit, WorkerRun

            (WorkerFit if run.is_stage else WorkerRun)(["fit", *arguments])
        elif run.is_stage:
            from facequal.engine.lightning import FaceQualCLI

            FaceQualCLI(["fit", *arguments])
        else:
            from facequal.engine.fit_and_test import fit_and_test

            fit_and_test(arguments)
    if is_first_process() and not run.is_stage and not results_file(run.folder).is_file():
        raise FileNotFoundError(f"the run has written no {results_file(run.folder)}; does it test anything?")
    if run.row == BASE:
        last_checkpoint(run.folder)  # better missed now than by every row


def redirect_output(log: Path) -> None:
    """Send all output of this process, and of those it starts, to a file."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        with log.open("ab") as file:
            os.dup2(file.fileno(), number)
        with contextlib.suppress(AttributeError):  # a stream that was replaced has no lines to buffer
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def one_after_another(runs: Iterable[Run]) -> Iterator[Outcome]:
    """Do runs in this process, in their order, and tell of each as it ends.

    Args:
        runs: Those to do; what a run needs stands before it. If that fails it is not done; its outcome says so.
    """
    failed: set[Path] = set()
    for run in runs:
        outcome = perform(run) if failed.isdisjoint(run.needs) else Outcome(run, 0.0, NOT_DONE)
        if outcome.error is not None:
            failed.add(run.folder)
        yield outcome


def side_by_side(runs: Sequence[Run], jobs: int) -> Iterator[Outcome]:
    """Do runs in worker processes, `jobs` at a time, and tell of each as it ends. A run waits for those it needs.

    When the caller stops early, as on Ctrl-C, the workers are stopped too.

    Args:
        runs: As in `one_after_another`.
        jobs: Number of worker processes.

    Raises:
        BrokenProcessPool: If a worker was killed, as by a lack of memory.
    """
    others = set(multiprocessing.active_children())
    waiting, unfinished = list(runs), {run.folder for run in runs}
    failed: set[Path] = set()
    pending: dict[Future[Outcome], Run] = {}
    spawn = multiprocessing.get_context("spawn")  # a forked copy of a process that has used torch may hang
    threads = max(1, number_of_cores() // jobs)
    pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=prepare_worker, initargs=(threads,))
    try:
        while waiting or pending:
            doomed = [run for run in waiting if not failed.isdisjoint(run.needs)]
            ready = [run for run in waiting if run not in doomed and unfinished.isdisjoint(run.needs)]
            waiting = [run for run in waiting if run not in doomed and run not in ready]
            pending |= {pool.submit(perform, run, True): run for run in ready}
            for run in doomed:
                failed.add(run.folder)
                yield Outcome(run, 0.0, NOT_DONE)
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                outcome = future.result()
                unfinished.discard(pending.pop(future).folder)
                if outcome.error is not None:
                    failed.add(outcome.run.folder)
                yield outcome
    finally:
        if pending:  # not to the end: what is unfinished starts anew next time, so nothing is lost
            for process in set(multiprocessing.active_children()) - others:
                process.kill()
        pool.shutdown(cancel_futures=True)


def number_of_cores() -> int:
    """Return cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare_worker(threads: int) -> None:
    """Share the cores before torch is imported, leave Ctrl-C to the first process, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    given = os.environ.get("OMP_NUM_THREADS", "")
    os.environ["OMP_NUM_THREADS"] = str(min(threads, int(given)) if given.isdecimal() else threads)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the end of the process that started this one, then end this one at once."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
