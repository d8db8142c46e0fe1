"""The tables of a study: a line per row, and its differences to a reference; for the terminal and as Markdown."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import rich.table

from facequal.reports.markdown import markdown_table, plain
from facequal.reports.results import column_order
from facequal.reports.study.summary import Column, RowFigure, RowResults, by_place
from facequal.reports.tables import NOT_AVAILABLE, add_section, amount, section_table


@dataclass(frozen=True)
class StudySection:
    """What one protocol and condition show of one metric.

    Attributes:
        protocol, condition, metric: As in `Result`.
        columns: The figures by the heading of their column, such as `7 px`, in the order of the table.
    """

    protocol: str
    condition: str
    metric: str
    columns: Mapping[str, Column]

    @property
    def names(self) -> list[str]:
        """Protocol, condition and metric; accuracy is not named."""
        return [self.protocol, self.condition, *([] if self.metric == "accuracy" else [self.metric])]


def study_sections(columns: Sequence[Column]) -> list[StudySection]:
    """Return the columns of a study by protocol, condition and metric, each in the order of first appearance."""
    found: dict[tuple[str, str, str], dict[str, Column]] = {}
    for column in columns:
        found.setdefault((column.protocol, column.condition, column.metric), {})[column.column] = column
    return [StudySection(*key, {heading: own[heading] for heading in column_order(own)}) for key, own in found.items()]


def render_study(
    figures: Sequence[RowFigure],
    names: Sequence[str],
    columns: Sequence[Column],
    title: str,
    reference: str | None = None,
) -> rich.table.Table:
    """Return the table for the terminal: a section per protocol, condition and metric, and a column per resolution.

    Each row of the study has a line, and below it one with its differences to the reference.

    Args:
        figures: Those of all rows.
        names: The rows in order, the base first if there is one.
        columns: The figures to show.
        title: Heading.
        reference: Name of the row that the others are compared with; None shows no differences.
    """
    found = by_place(figures)
    headings = column_order(column.column for column in columns)
    side = [rich.table.Column("set", overflow="fold"), rich.table.Column("row", overflow="fold")]
    table = section_table(title, legend(_shown_of(figures, columns), reference), side, headings, has_wide_cells=True)
    for section in study_sections(columns):
        lines = []
        for name in names:
            cells = {heading: found.get((name, column)) for heading, column in section.columns.items()}
            values = {heading: _value(cell) for heading, cell in cells.items()}
            lines.append([name, *[values.get(heading, "") for heading in headings]])
            if reference is not None and name != reference:
                deltas = {heading: _delta(cell) for heading, cell in cells.items()}
                lines.append([f"  to {reference}", *[deltas.get(heading, "") for heading in headings]])
        # procedural/other-family is long: a line for each part
        protocol = section.protocol.replace("/", "/\n").splitlines()
        add_section(table, [*protocol, *section.names[1:]], lines)
    return table


def _value(figure: RowFigure | None) -> str:
    if figure is None:
        return NOT_AVAILABLE
    text = amount(figure.mean, figure.std, figure.unit)
    return f"{text} [{figure.mode}]" if figure.mode else text


def _delta(figure: RowFigure | None) -> str:
    return NOT_AVAILABLE if figure is None else amount(figure.delta_mean, figure.delta_std, figure.unit, "+")


def _shown_of(figures: Iterable[RowFigure], columns: Sequence[Column]) -> list[RowFigure]:
    """Return the figures of these columns, which are those that a reader sees."""
    wanted = set(columns)
    return [figure for figure in figures if figure.place in wanted]


def legend(figures: Iterable[RowFigure], reference: str | None) -> str:
    """Return what the numbers are, with the number of seeds behind them."""
    numbers = [figure.num_runs for figure in figures]
    low, high = min(numbers, default=0), max(numbers, default=0)
    seeds = f"{high} seeds" if low == high else f"{low} to {high} seeds"
    if high > 1:
        text = f"Fractions in percent, mean ± sample standard deviation over {seeds}."
    else:
        text = f"Fractions in percent, of {'one seed' if high else 'no seed'}."
    if reference is None:
        return text
    return f"{text} To {reference}: differences{' paired by seed,' if high > 1 else ''} in percentage points."


def study_markdown(
    rows: Sequence[RowResults],
    figures: Sequence[RowFigure],
    columns: Sequence[Column],
    title: str,
    reference: str | None,
    facts: Mapping[str, str],
    pictures: Sequence[str] = (),
    problems: Sequence[str] = (),
) -> str:
    """Return the text of `summary.md`: the tables, one per section, the rows, pictures, and how it was made.

    Args:
        rows: All rows, the base first if there is one.
        figures: Their figures.
        columns: The figures to show.
        title: Heading.
        reference: Name of the row that the others are compared with; None shows no differences.
        facts: What else to say, such as seeds, command, versions and time; name and value.
        pictures: Files beside the text.
        problems: What failed, in words.
    """
    found = by_place(figures)
    parts = [f"# {plain(title)}", legend(_shown_of(figures, columns), reference)]
    for section in study_sections(columns):
        cells = [
            [row.name, *[_cell(found.get((row.name, column)), reference) for column in section.columns.values()]]
            for row in rows
        ]
        parts.append(f"## {plain(', '.join(section.names))}")
        parts.append(markdown_table(["row", *section.columns], cells, num_texts=1))
    parts += [f"![{plain(title)}]({name})" for name in pictures]
    parts += ["## Failed", "\n".join(f"- {plain(problem)}" for problem in problems)] if problems else []
    parts += ["## Rows", _settings(rows), "## Made by", markdown_table(["setting", "value"], list(facts.items()), 2)]
    return "\n\n".join(parts) + "\n"


def _settings(rows: Iterable[RowResults]) -> str:
    """Return the table of what each row runs."""
    lines = []
    for row in rows:
        changes = ", ".join(f"{key}: {_shown(value)}" for key, value in row.overrides.items())
        lines.append([row.name, row.config, changes, ", ".join(map(str, sorted(row.results))) or "none"])
    return markdown_table(["row", "experiment", "changes", "seeds"], lines, num_texts=4)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _cell(figure: RowFigure | None, reference: str | None) -> str:
    if figure is None or reference in (None, figure.row):
        return _value(figure)
    return f"{_value(figure)} ({_delta(figure)})"
