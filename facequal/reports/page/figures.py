"""The figures of all runs by protocol and condition; only what was made alike stands in one column."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from facequal.reports.notes import Notes
from facequal.reports.page.runs import Run
from facequal.reports.results import FIGURE, column_order, results_table
from facequal.reports.statistics import MODE_SIGN, Summary, aligned, summarise
from facequal.reports.study.maps import LOWER_IS_BETTER
from facequal.reports.tables import folds_in_words, metric_label, range_in_words

_HIGHER_IS_BETTER = re.compile(r"accuracy|auc|tar@far=.*|rank-\d+|top-\d+|psnr|ssim|identity similarity")

Count = tuple[tuple[int, int | None], ...]
"""Numbers of pairs, probes or images and of folds behind a figure, of all seeds."""


@dataclass
class Group:
    """One metric of runs that were tested alike.

    Attributes:
        metric, rule, unit: As in `Result`; the rule without a method's mode.
        cells: Summary by run and column.
        counts: What the figure of each column rests on.
    """

    metric: str
    rule: str
    unit: str
    cells: dict[str, dict[str, Summary]] = field(default_factory=dict)
    counts: dict[str, Count] = field(default_factory=dict)

    @property
    def num_images(self) -> int:
        """The largest number of pairs, probes or images behind a figure."""
        return max(num for count in self.counts.values() for num, _ in count)

    @property
    def label(self) -> str:
        """Metric, rule and size, such as `accuracy (grid), n = 6,000, 10 folds`."""
        numbers, folds = zip(*[pair for count in self.counts.values() for pair in count], strict=True)
        size = f"n = {range_in_words(numbers)}" if any(numbers) else ""
        return ", ".join(filter(None, [metric_label(self.metric, self.rule), size, folds_in_words(folds)]))

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
    table = aligned(results_table({run.name: {name: seed.results for name, seed in run.seeds.items()} for run in runs}))
    counts: dict[tuple[str, ...], set[tuple[int, int | None]]] = {}
    for *name, num, folds in table[["run", *FIGURE, "num", "folds"]].itertuples(index=False):
        counts.setdefault(tuple(name), set()).add((num, folds))
    tables: dict[tuple[str, str], ProtocolTable] = {}
    metrics: dict[tuple[str, ...], list[Summary]] = {}
    for figure in summarise(table):
        rule = figure.rule.partition(MODE_SIGN)[0]
        key = (figure.run, figure.protocol, figure.condition, figure.metric, rule, figure.unit)
        metrics.setdefault(key, []).append(figure)
    for (_, protocol, condition, metric, rule, unit), figures in metrics.items():
        shown = tables.setdefault((protocol, condition), ProtocolTable(protocol, condition))
        behind = {figure.column: tuple(sorted(counts[figure[:7]], key=str)) for figure in figures}
        _add(shown, Group(metric, rule, unit), figures, behind)
    tested = [run.name for run in runs if any(seed.results for seed in run.seeds.values())]
    for shown in tables.values():
        with_figures = {name for group in shown.groups for name in group.cells}
        shown.absent = [name for name in tested if name not in with_figures]
        for sentence in _mixed(shown):
            notes.add(sentence)
    return list(tables.values())


def _add(table: ProtocolTable, new: Group, figures: Sequence[Summary], counts: Mapping[str, Count]) -> None:
    """Put the figures of a run into the first group of their metric that was tested alike, or into the new one."""
    for group in table.groups:
        is_same = all(group.counts.get(column, count) == count for column, count in counts.items())
        if (group.metric, group.rule, group.unit) == (new.metric, new.rule, new.unit) and is_same:
            break
    else:
        group = new
        # Beside the others of its metric.
        ends = [end for end, other in enumerate(table.groups, start=1) if other.metric == new.metric]
        table.groups.insert(max(ends, default=len(table.groups)), group)
    group.cells[figures[0].run] = {figure.column: figure for figure in figures}
    group.counts |= counts


def _mixed(table: ProtocolTable) -> Iterator[str]:
    for metric in dict.fromkeys(group.metric for group in table.groups):
        groups = [group for group in table.groups if group.metric == metric]
        if len(groups) > 1:
            words = "; ".join(f"{group.label} in {', '.join(group.cells)}" for group in groups)
            yield f"{table.title}: runs were not tested alike and are shown apart: {words}"
