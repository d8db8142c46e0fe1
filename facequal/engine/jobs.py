"""Doing runs, one after another or side by side."""

import gc
import math
import multiprocessing
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facequal.engine.interruption import is_interrupt
from facequal.engine.marks import made_at, write_mark
from facequal.engine.plan import Run, last_checkpoint
from facequal.engine.processes import is_first_process, number_of_cores, prepare_worker, redirect_output
from facequal.engine.study_file import BASE
from facequal.reports.layout import results_file

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

# torch and Lightning are imported where a run starts: a worker first limits its threads, which they read at import.

MAX_ERROR_LENGTH = 240  # the log has all of it
NOT_DONE = "not done, since a run it needs has failed"


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        run: The run.
        seconds: How long it took.
        error: The beginning of its error, if it failed.
    """

    run: Run
    seconds: float
    error: str | None = None


def carry_out(title: str, runs: Iterable[Run], jobs: int, on_end: Callable[[Outcome], str]) -> list[str]:
    """Do runs and print a line as each ends.

    Args:
        title: What they belong to, in words.
        runs: Those to do; what a run needs stands before it. They may be drawn one by one, if `jobs` is 1.
        jobs: How many at a time.
        on_end: Called as each run ends; what to say of it in a line.

    Returns:
        What failed, in words.
    """
    problems: list[str] = []
    remaining = len(runs) if isinstance(runs, Sequence) else None
    if remaining is not None and is_first_process():
        print(f"{title}: {remaining} runs to go", flush=True)
    several = isinstance(runs, Sequence) and jobs > 1 and len(runs) > 1
    outcomes = side_by_side(list(runs), jobs) if several else one_after_another(runs)
    try:
        with closing(outcomes):  # on Ctrl-C the workers must not go on
            for number, outcome in enumerate(outcomes, start=1):
                if outcome.error not in (None, NOT_DONE):
                    problems.append(f"{outcome.run.name}: {outcome.error}; see {outcome.run.log}")
                line = on_end(outcome)
                if is_first_process():
                    print(line if remaining is None else f"{line}; {remaining - number} to go", flush=True)
    except BrokenProcessPool:
        problems.append("a worker was stopped from outside, as by a lack of memory: run it again, with fewer --jobs")
    return problems


def perform(run: Run, as_worker: bool = False) -> Outcome:
    """Do one run. Whatever goes wrong in it is noted in its mark and its log, so that the others can go on.

    Args:
        run: The run; its folder is empty.
        as_worker: Write all that it prints to its log instead of the terminal.

    Raises:
        KeyboardInterrupt: If it was interrupted.
    """
    mark: dict[str, Any] = {"row": run.row, "seed": run.seed, "digest": run.digest}
    if is_first_process():
        write_mark(run.folder, mark)
    if as_worker:
        redirect_output(run.log)
    started, error = time.monotonic(), None
    try:
        value = train_and_test(run, as_worker)
        needs = {folder.parent.name: made_at(folder) for folder in run.needs}
        mark |= {"made": time.time_ns(), "needs": needs, "value": value}
    except (Exception, SystemExit) as failure:  # any: an error of a run ends the run, not the study
        if is_interrupt(failure):
            raise KeyboardInterrupt from None
        with run.log.open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
        # The parser of the command line exits after it has printed what is wrong.
        cause = failure.__context__ if isinstance(failure, SystemExit) else None
        error = f"{type(cause or failure).__name__}: {' '.join(str(cause or failure).split())}"
        error = error if len(error) <= MAX_ERROR_LENGTH else f"{error[:MAX_ERROR_LENGTH]} ..."
        mark["error"] = error
    seconds = time.monotonic() - started
    if is_first_process():
        write_mark(run.folder, mark | {"seconds": seconds})
    gc.collect()  # the trainer and its model refer to each other
    return Outcome(run, seconds, error)


def train_and_test(run: Run, as_worker: bool) -> float | None:
    """Do what a run does in this process, and return the figure of its metric, if it has one.

    Raises:
        FileNotFoundError: If the base has left no checkpoint, or the test no figures.
        ValueError: If the run has logged no figure of its metric, or none that is finite.
    """
    arguments = run.command_line()
    with warnings.catch_warnings():
        # Its own mark and log are there already.
        warnings.filterwarnings("ignore", message="Experiment logs directory .* exists and is not empty")
        from facequal.engine.fit_and_test import start

        trainer = start(run.command, arguments, as_worker)
    if is_first_process() and run.leaves_results and not results_file(run.folder).is_file():
        raise FileNotFoundError(f"the run has written no {results_file(run.folder)}; does it test anything?")
    if run.row == BASE:
        last_checkpoint(run.folder)  # better missed now than by every row
    return None if run.metric is None else logged_figure(trainer, run.metric)


def logged_figure(trainer: "Trainer", metric: str) -> float:
    """Return a metric at the end of a run.

    Raises:
        ValueError: If the run has logged no such figure, or none that is finite.
    """
    logged = {**trainer.logged_metrics, **trainer.callback_metrics}
    if metric not in logged:
        raise ValueError(f"the run has logged no {metric}; there are {', '.join(sorted(logged))}")
    value = float(logged[metric])
    if not math.isfinite(value):
        raise ValueError(f"{metric} is {value}")
    return value


def one_after_another(runs: Iterable[Run]) -> Generator[Outcome, None, None]:
    """Do runs in this process, in their order, and yield the outcome of each as it ends.

    Args:
        runs: Those to do; what a run needs stands before it. If that fails it is not done; its outcome says so.
    """
    failed: set[Path] = set()
    for run in runs:
        outcome = perform(run) if failed.isdisjoint(run.needs) else Outcome(run, 0.0, NOT_DONE)
        if outcome.error is not None:
            failed.add(run.folder)
        yield outcome


def side_by_side(runs: Sequence[Run], jobs: int) -> Generator[Outcome, None, None]:
    """Do runs in worker processes, `jobs` at a time, and yield the outcome of each as it ends.

    A run waits for those it needs. When the caller stops early, as on Ctrl-C, the workers are stopped too.

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
