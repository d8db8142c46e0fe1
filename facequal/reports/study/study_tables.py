"""The tables of a study: a line per row, and its differences to a reference; for the terminal and as Markdown."""

import json
from collections.abc import Iterable, Mapping, Sequence

import rich.table

from facequal.reports.markdown import bullets, markdown_table, plain
from facequal.reports.results import column_order
from facequal.reports.statistics import Summary
from facequal.reports.study.summary import Column, RowResults, by_row_and_column, column_of, study_sections
from facequal.reports.tables import Cell, Section, cell_of, range_in_words, terminal_table


def render_study(
    figures: Sequence[Summary],
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
    measured = by_row_and_column(figures)
    headings = column_order(column.column for column in columns)
    sections = []
    for (protocol, *others), shown in study_sections(columns).items():
        lines = []
        for name in names:
            cells = {heading: measured.get((name, column)) for heading, column in shown.items()}
            values = {heading: cell_of(figure).text for heading, figure in cells.items()}
            lines.append([name, *[values.get(heading, "") for heading in headings]])
            if reference is not None and name != reference:
                deltas = {heading: delta_cell(figure).text for heading, figure in cells.items()}
                lines.append([f"  to {reference}", *[deltas.get(heading, "") for heading in headings]])
        # procedural/other-family is long: a line for each part
        sections.append(Section([*protocol.replace("/", "/\n").splitlines(), *others], lines))
    side = [rich.table.Column("set", overflow="fold"), rich.table.Column("row", overflow="fold")]
    words = legend([figure for figure in figures if column_of(figure) in columns], reference)
    return terminal_table(title, words, side, headings, sections, has_wide_cells=True)


def delta_cell(figure: Summary | None) -> Cell:
    """Return the difference of a figure to the reference, and its spread."""
    return Cell() if figure is None else Cell(figure.delta_mean, figure.delta_std, figure.unit, "+")


def legend(figures: Iterable[Summary], reference: str | None) -> str:
    """Return what the numbers are, with the number of seeds behind them."""
    numbers = [figure.num_runs for figure in figures]
    high = max(numbers, default=0)
    if high > 1:
        text = f"Fractions in percent, mean ± sample standard deviation over {range_in_words(numbers)} seeds."
    else:
        text = f"Fractions in percent, of {'one seed' if high else 'no seed'}."
    if reference is None:
        return text
    return f"{text} To {reference}: differences{' paired by seed,' if high > 1 else ''} in percentage points."


def study_markdown(
    rows: Sequence[RowResults],
    figures: Sequence[Summary],
    columns: Sequence[Column],
    title: str,
    reference: str | None,
    facts: Mapping[str, str],
    pictures: Sequence[str] = (),
    problems: Sequence[str] = (),
    note: str = "",
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
        note: A sentence above the tables, such as which columns have no figures.
    """
    measured = by_row_and_column(figures)
    parts = [f"# {plain(title)}", legend([figure for figure in figures if column_of(figure) in columns], reference)]
    parts += [f"Note: {plain(note)}."] if note else []
    for heading, shown in study_sections(columns).items():
        lines = [
            [row.name, *[_cell(measured.get((row.name, column)), reference) for column in shown.values()]]
            for row in rows
        ]
        parts.append(f"## {plain(', '.join(heading))}")
        parts.append(markdown_table(["row", *shown], lines, num_texts=1))
    parts += [f"![{plain(title)}]({name})" for name in pictures]
    parts += ["## Failed", bullets(problems)] if problems else []
    parts += ["## Rows", _settings(rows), "## Made by", markdown_table(["setting", "value"], list(facts.items()), 2)]
    return "\n\n".join(parts) + "\n"


def _settings(rows: Iterable[RowResults]) -> str:
    """Return the table of what each row runs."""
    lines = []
    for row in rows:
        values = {key: v if isinstance(v, str) else json.dumps(v) for key, v in row.overrides.items()}
        changes = ", ".join(f"{key}: {value}" for key, value in values.items())
        lines.append([row.name, row.config, changes, ", ".join(map(str, sorted(row.results))) or "none"])
    return markdown_table(["row", "experiment", "changes", "seeds"], lines, num_texts=4)


def _cell(figure: Summary | None, reference: str | None) -> str:
    text = cell_of(figure).text
    return text if figure is None or reference in (None, figure.run) else f"{text} ({delta_cell(figure).text})"
