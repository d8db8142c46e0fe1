"""A comparison as files: the tables and pictures of the octuplet paper in one folder."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from facequal.evaluation.comparison.accuracy import resolution_table, set_table, shared_sets
from facequal.evaluation.comparison.bars import bars_png
from facequal.evaluation.comparison.changes import ComparisonTable, NotMeasuredError
from facequal.evaluation.comparison.reading import CSV_FILE, Comparison, Report, require_comparable
from facequal.evaluation.comparison.roc import compared_roc_png
from facequal.evaluation.comparison.tables import changes_csv, changes_markdown, plain
from facequal.evaluation.curves import CURVES_FILE, read_curves
from facequal.evaluation.results import write_atomically
from facequal.evaluation.tables import NOT_AVAILABLE
from facequal.evaluation.verification import CurveKey
from facequal.metrics.roc import RocCurve

ProductName = Literal["cross-resolution", "same-resolution", "lfw", "roc", "bars"]
REPORT_FILE = "comparison.md"


@dataclass(frozen=True)
class Product:
    """One table, with a picture of it where there is one as a PNG file.

    Attributes:
        name: Name of its files, without the extension.
    """

    name: str
    table: ComparisonTable
    picture: bytes | None = None


@dataclass(frozen=True)
class Choice:
    """What of two models is compared.

    Attributes:
        only: The products to make.
        sets: Test sets of the mean, the ROC curves and the bars; None takes the defaults of each.
        single: The set of the product `lfw`.
    """

    only: Sequence[ProductName]
    sets: Sequence[str] | None = None
    single: str = "lfw"


def make_products(comparison: Comparison, choice: Choice) -> tuple[list[Product], list[str]]:
    """Make the tables and pictures; what the reports do not suffice for is left out.

    Returns:
        The products, and a sentence for each that was left out.

    Raises:
        ValueError: If the reports share no test set, or none of those chosen, if they were not made alike, if a file of
            curves is damaged, or if nothing can be made; says why.
    """
    shared = shared_sets(comparison)
    chosen = shared_sets(comparison, choice.sets)
    averages = {"cross-resolution", "same-resolution"} & set(choice.only)
    used = {*chosen, *({"lfw", "xqlfw"} if averages else ()), *({choice.single} if "lfw" in choice.only else ())}
    require_comparable(comparison, used & set(shared))
    makers: dict[str, Callable[[], Product]] = {
        "cross-resolution": lambda: _mean_product(comparison, "cross-resolution", choice.sets),
        "same-resolution": lambda: _mean_product(comparison, "same-resolution", choice.sets),
        "lfw": lambda: _set_product(comparison, choice.single),
        "roc": lambda: _roc_product(comparison, chosen),
        "bars": lambda: _bars_product(comparison, chosen),
    }
    products: list[Product] = []
    left_out: list[str] = []
    for name in dict.fromkeys(choice.only):
        try:
            products.append(makers[name]())
        except NotMeasuredError as error:
            left_out.append(f"{name}: {error}.")
    if not products:
        raise ValueError(f"nothing can be compared: {' '.join(left_out)}")
    return products, left_out


def _mean_product(comparison: Comparison, condition: str, sets: Sequence[str] | None) -> Product:
    return Product(condition, resolution_table(comparison, condition, sets))


def _set_product(comparison: Comparison, protocol: str) -> Product:
    shared = comparison.protocols()
    if protocol not in shared:
        raise NotMeasuredError(f"{protocol} is not in all reports, which share {', '.join(shared)}")
    name = "lfw" if protocol == "lfw" else "set_" + re.sub(r"[^\w.-]+", "_", protocol)
    return Product(name, set_table(comparison, [protocol], f"Accuracy on {protocol} at each resolution"))


def _bars_product(comparison: Comparison, sets: Sequence[str]) -> Product:
    table = set_table(comparison, sets, "Accuracy on each set at each resolution")
    return Product("bars", table, bars_png(table))


def _roc_product(comparison: Comparison, sets: Sequence[str]) -> Product:
    before, after = ([_curves(report) for report in side] for side in (comparison.before, comparison.after))
    seeds = [*before, *after]
    drawn = {key[:2] for key in seeds[0] if all(key in curves for curves in seeds)}
    table = set_table(comparison, sets, "EER (lower is better) on each set at each resolution", "eer")
    sections = [section for section in table.sections if (section.protocol, section.condition) in drawn]
    if not sections:
        raise NotMeasuredError(f"the reports share no curve of {', '.join(sets)}")
    notes = ["The curves are the mean TAR over the seeds at each FAR."] if len(seeds) > 2 else []
    table = ComparisonTable(table.title, table.columns, sections, notes, table.metric)
    return Product("roc", table, compared_roc_png(before, after, table))


def _curves(report: Report) -> Mapping[CurveKey, RocCurve]:
    path = report.path.with_name(CURVES_FILE)
    if not path.is_file():
        raise NotMeasuredError(f"there is no {path}, as reports of older versions have none; test again to have it")
    return read_curves(path)


def write_comparison(
    folder: Path, comparison: Comparison, products: Sequence[Product], left_out: Sequence[str] = ()
) -> Path:
    """Write `comparison.md`, and a CSV file and a picture of each product, into `folder`, which is made if needed.

    Pictures and tables of an earlier comparison in this folder are replaced, or removed if they are not made again.

    Returns:
        The path of `comparison.md`.

    Raises:
        ValueError: If the folder holds the report of a run, whose pictures would be overwritten.
    """
    if (folder / CSV_FILE).exists():
        raise ValueError(f"{folder} holds the report of a run; write the comparison into another folder")
    if (folder / REPORT_FILE).exists():
        earlier = [folder / f"{name}.{ending}" for name in get_args(ProductName) for ending in ("csv", "png")]
        for path in (*earlier, *folder.glob("set_*.csv")):
            path.unlink(missing_ok=True)
    for product in products:
        write_atomically(folder / f"{product.name}.csv", changes_csv(product.table))
        if product.picture is not None:
            write_atomically(folder / f"{product.name}.png", product.picture)
    return write_atomically(folder / REPORT_FILE, comparison_markdown(comparison, products, left_out))


def comparison_markdown(comparison: Comparison, products: Sequence[Product], left_out: Sequence[str]) -> str:
    """The text of `comparison.md`: the tables and pictures, what was left out, and where the figures come from."""
    parts = ["# Comparison of two models"]
    for product in products:
        parts.append(f"## {plain(product.table.title)}")
        if product.picture is not None:
            parts.append(f"![{plain(product.table.title)}]({product.name}.png)")
        parts.append(changes_markdown(product.table))
    omissions = [*left_out, *comparison.notes, *missing_sets(comparison)]
    if omissions:
        parts.append(
            "## Notes, and what was left out\n\n" + "\n".join(f"- {plain(sentence)}" for sentence in omissions)
        )
    parts.append("## Where the figures come from\n\n" + _sources(comparison))
    return "\n\n".join(parts) + "\n"


def missing_sets(comparison: Comparison) -> list[str]:
    """Sentences that name the test sets which some reports lack, or left out as their files are missing."""
    sentences = []
    shared = set(comparison.protocols())
    for name, reports in (("before", comparison.before), ("after", comparison.after)):
        held = dict.fromkeys(key[0] for report in reports for key in report.figures)
        only = [protocol for protocol in held if protocol not in shared]
        if only:
            sentences.append(f"In some reports only, among them {name}: {', '.join(only)}.")
        gone = dict.fromkeys(protocol for report in reports for protocol in report.left_out)
        if gone:
            sentences.append(f"Not tested {name}, files missing: {', '.join(gone)}.")
    return sentences


def _sources(comparison: Comparison) -> str:
    lines = ["| model | results | config hash | seed | checkpoint | date |", "|---|---|---|---|---|---|"]
    for name, reports in (("before", comparison.before), ("after", comparison.after)):
        for report in reports:
            told = [report.run.get(key) for key in ("config_hash", "seed", "checkpoint", "date")]
            cells = [name, str(report.path), *[NOT_AVAILABLE if entry in (None, "") else str(entry) for entry in told]]
            lines.append("| " + " | ".join(plain(cell) for cell in cells) + " |")
    names = [name for name in comparison.seeds if name]
    return "\n".join(lines) + (f"\n\nSeeds: {', '.join(names)}." if names else "")
