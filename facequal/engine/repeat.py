"""What `facequal repeat` does: a study of one row."""

from collections.abc import Sequence
from pathlib import Path

from facequal.engine.jobs import carry_out
from facequal.engine.plan import Run
from facequal.engine.processes import is_first_process
from facequal.engine.resume import prepare, remove_runs, require_current
from facequal.engine.study_report import progress_line, report_seeds


def repeat(config: Path, folder: Path, seeds: Sequence[int], options: Sequence[str], fresh: bool = False) -> bool:
    """Fit and test with the seeds that are not finished, and write mean and spread.

    Args:
        config: The experiment file.
        folder: Where runs and summary go.
        seeds: The seeds.
        options: Further options of `facequal fit`, for every seed.
        fresh: Remove the results of all seeds in the folder first.

    Returns:
        Whether all runs came to their end.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the folder holds results of other settings, or something else where a run goes.
    """

    def planned(seed: int) -> Run:
        return Run(config.stem, seed, folder / f"seed_{seed}", ["-c", str(config), *options])

    runs = [planned(seed) for seed in seeds]
    if fresh:
        remove_runs(sorted(folder.glob("seed_*")))
    for path in folder.glob("seed_*"):  # of seeds that are not asked for too: the folder is read as one experiment
        if (seed := path.name.removeprefix("seed_")).isdecimal():
            require_current(planned(int(seed)))
    problems = carry_out(config.stem, prepare(runs, runs), 1, progress_line)
    if is_first_process():
        report_seeds(folder, runs, problems)
    return not problems
