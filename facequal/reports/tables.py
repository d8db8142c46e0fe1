"""Figures as tables of text: cells, lines and sections, drawn for the terminal here and as Markdown in `markdown`."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeVar

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from facequal.reports.results import Result, column_order
from facequal.reports.statistics import Summary

NOT_AVAILABLE = "n/a"
MAX_WIDTH = 130
"""Width in characters of tables that are printed for all terminals alike."""

RULES = {
    "grid": "Accuracy by the grid rule: the threshold of each fold is the first of 0, 0.01, ..., 3.99 on the squared "
    "distance of unit embeddings that is best on the other folds; a pair is the same if its distance is below it. "
    "Published figures are made this way.",
    "exact": "Accuracy by the exact rule: the threshold of each fold is the lowest of the best midpoints between the "
    "squared distances of the other folds; a pair is the same if its distance is below it.",
    "at_most": "TAR at FAR: as many pairs as possible are accepted with FAR <= target; pairs with "
    "equal scores are accepted all or none.",
    "nearest": "TAR at FAR by the nearest rule: TAR at the point of the ROC curve with the FAR nearest to the target, "
    "which can exceed it. Published IJB figures are made this way.",
    "rgb": "PSNR and SSIM are those of the RGB values of whole pictures, clamped and rounded to 8 bit; means over "
    "pictures. SSIM has a Gaussian window of 11x11 with sigma 1.5.",
    "y": "PSNR and SSIM are those of the luma Y of BT.601 (16 to 235) of whole pictures, clamped and rounded to 8 bit; "
    "means over pictures. SSIM has a Gaussian window of 11x11 with sigma 1.5.",
}


class Cell(NamedTuple):
    """One figure as a table shows it.

    Attributes:
        mean: Value, mean, or difference of means; None or NaN is shown as `n/a`.
        std: Spread; None or NaN if there is none.
        unit: As in `Result`.
        sign: `"+"` to show the sign of positive values too, as of differences.
        note: What stands behind it in brackets, such as the mode of a method.
    """

    mean: float | None = None
    std: float | None = None
    unit: str = "fraction"
    sign: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """All of it in one line, such as `91.40 ± 0.52 [refs]`."""
        return amount(*self[:4]) + (f" [{self.note}]" if self.note else "")

    @property
    def has_spread(self) -> bool:
        """Whether there is a spread."""
        return self.std is not None and not math.isnan(self.std)


def cell_of(figure: Result | Summary | None) -> Cell:
    """Return a figure with its spread, and with the mode of a method that has several; an empty cell without one."""
    if figure is None:
        return Cell()
    if isinstance(figure, Summary):
        return Cell(figure.mean, figure.std, figure.unit, note=figure.mode)
    return Cell(figure.value, figure.std, figure.unit)


class Section(NamedTuple):
    """Lines of a table that belong together.

    Attributes:
        heading: What they share: protocol, condition, number of images.
        lines: The texts of each line: its name, and one for each column of the table.
    """

    heading: Sequence[str]
    lines: Sequence[Sequence[str]]


Measured = TypeVar("Measured", bound=Result | Summary)
Rows = Mapping[tuple[str, str, str], Mapping[str, Measured]]
"""Figures by metric, rule and unit, then by column."""


def by_section(figures: Iterable[Measured]) -> dict[tuple[str, str], Rows[Measured]]:
    """Return figures by protocol and condition, then by metric, rule and unit, then by column, each as they first come.

    Raises:
        ValueError: If a figure appears twice.
    """
    sections: dict[tuple[str, str], dict[tuple[str, str, str], dict[str, Measured]]] = {}
    for figure in figures:
        rows = sections.setdefault((figure.protocol, figure.condition), {})
        cells = rows.setdefault((figure.metric, figure.rule, figure.unit), {})
        if figure.column in cells:
            name = (figure.protocol, figure.condition, figure.metric, figure.rule, figure.unit, figure.column)
            raise ValueError(f"this figure appears twice: {', '.join(filter(None, name))}")
        cells[figure.column] = figure
    return dict(sections)


def size_in_words(figures: Iterable[Result]) -> str:
    """Return the number of pairs, probes or images, e.g. `n = 6,000`, or a range; nothing if there is none."""
    numbers = [figure.num for figure in figures]
    return f"n = {range_in_words(numbers)}" if any(numbers) else ""


def format_value(value: float | None, unit: str) -> str:
    """Return percent for fractions, `23.41 dB` for other units, four decimals without a unit, or `n/a`.

    >>> format_value(0.914, "fraction"), format_value(23.414, "dB"), format_value(0.5, ""), format_value(None, "dB")
    ('91.40', '23.41 dB', '0.5000', 'n/a')

    Args:
        value: The figure; None or NaN if there is none.
        unit: As in `Result`.
    """
    return amount(value, None, unit)


def amount(mean: float | None, std: float | None, unit: str, sign: str = "") -> str:
    """Return a figure and its spread, in percent for fractions; a figure without its spread if there is none.

    >>> amount(0.914, 0.0052, "fraction"), amount(0.05, None, "fraction", "+"), amount(23.414, 0.2, "dB")
    ('91.40 ± 0.52', '+5.00', '23.41 ± 0.20 dB')

    Args:
        mean: Mean, or difference of means; None or NaN gives `n/a`.
        std: Spread; None or NaN if there is none.
        unit: As in `Result`.
        sign: `"+"` to show the sign of positive values too, as of differences.
    """
    if mean is None or math.isnan(mean):
        return NOT_AVAILABLE
    scale, decimals = (100, 2) if unit == "fraction" else (1, 2 if unit == "dB" else 4)
    text = f"{scale * mean:{sign}z.{decimals}f}"  # z: no minus before a zero
    text += "" if std is None or math.isnan(std) else f" ± {scale * std:.{decimals}f}"
    return text if unit in ("", "fraction") else f"{text} {unit}"


def known(entry: object) -> str:
    """Return what is known of a run as text, or `n/a`.

    >>> known(0), known("")
    ('0', 'n/a')
    """
    return NOT_AVAILABLE if entry in (None, "") else str(entry)


def range_in_words(numbers: Collection[int]) -> str:
    """Return a number, or the smallest and the largest of several; 0 without one.

    >>> range_in_words([6000, 6000]), range_in_words([7000, 500, 6000])
    ('6,000', '500 to 7,000')
    """
    low, high = min(numbers, default=0), max(numbers, default=0)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def folds_in_words(folds: Iterable[int | None]) -> str:
    """Return the numbers of folds there are; nothing without one.

    >>> folds_in_words([10, None, 5, 10])
    '5 or 10 folds'
    """
    numbers = sorted({number for number in folds if number})
    return f"{' or '.join(map(str, numbers))} folds" if numbers else ""


def metric_label(metric: str, rule: str) -> str:
    """Return metric and rule; the rule `at_most` is left out, as it is what TAR at FAR means if nothing is said.

    >>> metric_label("accuracy", "grid"), metric_label("tar@far=1e-3", "at_most")
    ('accuracy (grid)', 'tar@far=1e-3')
    """
    return f"{metric} ({rule})" if rule and rule != "at_most" else metric


def rules_in_words(results: Iterable[Result]) -> list[str]:
    """Return what the rules that appear in `results` mean, one sentence or two each."""
    return [RULES[rule] for rule in dict.fromkeys(result.rule for result in results) if rule in RULES]


def lines_of(
    name: str, cells: Sequence[Cell], spread: str = "", without_spread: str = NOT_AVAILABLE
) -> list[list[str]]:
    """Return a line of means, and below it one of the spreads, which is narrower than both in one.

    Args:
        name: Of the line.
        cells: One per column of the table.
        spread: Name of the line of spreads; an empty one leaves it out.
        without_spread: What stands for a spread that there is not.
    """
    lines = [[name, *[amount(cell.mean, None, cell.unit, cell.sign) for cell in cells]]]
    if spread:
        spreads = [format_value(cell.std, cell.unit) if cell.has_spread else without_spread for cell in cells]
        lines.append([spread, *spreads])
    return lines


def render_table(results: Sequence[Result], title: str = "Results") -> Table:
    """Return results as a table for the terminal, with the rules in words below it.

    Fractions are in percent. Where a figure has a standard deviation over folds, the next row holds it. Intervals are
    in the Markdown report and the CSV file only: five columns of them do not fit into a terminal.

    Raises:
        ValueError: If a figure appears twice.
    """

    def spread(cells: Sequence[Result]) -> str:
        if all(cell.std is None for cell in cells):
            return ""
        return f"  ± {folds_in_words(cell.folds for cell in cells) or 'folds'}"

    caption = "\n".join(["Fractions in percent.", *rules_in_words(results)]) if results else "No results."
    return _by_metric(results, title, caption, spread, size_in_words)


def render_summary(figures: Sequence[Summary], title: str = "Results over seeds") -> Table:
    """Return mean of each figure over the runs, and below it the sample standard deviation and the number of runs."""
    caption = "Fractions in percent; ± sample standard deviation over that many runs." if figures else "No results."

    def spread(cells: Sequence[Summary]) -> str:
        return f"  ± over {range_in_words([cell.num_runs for cell in cells])}"

    return _by_metric(figures, title, caption, spread)


def _by_metric(
    figures: Sequence[Measured],
    title: str,
    caption: str,
    spread: Callable[[Sequence[Measured]], str],
    size: Callable[[Sequence[Measured]], str] | None = None,
) -> Table:
    columns = column_order(figure.column for figure in figures)
    sections = []
    for heading, rows in by_section(figures).items():
        lines: list[list[str]] = []
        for (metric, rule, _), measured in rows.items():
            cells = [cell_of(measured.get(column)) for column in columns]
            lines += lines_of(metric_label(metric, rule), cells, spread(list(measured.values())))
        shared = [] if size is None else [size([one for cells_of in rows.values() for one in cells_of.values()])]
        sections.append(Section([*heading, *shared], lines))
    side = [Column("protocol", overflow="fold", min_width=8), Column("metric", no_wrap=True)]
    return terminal_table(title, caption, side, columns, sections)


def terminal_table(
    title: str,
    caption: str,
    side: Sequence[Column],
    columns: Sequence[str],
    sections: Iterable[Section],
    has_wide_cells: bool = False,
) -> Table:
    """Return a table for the terminal; names may hold brackets, so nothing is taken as markup.

    Args:
        title: What stands above it.
        caption: What stands below it, in lines.
        side: The two columns on the left, for headings and for names of lines.
        columns: The headings of the figures.
        sections: The lines, with the lines of their heading beside them.
        has_wide_cells: Whether figures may be broken between words where the table is too wide.
    """
    # Narrow padding: five resolutions fit into a terminal of 80 characters.
    table = Table(
        *side, title=Text(title), caption=Text(caption), box=box.SIMPLE, padding=(0, 1, 0, 0), caption_justify="left"
    )
    for column in columns:
        table.add_column(Text(column), justify="right", no_wrap=not has_wide_cells, overflow="fold")
    for heading, lines in sections:
        for beside, cells in zip_longest(heading, lines):
            table.add_row(Text(beside or ""), *map(Text, cells or ()))
        table.add_section()
    return table


def print_table(table: Table) -> None:
    """Print a table with the same width everywhere: in a narrow terminal it would lose columns, in a pipe too."""
    Console(width=MAX_WIDTH).print(table)
