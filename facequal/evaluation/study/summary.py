"""Rows of experiments against their base or a control: mean, spread over seeds, and differences paired by seed."""

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from facequal.evaluation.results import Result, column_order, summarise, write_atomically
from facequal.evaluation.seeds import change, statistic


class Column(NamedTuple):
    """One column of the table of a study: a figure of the report."""

    protocol: str
    condition: str
    column: str
    metric: str = "accuracy"

    def __str__(self) -> str:
        """The parts with commas; accuracy is not named."""
        return ", ".join(self[:3] if self.metric == "accuracy" else self)


@dataclass(frozen=True)
class RowResults:
    """What the runs of one row found.

    Attributes:
        name: Name of the row.
        results: Figures of each run by its seed.
        config: The experiment file.
        overrides: Values by dotted key that the row lays over its experiment.
    """

    name: str
    results: Mapping[int, Sequence[Result]]
    config: str
    overrides: Mapping[str, Any]


@dataclass(frozen=True)
class RowFigure:
    """One figure of one row over its seeds.

    Attributes:
        row: Name of the row.
        protocol, condition, column, metric, rule, unit: As in :class:`Result`.
        mean: Mean over the seeds.
        std: Sample standard deviation over the seeds (divided by seeds - 1); NaN for one seed.
        minimum: Smallest value of a seed.
        maximum: Largest value of a seed.
        num_runs: Number of seeds that have this figure.
        delta_mean: Mean over seeds of the difference to the reference with the same seed; NaN without one.
        delta_std: Sample standard deviation of these differences; NaN for fewer than two.
    """

    row: str
    protocol: str
    condition: str
    column: str
    metric: str
    rule: str
    unit: str
    mean: float
    std: float
    minimum: float
    maximum: float
    num_runs: int
    delta_mean: float = math.nan
    delta_std: float = math.nan

    @property
    def place(self) -> Column:
        """The column of the table it belongs to."""
        return Column(self.protocol, self.condition, self.column, self.metric)


def figures_of(row: RowResults, reference: RowResults | None = None) -> list[RowFigure]:
    """All figures of a row over its seeds, and against a reference.

    The difference is taken seed by seed, row minus reference, over the seeds that have both: what a seed does to both
    of them does not count as spread.

    Args:
        row: The runs of the row.
        reference: The runs of the base or of a control; None gives no differences.

    Raises:
        ValueError: If one run holds a figure twice.
    """
    before = {seed: _values(results) for seed, results in reference.results.items()} if reference else {}
    after = {seed: _values(results) for seed, results in row.results.items()}
    figures = []
    for s in summarise([row.results[seed] for seed in sorted(row.results)]):
        key = (s.protocol, s.condition, s.column, s.metric, s.rule, s.unit)
        both = [(before[seed].get(key, math.nan), after[seed].get(key, math.nan)) for seed in after if seed in before]
        pairs = [pair for pair in both if not any(map(math.isnan, pair))]
        delta = change(*zip(*pairs, strict=True)).delta if pairs else statistic([])
        spread = (s.mean, s.std, s.minimum, s.maximum, s.num_runs)
        figures.append(RowFigure(row.name, *key, *spread, delta.mean, delta.std))
    return figures


def _values(results: Iterable[Result]) -> dict[tuple[str, ...], float]:
    return {(r.protocol, r.condition, r.column, r.metric, r.rule, r.unit): r.value for r in results}


def default_columns(results: Iterable[Result | RowFigure]) -> list[Column]:
    """The accuracies of the first protocol: its conditions as met, and each with its columns in order."""
    accuracies = [result for result in results if result.metric == "accuracy"]
    if not accuracies:
        return []
    protocol = accuracies[0].protocol
    conditions: dict[str, list[str]] = {}
    for result in accuracies:
        if result.protocol == protocol:
            conditions.setdefault(result.condition, []).append(result.column)
    return [Column(protocol, name, column) for name, columns in conditions.items() for column in column_order(columns)]


def require_columns(columns: Iterable[Column], figures: Sequence[RowFigure]) -> None:
    """Refuse columns that no row has.

    Raises:
        ValueError: If there is one; names it and the protocols, conditions, columns and metrics there are.
    """
    there = dict.fromkeys(figure.place for figure in figures)
    missing = [str(column) for column in columns if column not in there]
    if missing:
        parts = zip(("protocols", "conditions", "columns", "metrics"), zip(*there, strict=True), strict=True)
        known = "; ".join(f"{name} {', '.join(dict.fromkeys(values))}" for name, values in parts)
        raise ValueError(f"no run has {' or '.join(missing)}; there are: {known}")


def by_place(figures: Iterable[RowFigure]) -> dict[tuple[str, Column], RowFigure]:
    """Figures by row and column; of several rules of one metric the first."""
    found: dict[tuple[str, Column], RowFigure] = {}
    for figure in figures:
        found.setdefault((figure.row, figure.place), figure)
    return found


def write_study(path: Path, rows: Sequence[RowResults], figures: Sequence[RowFigure]) -> Path:
    """Write every figure of every row as CSV, floats with all their digits; gives `path`.

    Columns: row, overrides (as JSON), protocol, condition, column, metric, rule, unit, mean, std, min, max, num_runs,
    delta_mean, delta_std. Fractions stay fractions.
    """
    overrides = {row.name: json.dumps(dict(row.overrides)) for row in rows}
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    figure_names = ("protocol", "condition", "column", "metric", "rule", "unit", "mean", "std")
    rest = ("num_runs", "delta_mean", "delta_std")
    writer.writerow(["row", "overrides", *figure_names, "min", "max", *rest])
    for f in figures:
        values = [getattr(f, name) for name in (*figure_names, "minimum", "maximum", *rest)]
        writer.writerow([f.row, overrides[f.row], *values])
    return write_atomically(path, text.getvalue())
