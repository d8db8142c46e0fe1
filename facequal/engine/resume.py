"""Going on where a command was stopped: which runs are to be done, and which results are refused."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from facequal.engine.marks import read_mark
from facequal.engine.plan import Run, last_checkpoint
from facequal.engine.processes import is_first_process


def prepare(runs: Sequence[Run], chosen: Sequence[Run], fresh: bool = False) -> list[Run]:
    """Return the runs that are to be done: those of the chosen ones that are not finished, and what they need.

    Args:
        runs: All runs, each after those it needs.
        chosen: Those whose results are asked for.
        fresh: Remove earlier results of the chosen ones, and of what they need.

    Raises:
        FileNotFoundError: If a finished base has no checkpoint, or a finished stage lacks a file that is needed.
        ValueError: If a folder holds results of other settings, or was not made by this engine.
    """
    by_folder = {run.folder: run for run in runs}
    if fresh:
        remove_runs(run.folder for run in with_needs(chosen, by_folder))
    needed = {run.folder for run in chosen}
    needed |= {run.folder for run in with_needs([run for run in chosen if not run.is_finished], by_folder)}
    to_do = []
    for run in runs:
        if run.folder not in needed:
            continue
        if not run.is_finished:
            to_do.append(run)
        else:
            require_current(run)
            if any(row.base is run and not row.is_finished for row in chosen):
                last_checkpoint(run.folder)
    for run in to_do:
        finished = {folder for folder in run.needs if by_folder[folder].is_finished}
        gone = [file for file in run.files if not file.exists() and finished & set(file.parents)]
        if gone:
            raise FileNotFoundError(f"{gone[0]}, which {run.name} needs, is gone; --fresh makes it again")
    remove_runs(run.folder for run in to_do)  # what an earlier attempt has left
    return to_do


def require_current(run: Run) -> None:
    """Refuse to mix results.

    Raises:
        ValueError: If the folder of the run holds results of other settings.
    """
    if run.is_finished and not run.is_current:
        raise ValueError(
            f"{run.folder} holds results of {run.name} under other settings; use --fresh, or another --folder"
        )


def with_needs(runs: Sequence[Run], by_folder: Mapping[Path, Run]) -> list[Run]:
    """Return runs, and all that come before them."""
    needed: dict[Path, Run] = {}
    waiting = list(runs)
    while waiting:
        run = waiting.pop()
        needed[run.folder] = run
        waiting += [by_folder[folder] for folder in run.needs if folder not in needed]
    return list(needed.values())


def remove_runs(folders: Iterable[Path]) -> None:
    """Remove folders of runs, in the first process alone; all of them, or none if one was not made by the engine.

    Args:
        folders: Those that are empty or not there are left as they are.

    Raises:
        ValueError: If one holds something else.
    """
    if not is_first_process():
        return
    filled = [folder for folder in folders if folder.exists() and any(folder.iterdir())]
    for folder in filled:
        if not read_mark(folder):
            raise ValueError(f"{folder} was not made by this command, which does not remove it")
    for folder in filled:
        shutil.rmtree(folder)
