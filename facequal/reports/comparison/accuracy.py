"""Two models side by side: accuracy at each resolution before and after a change, and the signed differences."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from facequal.degradations.suites import resolution_suite
from facequal.reports.comparison.changes import ComparisonTable, NotMeasuredError, Section
from facequal.reports.comparison.reading import Comparison, Place, Report
from facequal.reports.results import column_order
from facequal.reports.seeds import Change, change

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
    places = set(comparison.places())
    sizes = [f"{size_px} px" for size_px in resolution_suite(condition).sizes_px]
    lacking = {name: [size for size in sizes if (name, condition, size) not in places] for name in sets}
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
    before, after = (
        {size: [_mean(report, complete, condition, [size]) for report in side] for size in sizes}
        | {"mean": [_mean(report, complete, condition, sizes) for report in side]}
        for side in (comparison.before, comparison.after)
    )
    cells = {column: change(before[column], after[column]) for column in before}
    columns = ["lfw", *cells, "xqlfw"]
    for name in ("lfw", "xqlfw"):
        cells[name], note = _clean(comparison, name, condition)
        notes = [*notes, note]
    images = "the second image" if resolution_suite(condition).degraded == "second" else "both images"
    title = f"Accuracy with {images} of each pair degraded"
    section = Section(f"{len(complete)} set{'s' * (len(complete) > 1)}", condition, cells)
    return ComparisonTable(title, columns, [section], notes)


def averaged_sets(comparison: Comparison, wanted: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Return the sets of a mean, and the sentences that name them and those that are missing.

    Raises:
        ValueError: If the reports share no set, or none of those wanted; names what each holds.
    """
    shared = shared_sets(comparison, wanted)
    given = list(dict.fromkeys(wanted or SEVEN_SETS))
    found = [name for name in given if name in shared]
    if not found:
        return shared, [
            f"None of {', '.join(SEVEN_SETS)} is in all reports: mean of all {len(shared)} sets that are: "
            f"{', '.join(shared)}."
        ]
    missing = [name for name in given if name not in found]
    return found, [
        f"Mean of {len(found)} of {len(given)} sets: {', '.join(found)}"
        + (f"; not in both reports: {', '.join(missing)}." if missing else ".")
    ]


def shared_sets(comparison: Comparison, wanted: Sequence[str] | None = None) -> list[str]:
    """Return the sets that all reports hold, those of `wanted` if it is given.

    Raises:
        ValueError: If there is none; names what each report holds.
    """
    shared = comparison.protocols()
    chosen = [name for name in dict.fromkeys(wanted) if name in shared] if wanted else shared
    if not chosen:
        held: dict[tuple[str, ...], Path] = {}  # seeds mostly hold the same sets: one path of each kind says enough
        for report in (*comparison.before, *comparison.after):
            held.setdefault(tuple(dict.fromkeys(protocol for protocol, *_ in report.figures)), report.path)
        which = f"none of {', '.join(wanted)}" if wanted else "no test set"
        words = "; ".join(f"{path} holds {', '.join(names)}" for names, path in held.items())
        raise ValueError(f"{which} is in all reports: {words}")
    return chosen


def set_table(
    comparison: Comparison, protocols: Sequence[str], title: str, metric: str = "accuracy"
) -> ComparisonTable:
    """Return one metric of sets, in each condition and at each resolution that any report holds: table 3 is that of LFW.

    Raises:
        NotMeasuredError: If no report holds the metric of these sets.
    """
    figures = [key[:3] for report in (*comparison.before, *comparison.after) for key in report.figures]
    places = [place for place in dict.fromkeys(figures) if place[0] in protocols]
    columns = column_order(column for *_, column in places)
    sections = []
    for protocol in protocols:
        for condition in dict.fromkeys(condition for name, condition, _ in places if name == protocol):
            own = [column for column in columns if (protocol, condition, column) in places]
            cells = {column: change_at(comparison, (protocol, condition, column), metric) for column in own}
            sections.append(Section(protocol, condition, cells))
    if not sections:
        raise NotMeasuredError(f"no report holds {', '.join(protocols)}")
    return ComparisonTable(title, columns, sections, metric=metric)


def change_at(comparison: Comparison, place: Place, metric: str) -> Change:
    """Return the change of one figure; NaN where a report lacks it."""
    return change(
        *([value(report, place, metric) for report in side] for side in (comparison.before, comparison.after))
    )


def value(report: Report, place: Place, metric: str = "accuracy") -> float:
    """Return a figure of a report; NaN if it lacks it."""
    result = report.figures.get((*place, metric))
    return math.nan if result is None else result.value


def _mean(report: Report, sets: Sequence[str], condition: str, sizes: Sequence[str]) -> float:
    return statistics.fmean(value(report, (name, condition, size)) for name in sets for size in sizes)


def _clean(comparison: Comparison, protocol: str, condition: str) -> tuple[Change, str]:
    """Return the accuracy on undegraded images, which are the largest, and a sentence that says their size."""
    reports = (*comparison.before, *comparison.after)
    columns = column_order(key[2] for report in reports for key in report.figures if key[:2] == (protocol, condition))
    columns = [column for column in columns if column.endswith(" px")]
    if not columns:
        return change([math.nan], [math.nan]), f"{protocol}: in no report."
    return change_at(
        comparison, (protocol, condition, columns[-1]), "accuracy"
    ), f"{protocol}: at {columns[-1]}, clean."
