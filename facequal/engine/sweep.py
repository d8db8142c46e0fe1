"""The points of a sweep: drawing them, running them, and the table of what they found."""

import csv
import math
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from facequal.engine.digest import experiment_digest, run_options
from facequal.engine.sweep_file import Sweep, as_text
from facequal.reports.results import write_atomically


def on_one_device(sweep: Sweep, further: Sequence[str]) -> list[str]:
    """Return the further options, with one device: the processes of several would each run the sweep.

    Raises:
        ValueError: If they or the file ask for something else.
    """
    given = [each for each in (*sweep.command, *further) if each.startswith("--trainer.devices")]
    if any(each != "--trainer.devices=1" for each in given):
        raise ValueError(f"{given[0]}: each point runs on one device (--trainer.devices=1)")
    return [*further, *(() if given else ("--trainer.devices=1",))]


def settings_digest(sweep: Sweep, seed: int, further: Sequence[str]) -> str:
    """Return what all figures depend on beside their points: files, options, seed and metric."""
    depends = [*sweep.arguments({}, further), f"command {sweep.command[0]}", f"seed {seed}", f"metric {sweep.metric}"]
    return experiment_digest(depends)[:12]


def shown(point: dict[str, Any]) -> str:
    """Return a point in one line."""
    return ", ".join(f"{name.rpartition('.')[2]}={as_text(value)}" for name, value in point.items())


class Table:
    """What the points found, as a CSV file: number, metric, value, seconds, error, settings, a column per parameter.

    Args:
        path: The file; what it holds already is read.
        sweep: The sweep.
        settings: See `settings_digest`.

    Attributes:
        rows: The rows as they are written.

    Raises:
        ValueError: If the file is of a sweep over other parameters.
    """

    def __init__(self, path: Path, sweep: Sweep, settings: str) -> None:
        self.path, self.sweep, self.settings = path, sweep, settings
        facts = ("point", "metric", "value", "seconds", "error", "settings")
        self.names = [*facts, *(each.name for each in sweep.parameters)]
        self.rows: list[dict[str, str]] = []
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file)
                self.rows = list(reader)
            if reader.fieldnames != self.names:
                raise ValueError(f"{path} is of a sweep over other parameters: give another --folder")

    def row_of(self, number: int, point: dict[str, Any]) -> dict[str, str] | None:
        """Return the row of a point, or None.

        Raises:
            ValueError: If the number belongs to another point, or to other settings.
        """
        found = next((row for row in self.rows if row["point"] == str(number)), None)
        if found is None:
            return None
        if any(found[name] != as_text(value) for name, value in point.items()):
            raise ValueError(f"{self.path}: point {number} is another one: give another --folder, or the same --seed")
        if found["settings"] != self.settings:
            raise ValueError(
                f"{self.path}: point {number} was run with other options, files, seed or metric: give another --folder"
            )
        return found

    def add(self, number: int, point: dict[str, Any], value: float, seconds: float, error: str) -> None:
        """Write a point's row, in place of an earlier one."""
        facts = {"point": str(number), "metric": self.sweep.metric, "value": "" if error else repr(value)}
        row = {**facts, "seconds": f"{seconds:.1f}", "error": error, "settings": self.settings}
        row |= {name: as_text(given) for name, given in point.items()}
        self.rows = [each for each in self.rows if each["point"] != str(number)] + [row]
        text = StringIO()
        writer = csv.DictWriter(text, self.names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.path, text.getvalue())

    def best(self) -> dict[str, str] | None:
        """Return the best row, if any point came to its end."""
        done = [row for row in self.rows if not row["error"]]
        sign = 1 if self.sweep.maximize else -1
        return max(done, key=lambda row: sign * float(row["value"]), default=None)


def chosen_points(sweep: Sweep, num: int | None, seed: int, table: Table) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield numbers and points that have no figure yet; a Bayesian search takes each from the figures of those before.

    It does not run again what failed, since all later points follow from that.

    Raises:
        ValueError: If a search without an end has no number of points.
        ModuleNotFoundError: If optuna is missing.
    """
    limit = num if num is not None else sweep.run_cap
    if limit is None and sweep.method != "grid":
        raise ValueError(f"{sweep.path}: a {sweep.method} search has no end: give --points, or run_cap in the file")
    points = bayesian_points(sweep, seed, table) if sweep.method == "bayes" else enumerate(sweep.points(seed))
    for number, point in points:
        if limit is not None and number >= limit:
            return
        row = table.row_of(number, point)
        if row is None or (row["error"] and sweep.method != "bayes"):
            yield number, point


def bayesian_points(sweep: Sweep, seed: int, table: Table) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield points that a tree-structured Parzen estimator suggests, told what each point of the table found."""
    try:
        import optuna
    except ModuleNotFoundError:
        raise ModuleNotFoundError("a Bayesian search needs Optuna: pip install 'facequal[sweeps]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    direction = optuna.study.StudyDirection.MAXIMIZE if sweep.maximize else optuna.study.StudyDirection.MINIMIZE
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.TPESampler(seed=seed))
    for number in range(sys.maxsize):
        trial = study.ask()
        point: dict[str, Any] = {}
        for parameter in sweep.parameters:
            name, low, high = parameter.name, parameter.low, parameter.high
            if parameter.values:  # by number: Optuna takes plain values alone
                point[name] = parameter.values[trial.suggest_categorical(name, list(range(len(parameter.values))))]
            elif parameter.distribution == "int_uniform":
                point[name] = trial.suggest_int(name, int(low), int(high))
            else:
                point[name] = trial.suggest_float(name, low, high, log=parameter.distribution == "log_uniform_values")
        yield number, point
        row = table.row_of(number, point)
        if row is None or row["error"]:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, float(row["value"]))


def run_point(
    sweep: Sweep, point: dict[str, Any], folder: Path, seed: int, further: Sequence[str]
) -> tuple[float, float, str]:
    """Run one point: its figure, its seconds, and the beginning of its error, if it failed; error.txt has all of it."""
    started = time.monotonic()
    try:
        value = figure_of(sweep, [*sweep.arguments(point, further), *run_options(folder, seed)])
    except (Exception, SystemExit) as error:  # any: a point that fails ends itself, not the sweep
        cause = error.__context__ if isinstance(error, SystemExit) else None
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        write_atomically(folder / "error.txt", traceback.format_exc())
        text = f"{type(cause or error).__name__}: {' '.join(str(cause or error).split())}"
        return float("nan"), time.monotonic() - started, text[:240]
    return value, time.monotonic() - started, ""


def figure_of(sweep: Sweep, arguments: Sequence[str]) -> float:
    """Return the metric at the end of a run.

    Raises:
        ValueError: If the run has logged no such figure, or none that is finite.
    """
    command = sweep.command[0]
    if command == "run":
        from facequal.engine.fit_and_test import RunCLI

        trainer = RunCLI(["fit", *arguments]).trainer
    else:
        from facequal.engine.lightning import FaceQualCLI

        trainer = FaceQualCLI([command, *arguments]).trainer
    logged = {**trainer.logged_metrics, **trainer.callback_metrics}
    if sweep.metric not in logged:
        raise ValueError(f"the run has logged no {sweep.metric}; there are {', '.join(sorted(logged))}")
    value = float(logged[sweep.metric])
    if not math.isfinite(value):
        raise ValueError(f"{sweep.metric} is {value}")
    return value
