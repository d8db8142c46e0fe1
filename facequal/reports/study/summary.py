"""Rows of experiments against their base or a control: their figures, which of them a table shows, and their file."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from facequal.reports.results import Result, column_order, results_table, write_table
from facequal.reports.statistics import Summary, aligned, summarise


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
    """The results of the runs of one row.

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


def study_figures(rows: Sequence[RowResults], reference: str | None = None) -> list[Summary]:
    """Return all figures of all rows over their seeds, with their differences to a reference; see `summarise`.

    Args:
        rows: The runs of each row.
        reference: Name of the base or of a control; None gives no differences.

    Raises:
        ValueError: If one run holds a figure twice.
    """
    table = results_table({row.name: {seed: row.results[seed] for seed in sorted(row.results)} for row in rows})
    return summarise(aligned(table), reference)


def default_columns(results: Iterable[Result | Summary]) -> list[Column]:
    """Return the accuracies of the first protocol: its conditions as met, and each with its columns in order."""
    columns = [column_of(result) for result in results if result.metric == "accuracy"]
    sections = study_sections([column for column in columns if column.protocol == columns[0].protocol])
    return [column for shown in sections.values() for column in shown.values()]


def study_sections(columns: Sequence[Column]) -> dict[tuple[str, ...], dict[str, Column]]:
    """Return the columns of a study by protocol, condition and metric, each in the order of first appearance.

    Returns:
        By the heading of each section, which does not name accuracy: its figures by the heading of their column, such
        as `7 px`, in the order of the table.
    """
    sections: dict[tuple[str, ...], dict[str, Column]] = {}
    for column in columns:
        heading = (column.protocol, column.condition, *([] if column.metric == "accuracy" else [column.metric]))
        sections.setdefault(heading, {})[column.column] = column
    return {heading: {name: shown[name] for name in column_order(shown)} for heading, shown in sections.items()}


def missing_columns(columns: Iterable[Column], figures: Sequence[Summary]) -> str:
    """Return which columns no row has, and the protocols, conditions, columns and metrics there are, as a sentence.

    Returns:
        The sentence; empty if every column has a figure.
    """
    there = dict.fromkeys(column_of(figure) for figure in figures)
    missing = [str(column) for column in columns if column not in there]
    if not missing:
        return ""
    parts = zip(("protocols", "conditions", "columns", "metrics"), zip(*there, strict=True), strict=True)
    known = "; ".join(f"{name} {', '.join(dict.fromkeys(values))}" for name, values in parts)
    return f"no run has {' or '.join(missing)}; there are: {known}"


def column_of(figure: Result | Summary) -> Column:
    """Return the column of a study's table that a figure belongs to."""
    return Column(figure.protocol, figure.condition, figure.column, figure.metric)


def by_row_and_column(figures: Iterable[Summary]) -> dict[tuple[str, Column], Summary]:
    """Return figures by row and column; of several rules of one metric the first."""
    cells: dict[tuple[str, Column], Summary] = {}
    for figure in figures:
        cells.setdefault((figure.run, column_of(figure)), figure)
    return cells


def write_study(path: Path, rows: Sequence[RowResults], figures: Sequence[Summary]) -> Path:
    """Write every figure of every row as CSV, floats with all their digits.

    Columns: row, overrides (as JSON), protocol, condition, column, metric, rule, unit, mean, std, min, max, num_runs,
    delta_mean, delta_std. Fractions stay fractions.

    Returns:
        `path`.
    """
    import pandas as pd

    table = pd.DataFrame(figures).rename(columns={"run": "row", "minimum": "min", "maximum": "max"})
    overrides = {row.name: json.dumps(dict(row.overrides)) for row in rows}
    table.insert(1, "overrides", table["row"].map(overrides))
    return write_table(path, table, missing="nan")
