"""What `facequal sweep` does: the points of a sweep as runs of a study, and the table of their figures."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from facequal.engine.grid import row_name
from facequal.engine.inherit import expand_inherited
from facequal.engine.jobs import Outcome, carry_out
from facequal.engine.marks import read_mark
from facequal.engine.plan import Run, as_argument, as_arguments
from facequal.engine.resume import prepare, remove_runs
from facequal.engine.sweep_file import Sweep
from facequal.engine.sweep_points import draw_points
from facequal.moved import refuse_moved_names
from facequal.reports.results import write_table


def run_sweep(
    sweep: Sweep, folder: Path, num: int | None, seed: int, options: Sequence[str], fresh: bool = False
) -> bool:
    """Do the points of a sweep that have no figure yet, and write the table of all after each.

    What failed is done again but in a Bayesian search, since all its later points follow from that.

    Args:
        sweep: The sweep.
        folder: Where runs and table go.
        num: Points to come to; None takes the file's `run_cap`, or all points of a grid.
        seed: Of the points that are drawn, and of every run.
        options: Further options of `facequal fit`, for every run.
        fresh: Remove the results of all points in the folder first.

    Returns:
        Whether all points came to their end.

    Raises:
        ValueError: If a search without an end has no number of points, the folder holds results of other settings or
            something else where a run goes, or the options ask for several devices.
        ModuleNotFoundError: If points are drawn and optuna is missing.
    """
    limit = num if num is not None else sweep.run_cap
    if limit is None and sweep.method != "grid":
        raise ValueError(f"{sweep.path}: a {sweep.method} search has no end: give --points, or run_cap in the file")
    arguments = sweep.arguments(on_one_device(sweep, options))
    searched = as_arguments({parameter.name: parameter.values for parameter in sweep.parameters})
    refuse_moved_names(expand_inherited([*arguments, *searched]))
    if fresh:
        remove_runs(sorted(folder.glob("point_*")))
    points = plan_points(sweep, folder, limit, seed, arguments)
    is_bayesian = sweep.method == "bayes"
    runs = [] if is_bayesian else list(points)

    def drawn_one_by_one() -> Iterator[Run]:
        for run in points:
            runs.append(run)
            if not run.has_failed:
                yield from prepare([run], [run])

    def on_end(outcome: Outcome) -> str:
        write_points(folder / "sweep.csv", sweep, runs)
        run = outcome.run
        figure = outcome.error or f"{sweep.metric} {read_mark(run.folder)['value']:.4f}"
        return f"{run.row}: {figure}, {row_name(run.overrides)}"

    carry_out(sweep.path.stem, drawn_one_by_one() if is_bayesian else prepare(runs, runs), 1, on_end)
    path = write_points(folder / "sweep.csv", sweep, runs)
    values = {run.row: read_mark(run.folder)["value"] for run in runs if run.is_current}
    if values:
        best = (max if sweep.maximize else min)(values, key=lambda row: values[row])
        print(f"best: {best}, {sweep.metric} {values[best]:.4f}")
    print(f"table: {path}")
    return not any(run.has_failed for run in runs)


def on_one_device(sweep: Sweep, options: Sequence[str]) -> list[str]:
    """Return the further options, with one device: the processes of several would each run the sweep.

    Raises:
        ValueError: If they or the file ask for something else.
    """
    devices = [option for option in (*sweep.command, *options) if option.startswith("--trainer.devices")]
    if any(option != "--trainer.devices=1" for option in devices):
        raise ValueError(f"{devices[0]}: each point runs on one device (--trainer.devices=1)")
    return [*options, *(() if devices else ("--trainer.devices=1",))]


def plan_points(sweep: Sweep, folder: Path, limit: int | None, seed: int, arguments: Sequence[str]) -> Iterator[Run]:
    """Yield the runs of a sweep: as many as asked for, and those beyond that an earlier call has left.

    A Bayesian search draws each from the figures that those before have left in their folders by then.

    Raises:
        ValueError: If a grid has a range.
        ModuleNotFoundError: If points are drawn and optuna is missing.
    """
    points = draw_points(sweep, seed, lambda number: read_mark(point_folder(folder, number)).get("value"))
    for number, point in enumerate(points):
        path, command = point_folder(folder, number), sweep.command[0]
        run = Run(f"point {number}", seed, path, arguments, point, command=command, metric=sweep.metric)
        if limit is not None and number >= limit and not (run.is_current or run.has_failed):
            return
        yield run


def point_folder(folder: Path, number: int) -> Path:
    """Return the folder of a point of the sweep in `folder`."""
    return folder / f"point_{number:04d}"


def write_points(path: Path, sweep: Sweep, runs: Sequence[Run]) -> Path:
    """Write what the points found as CSV, those that have ended; gives `path`.

    Columns: point, metric, value, seconds, error, settings (a digest of all that the figures depend on but the point),
    and one per parameter.
    """
    import pandas as pd

    names = [parameter.name for parameter in sweep.parameters]
    rows = []
    settings = [replace(run, overrides={}).digest[:12] for run in runs[:1]]
    for run in runs:
        if run.is_current or run.has_failed:
            mark = read_mark(run.folder)
            facts = [mark.get("value"), f"{mark['seconds']:.1f}", mark.get("error"), *settings]
            values = [as_argument(run.overrides[name]) for name in names]
            rows.append([run.row.removeprefix("point "), sweep.metric, *facts, *values])
    columns = ["point", "metric", "value", "seconds", "error", "settings", *names]
    return write_table(path, pd.DataFrame(rows, columns=columns, dtype=object))
