"""Tables of changes for the terminal, for Markdown, and as CSV."""

import csv
import math
from io import StringIO

from rich import box
from rich.table import Table
from rich.text import Text

from facequal.evaluation.comparison.changes import Change, ComparisonTable, Section, Statistic
from facequal.evaluation.tables import NOT_AVAILABLE, format_value

CSV_COLUMNS = ("protocol", "condition", "model", "column", "metric", "mean", "std", "num_seeds")
MAX_WIDTH = 130


def format_statistic(model: str, figure: Statistic | None) -> str:
    """The mean in percent with two decimals, a delta in percentage points with its sign; `n/a` without one."""
    if figure is None or math.isnan(figure.mean):
        return NOT_AVAILABLE
    if model != "delta":
        return format_value(figure.mean, "fraction")
    return f"{round(100 * figure.mean, 2) + 0.0:+.2f}"  # + 0.0: no minus before zero


def format_spread(figure: Statistic | None) -> str:
    """The standard deviation in percent, or nothing where there is none."""
    return "" if figure is None or figure.std is None else f"{100 * figure.std:.2f}"


def explanation(table: ComparisonTable) -> list[str]:
    """What the figures of a table are, one sentence each, and the table's own notes."""
    figure = "EER" if table.metric == "eer" else "Accuracy"
    lines = [f"{figure} in percent, deltas (after - before) in percentage points; {NOT_AVAILABLE}: not measured."]
    spreads = [figure for figure in _figures(table) if figure.std is not None]
    if spreads:
        lines.append(
            f"±: sample standard deviation over {max(figure.num for figure in spreads)} seeds, that of the deltas over "
            "the differences seed by seed."
        )
    return [*lines, *table.notes]


def render_changes(table: ComparisonTable) -> Table:
    """A table for a terminal of 130 characters: rows before, after and delta, below each its standard deviation."""
    caption = Text("\n".join(explanation(table)))
    rich = Table(title=Text(table.title), caption=caption, box=box.SIMPLE, padding=(0, 1, 0, 0), caption_justify="left")
    rich.add_column("", overflow="fold", max_width=40)
    rich.add_column("model", no_wrap=True)
    for column in table.columns:
        rich.add_column(Text(column), justify="right", no_wrap=True)
    for section in table.sections:
        rows = [row for model in Change._fields for row in _rows(section, model, table)]
        heading = [section.protocol, section.condition]
        for number, row in enumerate(rows):
            side = heading[number] if number < len(heading) else ""
            rich.add_row(*[Text(cell) for cell in (side, *row)], end_section=number == len(rows) - 1)
    return rich


def _rows(section: Section, model: str, table: ComparisonTable) -> list[list[str]]:
    figures = _row(section, model, table)
    rows = [[model, *[format_statistic(model, figure) for figure in figures]]]
    spreads = [format_spread(figure) for figure in figures]
    if any(spreads):
        rows.append(["  ±", *spreads])
    return rows


def _row(section: Section, model: str, table: ComparisonTable) -> list[Statistic | None]:
    """The figures of one model, in the order of the table's columns."""
    changes = [section.cells.get(column) for column in table.columns]
    return [None if cell is None else getattr(cell, model) for cell in changes]


def _figures(table: ComparisonTable) -> list[Statistic]:
    return [figure for section in table.sections for cell in section.cells.values() for figure in cell]


def changes_markdown(table: ComparisonTable) -> str:
    """The table and its notes in Markdown, without a heading."""
    lines = [_line(["set", "condition", "model", *table.columns]), "|---|---|---|" + "---:|" * len(table.columns)]
    for section in table.sections:
        for model in Change._fields:
            cells = []
            for figure in _row(section, model, table):
                spread = format_spread(figure)
                cells.append(format_statistic(model, figure) + (f" ± {spread}" if spread else ""))
            lines.append(_line([section.protocol, section.condition, model, *cells]))
    return "\n".join(lines) + "\n\n" + "\n".join(f"- {plain(note)}" for note in explanation(table))


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(plain(cell) for cell in cells) + " |"


def plain(text: str) -> str:
    """Text that cannot break a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def changes_csv(table: ComparisonTable) -> str:
    """One figure per row, as fractions with all their digits; missing ones are empty."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for section in table.sections:
        for model in Change._fields:
            for column, figure in zip(table.columns, _row(section, model, table), strict=True):
                if figure is not None:
                    mean = "" if math.isnan(figure.mean) else figure.mean
                    place = (section.protocol, section.condition, model, column, table.metric)
                    writer.writerow([*place, mean, figure.std, figure.num])
    return text.getvalue()
