"""Figures over seeds: means, spreads, and differences paired by seed."""

import math
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from facequal.reports.results import FIGURE, require_unique, write_table

if TYPE_CHECKING:
    import pandas as pd

BY_SEED = "by seed"
"""The rule of figures that every seed had judged by a recogniser of its own."""
MODE_SIGN = "; mode "
"""In a rule, before the mode of a method that has several; see `aligned`."""
_JUDGED = r"identity similarity|top-\d+"
_UNRULED = ["protocol", "condition", "column", "metric", "unit"]  # what names a figure but its rule
_MODE = r"^(restored) \((\w+)\)\Z"


class Summary(NamedTuple):
    """One figure of one run over its seeds: a row of the tables of finished runs.

    Attributes:
        run: Name of the run: the row of a study, `before`, `after`, or `delta`.
        protocol, condition, column, metric, rule, unit: As in `Result`.
        mean: Mean over the seeds.
        std: Sample standard deviation over the seeds (divided by seeds - 1); NaN for one seed.
        minimum: Smallest value of a seed.
        maximum: Largest value of a seed.
        num_runs: Number of seeds behind it.
        delta_mean: Mean over the seeds of the difference to a reference with the same seed; NaN without one.
        delta_std: Sample standard deviation of these differences; NaN for fewer than two.
    """

    run: str
    protocol: str
    condition: str
    column: str
    metric: str
    rule: str
    unit: str
    mean: float
    std: float
    minimum: float
    maximum: float
    num_runs: int
    delta_mean: float = math.nan
    delta_std: float = math.nan

    @property
    def mode(self) -> str:
        """The mode of a method that has several, or nothing."""
        return self.rule.partition(MODE_SIGN)[2]

    @property
    def has_spread(self) -> bool:
        """Whether there is a standard deviation."""
        return not math.isnan(self.std)


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation, the latter NaN for fewer than two values and for infinite ones.

    >>> mean_and_std([0.25, 0.5, 0.75])
    (0.5, 0.25)
    >>> mean_and_std([0.5, math.nan])
    (nan, nan)
    >>> mean_and_std([])
    (nan, nan)
    """
    if not values:
        return math.nan, math.nan
    mean = statistics.fmean(values)
    return mean, statistics.stdev(values) if len(values) > 1 and math.isfinite(mean) else math.nan


def summary(run: str, name: Iterable[Any], values: Sequence[float], deltas: Sequence[float] = ()) -> Summary:
    """Return the summary of one figure.

    Args:
        run: Name of the run.
        name: Protocol, condition, column, metric, rule and unit of the figure.
        values: One per seed; a NaN makes mean and spread NaN.
        deltas: Differences to the reference, one per seed that both have.
    """
    low, high = min(values, default=math.nan), max(values, default=math.nan)
    spread = (*mean_and_std(values), low, high, len(values))
    return Summary(*(run, *name, *spread, *mean_and_std(deltas)))


def differences(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """Return after - before, seed by seed: what a seed does to both does not count as spread.

    >>> differences([0.5], [0.75, 1.0])
    [0.25, 0.5]

    Args:
        before: One value per seed, or a single one that is compared with all of `after`; NaN where there is none.
        after: One value per seed, or a single one likewise.

    Raises:
        ValueError: If both hold several values but not equally many, or one holds none.
    """
    num = max(len(before), len(after))
    if {len(before), len(after)} - {1, num} or not before or not after:
        raise ValueError(f"{len(before)} values before and {len(after)} after cannot be paired")
    pairs = zip([*before] * (num // len(before)), [*after] * (num // len(after)), strict=True)
    return [later - earlier for earlier, later in pairs]


class Change(NamedTuple):
    """A figure before and after, and the difference after - before, positive where the figure has grown."""

    before: Summary
    after: Summary
    delta: Summary


def change(name: tuple[str, str, str, str], before: Sequence[float], after: Sequence[float]) -> Change:
    """Compare a figure that is a fraction seed by seed; see `differences`.

    >>> before, after, delta = change(("lfw", "cross-resolution", "7 px", "accuracy"), [0.5, 0.75], [0.75, 1.0])
    >>> before.mean, after.mean, delta.mean, delta.std
    (0.625, 0.875, 0.25, 0.0)

    Args:
        name: Protocol, condition, column and metric.
        before: One value per seed, or a single one; NaN where there is none, which makes the mean NaN.
        after: One value per seed, or a single one likewise.
    """
    sides = {"before": before, "after": after, "delta": differences(before, after)}
    return Change(*[summary(side, (*name, "", "fraction"), values) for side, values in sides.items()])


def summarise(table: "pd.DataFrame", reference: str | None = None) -> list[Summary]:
    """Return mean and spread of each figure of each run, in the order in which the figures first appear.

    Seeds where a figure is missing or NaN do not count. Differences are taken over the seeds in which the run and the
    reference have the figure; other modes of a method are compared, and where each seed has a judge of its own, other
    judges.

    Args:
        table: See `results.results_table`.
        reference: Name of the run that the others are compared with; None gives no differences.

    Raises:
        ValueError: If a figure appears twice in one seed of a run.
    """
    require_unique(table)
    by_rule: dict[tuple[Any, ...], dict[str, float]] = {}
    for *figure, rule, value in table[["run", "seed", *_UNRULED, "rule", "value"]].itertuples(index=False):
        by_rule.setdefault(tuple(figure), {})[rule] = value
    seeds: dict[Any, list[Any]] = table.groupby("run")["seed"].unique().to_dict()
    summaries = []
    key: Any
    for key, values in table.groupby(["run", *FIGURE], sort=False)["value"]:
        run, name = key[0], dict(zip(FIGURE, key[1:], strict=True))
        unruled = [name[part] for part in _UNRULED]
        pairs = [
            [
                _of_rule(by_rule.get((side, seed, *unruled), {}), name["rule"], name["metric"])
                for side in (reference, run)
            ]
            for seed in (seeds[run] if reference not in (None, run) else ())
        ]
        deltas = [after - before for before, after in pairs if not math.isnan(before) and not math.isnan(after)]
        summaries.append(summary(run, name.values(), values.dropna().tolist(), deltas))
    return summaries


def _of_rule(values: Mapping[str, float], wanted: str, metric: str) -> float:
    """Return the first value whose rule is the wanted one but for the mode; NaN if there is none."""
    is_judged = re.fullmatch(_JUDGED, metric)
    wanted = wanted.partition(MODE_SIGN)[0]
    for rule, value in values.items():
        same = rule.partition(MODE_SIGN)[0]
        if same == wanted or (is_judged and BY_SEED in (same, wanted)):
            return value
    return math.nan


def aligned(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a long table in which figures that can be compared have the same name.

    - The mode of a method, as in the column `restored (refs)`, goes into the rule, so that runs in other modes compare;
      a protocol that a run shows in several modes keeps them apart.
    - Figures of a run that each seed had judged by another recogniser have one rule, "by seed".
    """
    mode = table["column"].astype(str).str.extract(_MODE)
    num_modes = mode[1].groupby([table["run"], table["seed"], table["protocol"]]).transform("nunique")
    moved = mode[1].notna() & (num_modes == 1)
    rule = table["rule"].where(~moved, table["rule"] + MODE_SIGN + mode[1])
    table = table.assign(column=table["column"].where(~moved, mode[0]), rule=rule)
    judged = table["metric"].astype(str).str.fullmatch(_JUDGED)
    num_judges = table.groupby(["run", *_UNRULED])["rule"].transform("nunique")
    modes = table["rule"].map(lambda text: "".join(text.partition(MODE_SIGN)[1:]))
    return table.assign(rule=table["rule"].where(~judged | (num_judges < 2), BY_SEED + modes))


def write_summary(path: Path, figures: Sequence[Summary]) -> Path:
    """Write the means and spreads of one run as CSV, one figure per row, floats with all their digits.

    Returns:
        `path`.
    """
    import pandas as pd

    names = [name for name in Summary._fields if name not in ("run", "delta_mean", "delta_std")]
    return write_table(path, pd.DataFrame(figures, columns=Summary._fields)[names], missing="nan")
