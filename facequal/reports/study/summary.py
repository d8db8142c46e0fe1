"""Rows of experiments against their base or a control: mean, spread over seeds, and differences paired by seed."""

import csv
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from facequal.reports.results import Result, column_order, summarise, write_atomically
from facequal.reports.seeds import change, statistic

BY_SEED = "by seed"
# In a rule, before the mode of a method that has several; see `without_modes`.
MODE_SIGN = "; mode "
_JUDGED = re.compile(r"identity similarity|top-\d+")
_MODE = re.compile(r"(restored) \((\w+)\)")


class Column(NamedTuple):
    """One column of the table of a study: a figure of the report."""

    protocol: str
    condition: str
    column: str
    metric: str = "accuracy"

    def __str__(self) -> str:
        """Return the parts with commas; accuracy is not named."""
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
        protocol, condition, column, metric, rule, unit: As in `Result`.
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
    def mode(self) -> str:
        """The mode of a method that has several, or nothing."""
        return self.rule.partition(MODE_SIGN)[2]

    @property
    def place(self) -> Column:
        """The column of the table it belongs to."""
        return Column(self.protocol, self.condition, self.column, self.metric)


def figures_of(row: RowResults, reference: RowResults | None = None) -> list[RowFigure]:
    """Return all figures of a row over its seeds, and against a reference.

    The difference is taken seed by seed, row minus reference, over the seeds that have both: what a seed does to both
    of them does not count as spread. Where every seed has a judge of identity of its own, its figures are one all the
    same, with the rule "by seed"; a method's mode is part of the rule.

    Args:
        row: The runs of the row.
        reference: The runs of the base or of a control; None gives no differences.

    Raises:
        ValueError: If one run holds a figure twice.
    """
    runs = one_rule({seed: without_modes(results) for seed, results in row.results.items()})
    others = one_rule(
        {seed: without_modes(results) for seed, results in (reference.results if reference else {}).items()}
    )
    before = {seed: _values(results) for seed, results in others.items()}
    after = {seed: _values(results) for seed, results in runs.items()}
    figures = []
    for s in summarise([runs[seed] for seed in sorted(runs)]):
        key = (s.protocol, s.condition, s.column, s.metric, s.unit, s.rule)
        both = [(_find(before[seed], key), _find(after[seed], key)) for seed in after if seed in before]
        pairs = [pair for pair in both if not any(map(math.isnan, pair))]
        delta = change(*zip(*pairs, strict=True)).delta if pairs else statistic([])
        spread = (s.mean, s.std, s.minimum, s.maximum, s.num_runs)
        place = (s.protocol, s.condition, s.column, s.metric, s.rule, s.unit)
        figures.append(RowFigure(row.name, *place, *spread, delta.mean, delta.std))
    return figures


def without_modes(results: Iterable[Result]) -> list[Result]:
    """Return results with the mode of a column such as `restored (refs)` in the rule, so that rows in other modes compare.

    A protocol that shows several modes keeps them apart.
    """
    results = list(results)
    modes: dict[str, set[str]] = {}
    for result in results:
        if _MODE.fullmatch(result.column):
            modes.setdefault(result.protocol, set()).add(result.column)
    return [_without_mode(result) if len(modes.get(result.protocol, ())) == 1 else result for result in results]


def _without_mode(result: Result) -> Result:
    match = _MODE.fullmatch(result.column)
    return replace(result, column=match[1], rule=f"{result.rule}{MODE_SIGN}{match[2]}") if match else result


def one_rule(runs: Mapping[int, Sequence[Result]]) -> dict[int, list[Result]]:
    """Return results of several seeds; those that each seed had judged by another recogniser have one rule, "by seed"."""
    judges: dict[tuple[str, ...], set[str]] = {}
    for result in (result for results in runs.values() for result in results if _JUDGED.fullmatch(result.metric)):
        judges.setdefault(_place(result), set()).add(result.rule)
    differing = {place for place, rules in judges.items() if len(rules) > 1}
    return {
        seed: [
            replace(result, rule=BY_SEED + _mode_in(result.rule)) if _place(result) in differing else result
            for result in results
        ]
        for seed, results in runs.items()
    }


def _mode_in(rule: str) -> str:
    return "".join(rule.partition(MODE_SIGN)[1:])


def _place(result: Result) -> tuple[str, ...]:
    return (result.protocol, result.condition, result.column, result.metric, result.unit)


def _values(results: Iterable[Result]) -> dict[tuple[str, ...], float]:
    return {(*_place(r), r.rule): r.value for r in results}


def _find(values: Mapping[tuple[str, ...], float], key: tuple[str, ...]) -> float:
    """Return figure of that place and rule; other modes are compared, and other judges where each seed has its own."""
    rules = {rule: value for *place, rule in values for value in (values[*place, rule],) if place == list(key[:-1])}
    wanted = key[-1].removesuffix(_mode_in(key[-1]))
    for rule, value in rules.items():
        found = rule.removesuffix(_mode_in(rule))
        if found == wanted or (_JUDGED.fullmatch(key[3]) and BY_SEED in (found, wanted)):
            return value
    return math.nan


def default_columns(results: Iterable[Result | RowFigure]) -> list[Column]:
    """Return the accuracies of the first protocol: its conditions as met, and each with its columns in order."""
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
    """Return figures by row and column; of several rules of one metric the first."""
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
