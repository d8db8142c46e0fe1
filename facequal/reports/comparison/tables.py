"""Tables of changes for the terminal, for Markdown, and as CSV."""

import csv
import math
from io import StringIO

from rich.table import Column, Table

from facequal.reports.comparison.changes import ComparisonTable, Section
from facequal.reports.markdown import markdown_table, plain
from facequal.reports.seeds import Change, Statistic
from facequal.reports.tables import NOT_AVAILABLE, add_section, amount, format_value, section_table

CSV_COLUMNS = ("protocol", "condition", "model", "column", "metric", "mean", "std", "num_seeds")
SIGNS = {"before": "", "after": "", "delta": "+"}


def explanation(table: ComparisonTable) -> list[str]:
    """Return what the figures of a table are, one sentence each, and the table's own notes."""
    figure = "EER" if table.metric == "eer" else "Accuracy"
    lines = [f"{figure} in percent, deltas (after - before) in percentage points; {NOT_AVAILABLE}: not measured."]
    numbers = [figure.num for figure in _figures(table) if figure.has_spread]
    if numbers:
        lines.append(
            f"±: sample standard deviation over {max(numbers)} seeds, that of the deltas over the differences seed by "
            "seed."
        )
    return [*lines, *table.notes]


def render_changes(table: ComparisonTable) -> Table:
    """Return a table for the terminal: rows before, after and delta, below each its standard deviation over seeds."""
    side = [Column("", overflow="fold", max_width=40), Column("model", no_wrap=True)]
    rich = section_table(table.title, "\n".join(explanation(table)), side, table.columns)
    for section in table.sections:
        rows = [row for model in Change._fields for row in _rows(section, model, table)]
        add_section(rich, [section.protocol, section.condition], rows)
    return rich


def _rows(section: Section, model: str, table: ComparisonTable) -> list[list[str]]:
    figures = _row(section, model, table)
    means = [
        NOT_AVAILABLE if figure is None else format_value(figure.mean, "fraction", SIGNS[model]) for figure in figures
    ]
    rows = [[model, *means]]
    if any(figure and figure.has_spread for figure in figures):
        rows.append(["  ±", *[format_value(f.std, "fraction") if f and f.has_spread else "" for f in figures]])
    return rows


def _row(section: Section, model: str, table: ComparisonTable) -> list[Statistic | None]:
    """Return the figures of one model, in the order of the table's columns."""
    changes = [section.cells.get(column) for column in table.columns]
    return [None if cell is None else getattr(cell, model) for cell in changes]


def _figures(table: ComparisonTable) -> list[Statistic]:
    return [figure for section in table.sections for cell in section.cells.values() for figure in cell]


def changes_markdown(table: ComparisonTable) -> str:
    """Return the table and its notes in Markdown, without a heading."""
    rows = []
    for section in table.sections:
        for model in Change._fields:
            figures = _row(section, model, table)
            cells = [amount(f.mean, f.std, "fraction", SIGNS[model]) if f else NOT_AVAILABLE for f in figures]
            rows.append([section.protocol, section.condition, model, *cells])
    text = markdown_table(["set", "condition", "model", *table.columns], rows, num_texts=3)
    return text + "\n\n" + "\n".join(f"- {plain(note)}" for note in explanation(table))


def changes_csv(table: ComparisonTable) -> str:
    """Return one figure per row, as fractions with all their digits; missing ones are empty."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for section in table.sections:
        for model in Change._fields:
            for column, figure in zip(table.columns, _row(section, model, table), strict=True):
                if figure is not None:
                    place = (section.protocol, section.condition, model, column, table.metric)
                    mean, std = ("" if math.isnan(value) else value for value in figure[:2])
                    writer.writerow([*place, mean, std, figure.num])
    return text.getvalue()
