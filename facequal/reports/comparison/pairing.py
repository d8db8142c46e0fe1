"""The reports of two models, from where `facequal test`, `run`, `repeat` and `study` put them, paired by seed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from facequal.reports.curves import CurveKey
from facequal.reports.info import read_run_info
from facequal.reports.layout import find_reports
from facequal.reports.results import Result, read_results, results_table
from facequal.reports.statistics import Change, change

if TYPE_CHECKING:
    import pandas as pd

METRICS = ("accuracy", "eer")


@dataclass(frozen=True)
class Report:
    """The report of one run.

    Attributes:
        path: Its `results.csv`.
        results: Its accuracies and EERs.
        info: What `results.json` beside it tells of the run, such as `config_hash`; empty without it.
        left_out: Test sets that the run left out as their files are missing.
    """

    path: Path
    results: Sequence[Result]
    info: Mapping[str, object]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """The reports of a model before and after a change.

    Attributes:
        before: One report per seed, or a single one that every seed of `after` is compared with.
        after: One report per seed in the same order, or a single one likewise.
        seeds: Name of each pair of reports, e.g. `seed_0`; one empty name where there are no folders of seeds.
        notes: What was not used, or is used in an unusual way, one sentence each.
    """

    before: tuple[Report, ...]
    after: tuple[Report, ...]
    seeds: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def sides(self) -> dict[str, tuple[Report, ...]]:
        """The reports by the name of their side."""
        return {"before": self.before, "after": self.after}

    @cached_property
    def table(self) -> "pd.DataFrame":
        """The figures of all reports as a long table: run `before` or `after`, seed the number of the report in it."""
        return results_table(
            {side: dict(enumerate(report.results for report in reports)) for side, reports in self.sides.items()}
        )

    @cached_property
    def _values(self) -> dict[tuple[object, ...], float]:
        names = ["run", "seed", "protocol", "condition", "column", "metric"]
        return dict(zip(self.table[names].itertuples(index=False, name=None), self.table["value"], strict=True))

    def shared_keys(self) -> list[CurveKey]:
        """Return (protocol, condition, column) whose accuracy all reports hold, in the order of the first report."""
        accuracies = self.table[self.table["metric"] == "accuracy"]
        sizes = accuracies.groupby(["protocol", "condition", "column"], sort=False).size()
        keys: list[CurveKey] = sizes.index[sizes == len(self.before) + len(self.after)].tolist()
        return keys

    def protocols(self) -> list[str]:
        """Return the protocols that all reports hold, in the order of the first report."""
        return list(dict.fromkeys(protocol for protocol, _, _ in self.shared_keys()))

    def values(self, side: str, key: CurveKey, metric: str = "accuracy") -> list[float]:
        """Return a figure of each report of a side; NaN where it is lacking."""
        numbers = range(len(self.sides[side]))
        return [self._values.get((side, number, *key, metric), float("nan")) for number in numbers]

    def change(self, key: CurveKey, metric: str) -> Change:
        """Return the change of one figure; NaN where a report lacks it."""
        return change((*key, metric), self.values("before", key, metric), self.values("after", key, metric))


def read_comparison(before: Path, after: Path) -> Comparison:
    """Read the reports of two models.

    Each path is a `results.csv`, a report folder that holds one, a run folder with `report/results.csv`, or a folder of
    seeds (`seed_*/report/results.csv`). Of two folders of seeds, those seeds are used that both hold. A single report
    against a folder of seeds is compared with each of them.

    Raises:
        FileNotFoundError: If a path holds no results; names it, and where results are below it.
        ValueError: If results cannot be read, hold no accuracy, or the folders have no seed in common; names the path.
    """
    notes: list[str] = []
    files = [find_reports(path, notes) for path in (before, after)]
    seeds = _paired_seeds((before, after), files, notes)
    sides = [
        tuple(read_report(reports[name]) for name in (reports if _is_single(reports) else seeds)) for reports in files
    ]
    return Comparison(sides[0], sides[1], tuple(seeds), tuple(notes))


def _is_single(reports: Mapping[str, Path]) -> bool:
    return list(reports) == [""]


def _paired_seeds(paths: tuple[Path, Path], files: Sequence[Mapping[str, Path]], notes: list[str]) -> list[str]:
    """Return the names of the seeds that are compared; what is not used is said in `notes`."""
    if _is_single(files[0]) and _is_single(files[1]):
        return [""]
    for path, reports, others in zip(paths, files, reversed(files), strict=True):
        if _is_single(reports):
            notes.append(f"{path} is a single report; it is compared with each of {len(others)} seeds.")
            return list(others)
    seeds = [name for name in files[0] if name in files[1]]
    if not seeds:
        held = "; ".join(f"{path} holds {', '.join(reports)}" for path, reports in zip(paths, files, strict=True))
        raise ValueError(f"no seed is in both folders: {held}")
    for path, reports in zip(paths, files, strict=True):
        only = [name for name in reports if name not in seeds]
        if only:
            notes.append(f"Not used, since they are in {path} alone: {', '.join(only)}.")
    return seeds


def read_report(path: Path) -> Report:
    """Read one `results.csv` and what lies beside it.

    Raises:
        ValueError: If it or `results.json` cannot be read, holds a figure twice, or no accuracy; names the file.
    """
    figures: dict[tuple[str, ...], Result] = {}
    for result in read_results(path):
        if result.metric in METRICS:
            key = (result.protocol, result.condition, result.column, result.metric)
            if key in figures:
                raise ValueError(f"{path}: this figure appears twice: {', '.join(key)}")
            figures[key] = result
    if not any(metric == "accuracy" for *_, metric in figures):
        raise ValueError(f"{path}: no accuracy of any test set")
    info, left_out = read_run_info(path.with_name("results.json"))
    return Report(path, list(figures.values()), info, left_out)


def require_comparable(comparison: Comparison, protocols: Iterable[str]) -> None:
    """Refuse figures of these protocols that were not made alike.

    Raises:
        ValueError: If two reports differ in the accuracy rule, the folds or the number of pairs; names both and the
            protocol.
    """
    held, wanted = set(comparison.shared_keys()), set(protocols)
    accuracies = comparison.table[comparison.table["metric"] == "accuracy"]
    for key, figures in accuracies.groupby(["protocol", "condition", "column"], sort=False):
        if key not in held or key[0] not in wanted:
            continue
        first, *others = figures.to_dict("records")
        for other in others:
            for name, words in (("rule", "accuracy rule"), ("folds", "number of folds"), ("num", "number of pairs")):
                if first[name] != other[name]:
                    made = [
                        f"{one[name]} in {comparison.sides[one['run']][one['seed']].path}" for one in (first, other)
                    ]
                    raise ValueError(
                        f"{', '.join(key)}: the {words} is {' but '.join(made)}; such figures cannot be compared. "
                        "Test both models alike, or name other sets."
                    )
