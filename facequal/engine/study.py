"""The runs of a study: which are to be done, doing them, and a line about each."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from facequal.engine.jobs import NOT_DONE, Outcome, one_after_another, side_by_side
from facequal.engine.plan import Run, is_first_process, last_checkpoint, remove_run
from facequal.engine.study_file import BASE, Study
from facequal.engine.study_report import duration
from facequal.reports.layout import results_file
from facequal.reports.results import read_results
from facequal.reports.study.summary import RowResults, by_place, default_columns, study_figures
from facequal.reports.tables import amount

INTERRUPTED = 130  # what shells report for a command stopped by Ctrl-C


def choose(study: Study, runs: Sequence[Run], only: Sequence[str] | None) -> list[Run]:
    """Return the runs of the rows that `only` names; all without it.

    Raises:
        ValueError: If there is no such row.
    """
    if only is None:
        return list(runs)
    names = [*([BASE] if study.base else []), *(row.name for row in (*study.stages, *study.rows))]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ValueError(f"--only: there is no row {unknown[0]!r} in {study.path}; there are {'; '.join(names)}")
    return [run for run in runs if run.row in only]


def prepare(runs: Sequence[Run], chosen: Sequence[Run], fresh: bool) -> list[Run]:
    """Return the runs that are to be done: those of the chosen ones that are not finished, and what they need.

    Raises:
        FileNotFoundError: If a finished base has no checkpoint, or a finished stage lacks a file that is needed.
        ValueError: If a folder holds results of other settings, or was not made by a study.
    """
    by_folder = {run.folder: run for run in runs}
    if fresh and is_first_process():
        for run in with_needs(chosen, by_folder):
            remove_run(run.folder)
    needed = {run.folder for run in chosen}
    needed |= {run.folder for run in with_needs([run for run in chosen if not run.is_finished], by_folder)}
    to_do = []
    for run in runs:
        if run.folder not in needed:
            continue
        if not run.is_finished:
            to_do.append(run)
        elif not run.is_current:
            raise ValueError(
                f"{run.folder} holds results of {run.name} under other settings; use --fresh, or another --folder"
            )
        elif any(row.base == run.folder and not row.is_finished for row in chosen):
            last_checkpoint(run.folder)
    for run in to_do:
        finished = {folder for folder in run.needs if by_folder[folder].is_finished}
        gone = [file for file in run.files if not file.exists() and finished & set(file.parents)]
        if gone:
            raise FileNotFoundError(f"{gone[0]}, which {run.name} needs, is gone; --fresh makes it again")
    if is_first_process():
        for run in to_do:
            remove_run(run.folder)  # what an earlier attempt has left
    return to_do


def with_needs(runs: Sequence[Run], by_folder: Mapping[Path, Run]) -> list[Run]:
    """Return runs, and all that come before them."""
    found: dict[Path, Run] = {}
    waiting = list(runs)
    while waiting:
        run = waiting.pop()
        found[run.folder] = run
        waiting += [by_folder[folder] for folder in run.needs if folder not in found]
    return list(found.values())


def carry_out(study: Study, to_do: Sequence[Run], jobs: int) -> list[str]:
    """Do the runs and print a line as each ends; what failed comes back in words.

    Raises:
        SystemExit: On Ctrl-C.
    """
    problems = []
    if is_first_process():
        print(f"{study.title}: {len(to_do)} runs to go", flush=True)
    try:
        outcomes = one_after_another(to_do) if jobs == 1 or len(to_do) < 2 else side_by_side(to_do, jobs)
        for number, outcome in enumerate(outcomes, start=1):
            if outcome.error not in (None, NOT_DONE):
                problems.append(f"{outcome.run.name}: {outcome.error}; see {outcome.run.log}")
            if is_first_process():
                print(f"{told(study, outcome)}; {len(to_do) - number} to go", flush=True)
    except BrokenProcessPool:
        problems.append("a worker was stopped from outside, as by a lack of memory: run it again, with fewer --jobs")
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(INTERRUPTED)
    return problems


def told(study: Study, outcome: Outcome) -> str:
    """Return how a run ended, in one line: its time and the figure of the first column."""
    if outcome.error is not None:
        return f"{outcome.run.name}: {outcome.error}"
    if outcome.run.is_stage:
        return f"{outcome.run.name}: {duration(outcome.seconds)}"
    results = read_results(results_file(outcome.run.folder))
    text = f"{outcome.run.name}: {duration(outcome.seconds)}"
    for column in (study.columns or default_columns(results))[:1]:
        figure = by_place(study_figures([RowResults("", {outcome.run.seed: results}, "", {})])).get(("", column))
        text += f", {amount(figure.mean, figure.std, figure.unit) if figure else 'n/a'} ({column})"
    return text
