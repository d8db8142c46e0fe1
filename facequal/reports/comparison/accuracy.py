"""Two models side by side: accuracy at each resolution before and after a change, and the signed differences."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from facequal.degradations.suites import resolution_suite
from facequal.reports.comparison.changes import ComparisonTable, NotMeasuredError
from facequal.reports.comparison.pairing import Comparison
from facequal.reports.results import column_order
from facequal.reports.statistics import change

SEVEN_SETS = ("lfw", "cfp_ff", "cfp_fp", "agedb_30", "calfw", "cplfw", "vgg2_fp")
"""The verification files that the InsightFace training packages come with."""


def resolution_table(comparison: Comparison, condition: str, wanted: Sequence[str] | None = None) -> ComparisonTable:
    """Return accuracy averaged over test sets, at each resolution: tables 1 and 2 of the octuplet paper.

    Columns are the accuracy on clean LFW, the mean over the sets at each resolution of the suite (7, 14, 28, 56 and
    112 px), the mean of those five, and the accuracy on clean XQLFW. The paper averages seven sets; which ones it means
    is not stated in our references, and `SEVEN_SETS` are taken.

    A set counts if all reports hold it at every resolution that any of the sets is measured at, so that all columns
    rest on the same sets. The others are named in the notes.

    Args:
        comparison: The reports.
        condition: `cross-resolution` or `same-resolution`.
        wanted: Names of the sets to average; None takes the seven, or all there are if none of the seven is there.

    Raises:
        NotMeasuredError: If no set can be averaged in this condition.
        ValueError: If the reports share no set, or none of those wanted.
    """
    sets, notes = averaged_sets(comparison, wanted)
    shared = set(comparison.shared_keys())
    sizes = [f"{size_px} px" for size_px in resolution_suite(condition).sizes_px]
    lacking = {name: [size for size in sizes if (name, condition, size) not in shared] for name in sets}
    unmeasured = [size for size in sizes if all(size in lacking[name] for name in sets)]
    complete = [name for name in sets if lacking[name] == unmeasured]
    if not complete or len(unmeasured) == len(sizes):
        raise NotMeasuredError(
            f"no set is in all reports in {condition} at the same of the resolutions {', '.join(sizes)}"
        )
    incomplete = [f"{name} (no {', '.join(lacking[name])})" for name in sets if name not in complete]
    if incomplete:
        notes = [*notes, f"Left out of the mean, since not all reports hold them in full: {', '.join(incomplete)}."]
    if unmeasured:
        notes = [*notes, f"No mean over all resolutions, since there are no figures at {', '.join(unmeasured)}."]
    title = f"{len(complete)} set{'s' * (len(complete) > 1)}"
    means = {size: [size] for size in sizes} | {"mean": sizes}
    values = {
        column: [_means(comparison, side, complete, condition, averaged) for side in comparison.sides]
        for column, averaged in means.items()
    }
    columns = ["lfw", *values, "xqlfw"]
    for name in ("lfw", "xqlfw"):
        values[name], note = _clean(comparison, name, condition)
        notes = [*notes, note]
    changes = [change((title, condition, column, "accuracy"), *sides) for column, sides in values.items()]
    images = "the second image" if resolution_suite(condition).degraded == "second" else "both images"
    return ComparisonTable(f"Accuracy with {images} of each pair degraded", columns, changes, notes)


def averaged_sets(comparison: Comparison, wanted: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Return the sets of a mean, and the sentences that name them and those that are missing.

    Raises:
        ValueError: If the reports share no set, or none of those wanted; names what each holds.
    """
    shared = shared_sets(comparison, wanted)
    asked = list(dict.fromkeys(wanted or SEVEN_SETS))
    averaged = [name for name in asked if name in shared]
    if not averaged:
        return shared, [
            f"None of {', '.join(SEVEN_SETS)} is in all reports: mean of all {len(shared)} sets that are: "
            f"{', '.join(shared)}."
        ]
    missing = [name for name in asked if name not in averaged]
    return averaged, [
        f"Mean of {len(averaged)} of {len(asked)} sets: {', '.join(averaged)}"
        + (f"; not in both reports: {', '.join(missing)}." if missing else ".")
    ]


def shared_sets(comparison: Comparison, wanted: Sequence[str] | None = None) -> list[str]:
    """Return the sets that all reports hold, those of `wanted` if there is any.

    Raises:
        ValueError: If there is none; names what each report holds.
    """
    shared = comparison.protocols()
    chosen = [name for name in dict.fromkeys(wanted) if name in shared] if wanted else shared
    if not chosen:
        held: dict[tuple[str, ...], Path] = {}  # seeds mostly hold the same sets: one path of each kind says enough
        for report in (*comparison.before, *comparison.after):
            held.setdefault(tuple(dict.fromkeys(one.protocol for one in report.results)), report.path)
        which = f"none of {', '.join(wanted)}" if wanted else "no test set"
        words = "; ".join(f"{path} holds {', '.join(names)}" for names, path in held.items())
        raise ValueError(f"{which} is in all reports: {words}")
    return chosen


def set_table(
    comparison: Comparison, protocols: Sequence[str], title: str, metric: str = "accuracy"
) -> ComparisonTable:
    """Return one metric of sets, in each condition and at each resolution that any report holds.

    Table 3 of the octuplet paper is that of LFW.

    Raises:
        NotMeasuredError: If no report holds the metric of these sets.
    """
    table = comparison.table[comparison.table["protocol"].isin(list(protocols))]
    keys = table[["protocol", "condition", "column"]].drop_duplicates().values.tolist()
    if not keys:
        raise NotMeasuredError(f"no report holds {', '.join(protocols)}")
    changes = [
        comparison.change((protocol, condition, column), metric)
        for name in protocols
        for protocol, condition, column in keys
        if protocol == name
    ]
    return ComparisonTable(title, column_order(table["column"]), changes, metric=metric)


def _means(comparison: Comparison, side: str, sets: Sequence[str], condition: str, sizes: Sequence[str]) -> list[float]:
    """Return the mean accuracy over sets and sizes of each report of a side."""
    values = [comparison.values(side, (name, condition, size)) for name in sets for size in sizes]
    return [statistics.fmean(report) for report in zip(*values, strict=True)]


def _clean(comparison: Comparison, protocol: str, condition: str) -> tuple[list[list[float]], str]:
    """Return the accuracies of both sides on undegraded images, which are the largest, and a sentence on their size."""
    table = comparison.table
    columns = column_order(table.loc[(table["protocol"] == protocol) & (table["condition"] == condition), "column"])
    columns = [column for column in columns if column.endswith(" px")]
    if not columns:
        return [[math.nan], [math.nan]], f"{protocol}: in no report."
    values = [comparison.values(side, (protocol, condition, columns[-1])) for side in comparison.sides]
    return values, f"{protocol}: at {columns[-1]}, clean."
