"""What `facequal study` does: rows of experiments over seeds, against a base, as one table."""

import time
from collections.abc import Sequence
from pathlib import Path

from facequal.engine.jobs import carry_out
from facequal.engine.plan import Run, plan_runs
from facequal.engine.processes import is_first_process
from facequal.engine.resume import prepare
from facequal.engine.study_file import BASE, Study
from facequal.engine.study_report import duration, progress_line, report_study


def run_study(
    study: Study,
    folder: Path,
    seeds: Sequence[int],
    options: Sequence[str],
    only: Sequence[str] | None = None,
    fresh: bool = False,
    jobs: int = 1,
    command: str = "",
) -> bool:
    """Do the runs of a study that are not finished, and write its table.

    Args:
        study: The study.
        folder: Where runs and table go.
        seeds: Seeds of every row.
        options: Further options of `facequal fit`, for every run.
        only: Names of rows or stages to do; None for all.
        fresh: Remove earlier results first.
        jobs: Runs at a time.
        command: The command line, for the report.

    Returns:
        Whether all runs came to their end, and the table has a figure in each of its columns.

    Raises:
        FileNotFoundError: If an earlier run has left no file that one to do needs.
        ValueError: If there is no such row, or a folder holds results of other settings or was not made by this engine.
    """
    started = time.monotonic()
    runs = plan_runs(study, folder, seeds, options)
    chosen = choose(study, runs, only)
    to_do = prepare(runs, chosen, fresh)
    problems = carry_out(study.title, to_do, jobs, lambda outcome: progress_line(outcome, study.columns))
    is_complete = True
    if is_first_process():
        facts = {
            "seeds": ", ".join(map(str, seeds)),
            "command": command,
            "wall time": f"{duration(time.monotonic() - started)} for {len(to_do)} runs, {jobs} at a time",
        }
        is_complete = report_study(study, folder, runs, {run.row for run in chosen}, facts, problems)
    return is_complete and not problems


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
