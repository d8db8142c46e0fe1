"""The figures of all runs by protocol and condition; only what was made alike stands in one column."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from facequal.reports.notes import Notes
from facequal.reports.page.runs import Run
from facequal.reports.results import Result, column_order
from facequal.reports.study.maps import LOWER_IS_BETTER
from facequal.reports.study.summary import MODE_SIGN, RowFigure, RowResults, figures_of, one_rule, without_modes
from facequal.reports.tables import metric_label

_HIGHER_IS_BETTER = re.compile(r"accuracy|auc|tar@far=.*|rank-\d+|top-\d+|psnr|ssim|identity similarity")

Count = tuple[tuple[int, int | None], ...]
"""Numbers of pairs, probes or images and of folds behind a figure, of all seeds."""


@dataclass
class Group:
    """One metric of runs that were tested alike.

    Attributes:
        metric, rule, unit: As in `Result`; the rule without a method's mode.
        cells: Figure by run and column.
        counts: What the figure of each column rests on.
    """

    metric: str
    rule: str
    unit: str
    cells: dict[str, dict[str, RowFigure]] = field(default_factory=dict)
    counts: dict[str, Count] = field(default_factory=dict)

    @property
    def num_images(self) -> int:
        """The largest number of pairs, probes or images behind a figure."""
        return max(num for count in self.counts.values() for num, _ in count)

    @property
    def label(self) -> str:
        """Metric, rule and size, such as `accuracy (grid), n = 6,000, 10 folds`."""
        low, high = min(num for count in self.counts.values() for num, _ in count), self.num_images
        size = "" if not high else f", n = {low:,}" if low == high else f", n = {low:,} to {high:,}"
        folds = sorted({folds for count in self.counts.values() for _, folds in count if folds})
        words = f", {' or '.join(map(str, folds))} folds" if folds else ""
        return metric_label(self.metric, self.rule) + size + words

    def best(self, column: str) -> float | None:
        """Return the best mean of a column; None without a direction, a second run, or a difference."""
        means = [cells[column].mean for cells in self.cells.values() if column in cells]
        known = sorted(mean for mean in means if mean == mean)
        if len(known) < 2 or known[0] == known[-1]:
            return None
        if self.metric in LOWER_IS_BETTER:
            return known[0]
        return known[-1] if _HIGHER_IS_BETTER.fullmatch(self.metric) else None


@dataclass
class ProtocolTable:
    """What one protocol and condition show of all runs.

    Attributes:
        protocol, condition: As in `Result`.
        groups: One per metric, or several where runs were not tested alike.
        absent: Runs with figures, but none of these.
    """

    protocol: str
    condition: str
    groups: list[Group] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Protocol and condition."""
        return f"{self.protocol}, {self.condition}"

    @property
    def columns(self) -> list[str]:
        """Columns of all groups, in their order."""
        return column_order(column for group in self.groups for cells in group.cells.values() for column in cells)


def protocol_tables(runs: Sequence[Run], notes: Notes) -> list[ProtocolTable]:
    """Return the figures of all runs, means over their seeds; what was not tested alike is kept apart and noted."""
    tables: dict[tuple[str, str], ProtocolTable] = {}
    for run in runs:
        for (protocol, condition), metrics in _by_table(run).items():
            table = tables.setdefault((protocol, condition), ProtocolTable(protocol, condition))
            for key, cells in metrics.items():
                _place(table, key, run.name, cells)
    tested = [run.name for run in runs if any(seed.results for seed in run.seeds.values())]
    for table in tables.values():
        there = {name for group in table.groups for name in group.cells}
        table.absent = [name for name in tested if name not in there]
        for sentence in _mixed(table):
            notes.add(sentence)
    return list(tables.values())


_Cells = dict[str, tuple[RowFigure, Count]]


def _by_table(run: Run) -> dict[tuple[str, str], dict[tuple[str, str, str], _Cells]]:
    """Return figures and counts of a run by protocol and condition, then by metric, rule and unit, then by column."""
    results = {number: seed.results for number, seed in enumerate(run.seeds.values()) if seed.results}
    counts = _counts(results)
    found: dict[tuple[str, str], dict[tuple[str, str, str], _Cells]] = {}
    for figure in figures_of(RowResults(run.name, results, "", {})):
        metric = (figure.metric, figure.rule.partition(MODE_SIGN)[0], figure.unit)
        cells = found.setdefault((figure.protocol, figure.condition), {}).setdefault(metric, {})
        cells[figure.column] = (figure, counts[(*figure.place, figure.rule)])
    return found


def _counts(results: Mapping[int, Sequence[Result]]) -> dict[tuple[str, ...], Count]:
    """Return what each figure rests on, by place and rule, as `figures_of` names them."""
    found: dict[tuple[str, ...], set[tuple[int, int | None]]] = {}
    for own in one_rule({seed: without_modes(every) for seed, every in results.items()}).values():
        for r in own:
            key = (r.protocol, r.condition, r.column, r.metric, r.rule)
            found.setdefault(key, set()).add((r.num, r.folds))
    return {key: tuple(sorted(values, key=str)) for key, values in found.items()}


def _place(table: ProtocolTable, key: tuple[str, str, str], run: str, cells: _Cells) -> None:
    """Put a run into the first group of its metric that was tested alike, or into one of its own."""
    counts = {column: count for column, (_, count) in cells.items()}
    for group in table.groups:
        is_same = all(group.counts.get(column, count) == count for column, count in counts.items())
        if (group.metric, group.rule, group.unit) == key and is_same:
            break
    else:
        group = Group(*key)
        # Beside the others of its metric.
        places = [place for place, other in enumerate(table.groups, start=1) if other.metric == key[0]]
        table.groups.insert(places[-1] if places else len(table.groups), group)
    group.cells[run] = {column: figure for column, (figure, _) in cells.items()}
    group.counts |= counts


def _mixed(table: ProtocolTable) -> Iterator[str]:
    for metric in dict.fromkeys(group.metric for group in table.groups):
        groups = [group for group in table.groups if group.metric == metric]
        if len(groups) > 1:
            words = "; ".join(f"{group.label} in {', '.join(group.cells)}" for group in groups)
            yield f"{table.title}: runs were not tested alike and are shown apart: {words}"
