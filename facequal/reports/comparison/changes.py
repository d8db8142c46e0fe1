"""Tables of figures before and after a change, and of their signed differences: for the terminal, Markdown and CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Column, Table

from facequal.reports.markdown import bullets, markdown_table
from facequal.reports.results import write_table
from facequal.reports.statistics import Change
from facequal.reports.tables import NOT_AVAILABLE, Cell, Section, lines_of, terminal_table

_IN_CSV = ["protocol", "condition", "run", "column", "metric", "mean", "std", "num_runs"]


class NotMeasuredError(ValueError):
    """The reports lack what a table or picture is made of."""


@dataclass(frozen=True)
class ComparisonTable:
    """A table of changes.

    Attributes:
        title: What the table shows.
        columns: In the order of the table; a section may lack some.
        changes: At least one; a section for each protocol and condition among them.
        notes: What the reader must know, one sentence each.
        metric: `accuracy` or `eer`, as fractions.
    """

    title: str
    columns: Sequence[str]
    changes: Sequence[Change]
    notes: Sequence[str] = ()
    metric: str = "accuracy"

    @property
    def sections(self) -> dict[tuple[str, str], dict[str, Change]]:
        """The changes by protocol and condition, then by column."""
        sections: dict[tuple[str, str], dict[str, Change]] = {}
        for change in self.changes:
            sections.setdefault((change.before.protocol, change.before.condition), {})[change.before.column] = change
        return sections


def explanation(table: ComparisonTable) -> list[str]:
    """Return what the figures of a table are, one sentence each, and the table's own notes."""
    figure = "EER" if table.metric == "eer" else "Accuracy"
    lines = [f"{figure} in percent, deltas (after - before) in percentage points; {NOT_AVAILABLE}: not measured."]
    numbers = [figure.num_runs for change in table.changes for figure in change if figure.has_spread]
    if numbers:
        lines.append(
            f"±: sample standard deviation over {max(numbers)} seeds, that of the deltas over the differences seed by "
            "seed."
        )
    return [*lines, *table.notes]


def _cells(changes: Mapping[str, Change], model: str, columns: Sequence[str]) -> list[Cell]:
    figures = [getattr(changes[column], model) if column in changes else None for column in columns]
    return [Cell(f.mean, f.std, sign="+" if model == "delta" else "") if f else Cell() for f in figures]


def render_changes(table: ComparisonTable) -> Table:
    """Return a table for the terminal: rows before, after and delta, below each its standard deviation over seeds."""
    sections = []
    for heading, changes in table.sections.items():
        lines: list[list[str]] = []
        for model in Change._fields:
            cells = _cells(changes, model, table.columns)
            lines += lines_of(model, cells, "  ±" if any(cell.has_spread for cell in cells) else "", "")
        sections.append(Section(heading, lines))
    side = [Column("", overflow="fold", max_width=40), Column("model", no_wrap=True)]
    return terminal_table(table.title, "\n".join(explanation(table)), side, table.columns, sections)


def changes_markdown(table: ComparisonTable) -> str:
    """Return the table and its notes in Markdown, without a heading."""
    lines = [
        [*heading, model, *[cell.text for cell in _cells(changes, model, table.columns)]]
        for heading, changes in table.sections.items()
        for model in Change._fields
    ]
    text = markdown_table(["set", "condition", "model", *table.columns], lines, num_texts=3)
    return text + "\n\n" + bullets(explanation(table))


def write_changes(path: Path, table: ComparisonTable) -> Path:
    """Write one figure per row as CSV, as fractions with all their digits; missing ones are empty.

    Returns:
        `path`.
    """
    import pandas as pd

    figures = [
        getattr(changes[column], model)
        for changes in table.sections.values()
        for model in Change._fields
        for column in table.columns
        if column in changes
    ]
    names = {"run": "model", "num_runs": "num_seeds"}
    return write_table(path, pd.DataFrame(figures)[_IN_CSV].rename(columns=names))
