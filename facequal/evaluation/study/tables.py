"""The table of a study: a line per row, and its differences to the base; for the terminal and as Markdown."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from facequal.evaluation.study.summary import Column, RowFigure, RowResults, by_place
from facequal.evaluation.tables import NOT_AVAILABLE


def amount(mean: float, std: float, unit: str, sign: str = "") -> str:
    """``91.40 ± 0.52`` in percent for fractions, ``23.41 ± 0.20 dB`` for other units; no spread where it is NaN.

    Args:
        mean: Mean, or difference of means.
        std: Spread, or NaN.
        unit: Unit as in :class:`Result`.
        sign: ``"+"`` to show the sign of positive values too.
    """
    if math.isnan(mean):
        return NOT_AVAILABLE
    scale, decimals = (100, 2) if unit == "fraction" else (1, 2 if unit else 4)
    text = f"{scale * mean:{sign}z.{decimals}f}"  # z: no minus before a zero
    text += "" if math.isnan(std) else f" ± {scale * std:.{decimals}f}"
    return text if unit in ("", "fraction") else f"{text} {unit}"


def render_study(
    figures: Sequence[RowFigure], names: Sequence[str], columns: Sequence[Column], title: str, base: str | None = None
) -> Table:
    """The table for the terminal: a line per row, and below it the differences to the base.

    Args:
        figures: Those of all rows.
        names: The rows in order, the base first if there is one.
        columns: The columns in order.
        title: Heading.
        base: Name of the base; None shows no differences.
    """
    found = by_place(figures)
    varying, shared = _heading_parts(columns)
    caption = "\n".join([*([", ".join(shared)] if shared else []), legend(figures, base)])
    table = Table(
        title=Text(title), caption=Text(caption), box=box.SIMPLE, padding=(0, 1, 0, 0), caption_justify="left"
    )
    table.add_column("row", overflow="fold")
    for column in columns:
        heading = "\n".join(column[part] for part in varying).replace("/", "/\n")  # procedural/other-family is long
        table.add_column(Text(heading), justify="right", overflow="fold")
    for name in names:
        cells = [found.get((name, column)) for column in columns]
        with_delta = base is not None and name != base
        values = [amount(cell.mean, cell.std, cell.unit) if cell else NOT_AVAILABLE for cell in cells]
        table.add_row(*map(Text, [name, *values]), end_section=not with_delta)
        if with_delta:
            deltas = [amount(c.delta_mean, c.delta_std, c.unit, "+") if c else NOT_AVAILABLE for c in cells]
            table.add_row(*map(Text, [f"  to {base}", *deltas]), end_section=True)
    return table


def _heading_parts(columns: Sequence[Column]) -> tuple[list[int], list[str]]:
    """Which parts tell the columns apart, and the values of the others, which all columns share."""
    parts = [dict.fromkeys(column[number] for column in columns) for number in range(4)]
    varying = [number for number, values in enumerate(parts) if len(values) > 1 or (number == 2 and values)]
    return varying, [next(iter(values)) for number, values in enumerate(parts) if values and number not in varying]


def legend(figures: Iterable[RowFigure], base: str | None) -> str:
    """What the numbers are, with the number of seeds behind them."""
    numbers = [figure.num_runs for figure in figures]
    seeds = "no seed" if not numbers else f"{min(numbers)} to {max(numbers)} seeds"
    if numbers and min(numbers) == max(numbers):
        seeds = f"{numbers[0]} seed{'s' if numbers[0] != 1 else ''}"
    text = f"Fractions in percent, mean ± sample standard deviation over {seeds}."
    return text if base is None else f"{text} To {base}: differences paired by seed, in percentage points."


def study_markdown(
    rows: Sequence[RowResults],
    figures: Sequence[RowFigure],
    columns: Sequence[Column],
    title: str,
    base: str | None,
    facts: Mapping[str, str],
    pictures: Sequence[str] = (),
    problems: Sequence[str] = (),
) -> str:
    """The text of `summary.md`: the table, its rows, pictures, and how it was made.

    Args:
        rows: All rows, the base first if there is one.
        figures: Their figures.
        columns: The columns of the table in order.
        title: Heading.
        base: Name of the base; None shows no differences.
        facts: What else to say, such as seeds, command, versions and time; name and value.
        pictures: Files beside the text.
        problems: What failed, in words.
    """
    found = by_place(figures)
    table = [_line(["row", *map(str, columns)]), "|---|" + "---:|" * len(columns)]
    for row in rows:
        cells = [_cell(found.get((row.name, column)), row.name != base and base is not None) for column in columns]
        table.append(_line([row.name, *cells]))
    settings = [_line(["row", "experiment", "changes", "seeds"]), "|---|---|---|---|"]
    for row in rows:
        changes = ", ".join(f"{key}: {_shown(value)}" for key, value in row.overrides.items())
        settings.append(_line([row.name, row.config, changes, ", ".join(map(str, sorted(row.results))) or "none"]))
    how = [_line(["setting", "value"]), "|---|---|", *(_line([name, value]) for name, value in facts.items())]
    parts = [f"# {title}", "\n".join(table), legend(figures, base)]
    parts += [f"![{title}]({name})" for name in pictures]
    parts += ["## Failed", "\n".join(f"- {_plain(problem)}" for problem in problems)] if problems else []
    parts += ["## Rows", "\n".join(settings), "## Made by", "\n".join(how)]
    return "\n\n".join(parts) + "\n"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _cell(figure: RowFigure | None, with_delta: bool) -> str:
    if figure is None:
        return NOT_AVAILABLE
    value = amount(figure.mean, figure.std, figure.unit)
    return f"{value} ({amount(figure.delta_mean, figure.delta_std, figure.unit, '+')})" if with_delta else value


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    """Text that cannot break a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
