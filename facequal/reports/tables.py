"""Results as tables: one row per protocol, condition and metric, one column per resolution."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from facequal.reports.results import Result, Summary, column_order

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


@dataclass
class Row:
    """One metric of a section; `cells` holds the result of each column that has one."""

    metric: str
    rule: str
    cells: dict[str, Result] = field(default_factory=dict)


@dataclass
class Section:
    """The rows of one protocol and condition."""

    protocol: str
    condition: str
    rows: list[Row] = field(default_factory=list)

    def size(self) -> str:
        """Return the number of pairs, probes or images, e.g. `n = 6,000`.

        A range if the figures rest on different numbers.
        """
        numbers = [result.num for row in self.rows for result in row.cells.values()]
        return f"n = {_range(numbers)}" if any(numbers) else ""


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def sections(results: Iterable[Result]) -> list[Section]:
    """Return results by protocol and condition, then by metric, rule and unit, each in the order of first appearance.

    Raises:
        ValueError: If a figure appears twice.
    """
    found: dict[tuple[str, str], Section] = {}
    rows: dict[tuple[str, ...], Row] = {}
    for result in results:
        section = found.setdefault((result.protocol, result.condition), Section(result.protocol, result.condition))
        key = (result.protocol, result.condition, result.metric, result.rule, result.unit)
        if key not in rows:
            rows[key] = Row(result.metric, result.rule)
            section.rows.append(rows[key])
        if result.column in rows[key].cells:
            raise ValueError(f"this figure appears twice: {', '.join(filter(None, (*key, result.column)))}")
        rows[key].cells[result.column] = result
    return list(found.values())


def format_value(value: float | None, unit: str, sign: str = "") -> str:
    """Return percent with two decimals for fractions, `23.41 dB` for other units, four decimals without a unit, or `n/a`.

    Args:
        value: The figure; None or NaN if there is none.
        unit: As in `Result`.
        sign: `"+"` to show the sign of positive values too, as of differences.
    """
    return amount(value, None, unit, sign)


def amount(mean: float | None, std: float | None, unit: str, sign: str = "") -> str:
    """Return `91.40 ± 0.52` in percent for fractions, `23.41 ± 0.20 dB` for other units; a value without its spread if none.

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


def metric_label(metric: str, rule: str) -> str:
    """Return `accuracy (grid)`; the rule `at_most` is left out, as it is what TAR at FAR means if nothing is said."""
    return f"{metric} ({rule})" if rule and rule != "at_most" else metric


def rules_in_words(results: Iterable[Result]) -> list[str]:
    """Return what the rules that appear in `results` mean, one sentence or two each."""
    return [RULES[rule] for rule in dict.fromkeys(result.rule for result in results) if rule in RULES]


def render_table(results: Sequence[Result], title: str = "Results") -> Table:
    """Return results as a table for the terminal, with the rules in words below it.

    Fractions are in percent. Where a figure has a standard deviation over folds, the next row holds it. Intervals are
    in the Markdown report and the CSV file only: five columns of them do not fit into a terminal.

    Raises:
        ValueError: If a figure appears twice.
    """
    columns = column_order(result.column for result in results)
    words = rules_in_words(results)
    caption = "\n".join(["Fractions in percent.", *words]) if results else "No results."
    table = section_table(title, caption, _side(), columns)
    for section in sections(results):
        rows = [line for row in section.rows for line in _lines(row, columns)]
        add_section(table, [section.protocol, section.condition, section.size()], rows)
    return table


def _lines(row: Row, columns: Sequence[str]) -> list[list[str]]:
    """Return the values of a row, and below them their standard deviations if there are any."""
    cells = [row.cells.get(column) for column in columns]
    values = [format_value(cell.value, cell.unit) if cell else NOT_AVAILABLE for cell in cells]
    lines = [[metric_label(row.metric, row.rule), *values]]
    if any(cell and cell.std is not None for cell in cells):
        spreads = [format_value(cell.std, cell.unit) if cell else NOT_AVAILABLE for cell in cells]
        folds = sorted({cell.folds for cell in cells if cell and cell.folds})
        lines.append([f"  ± {' or '.join(map(str, folds))} folds" if folds else "  ± folds", *spreads])
    return lines


def render_summary(summaries: Sequence[Summary], title: str = "Results over seeds") -> Table:
    """Return mean of each figure over the runs, and below it the sample standard deviation and the number of runs."""
    columns = column_order(summary.column for summary in summaries)
    caption = "Fractions in percent; ± sample standard deviation over that many runs." if summaries else "No results."
    table = section_table(title, caption, _side(), columns)
    groups: dict[tuple[str, str], dict[tuple[str, str, str], dict[str, Summary]]] = {}
    for s in summaries:
        metrics = groups.setdefault((s.protocol, s.condition), {})
        metrics.setdefault((s.metric, s.rule, s.unit), {})[s.column] = s
    for (protocol, condition), metrics in groups.items():
        rows = []
        for (metric, rule, unit), cells in metrics.items():
            found = [cells.get(column) for column in columns]
            runs = _range([cell.num_runs for cell in cells.values()])
            rows.append(
                [metric_label(metric, rule), *[format_value(cell.mean if cell else None, unit) for cell in found]]
            )
            rows.append([f"  ± over {runs}", *[format_value(cell.std if cell else None, unit) for cell in found]])
        add_section(table, [protocol, condition], rows)
    return table


def _side() -> list[Column]:
    return [Column("protocol", overflow="fold", min_width=8), Column("metric", no_wrap=True)]


def section_table(
    title: str, caption: str, side: Sequence[Column], columns: Sequence[str], has_wide_cells: bool = False
) -> Table:
    """Return an empty table for `add_section`.

    Args:
        title: What stands above it.
        caption: What stands below it, in lines.
        side: The columns on the left, which hold text.
        columns: The headings of the figures.
        has_wide_cells: Whether figures may be broken between words where the table is too wide.
    """
    # Narrow padding: five resolutions fit into a terminal of 80 characters.
    table = Table(
        *side,
        title=Text(title),
        caption=Text(caption),
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
        caption_justify="left",
    )
    for column in columns:
        table.add_column(Text(column), justify="right", no_wrap=not has_wide_cells, overflow="fold")
    return table


def add_section(table: Table, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Add `rows` with the lines of `heading` beside them; names may hold brackets, so nothing is taken as markup."""
    height = max(len(heading), len(rows))
    for number in range(height):
        side = heading[number] if number < len(heading) else ""
        cells = rows[number] if number < len(rows) else []
        table.add_row(*[Text(cell) for cell in (side, *cells)], end_section=number == height - 1)


def print_table(table: Table) -> None:
    """Print a table with the same width everywhere: in a narrow terminal it would lose columns, in a pipe too."""
    Console(width=MAX_WIDTH).print(table)
