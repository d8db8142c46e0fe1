"""A comparison as files: the tables and pictures of the octuplet paper in one folder."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from facequal.metrics.roc import RocCurve
from facequal.reports.comparison.accuracy import resolution_table, set_table, shared_sets
from facequal.reports.comparison.bars import draw_bars
from facequal.reports.comparison.changes import ComparisonTable, NotMeasuredError, changes_markdown, write_changes
from facequal.reports.comparison.pairing import Comparison, Report, require_comparable
from facequal.reports.curves import CURVES_FILE, CurveKey, read_curves
from facequal.reports.layout import CSV_FILE
from facequal.reports.markdown import bullets, markdown_table, plain
from facequal.reports.png import png
from facequal.reports.results import write_atomically
from facequal.reports.roc import draw_compared_roc
from facequal.reports.tables import known

ProductName = Literal["cross-resolution", "same-resolution", "lfw", "roc", "bars"]
REPORT_FILE = "comparison.md"


class Product(NamedTuple):
    """One table, with a picture of it where there is one as a PNG file.

    Attributes:
        name: Name of its files, without the extension.
    """

    name: str
    table: ComparisonTable
    picture: bytes | None = None


def make_products(
    comparison: Comparison, only: Sequence[ProductName], sets: Sequence[str] | None = None
) -> tuple[list[Product], list[str]]:
    """Make the tables and pictures; what the reports do not suffice for is left out.

    Args:
        comparison: The reports.
        only: The products to make.
        sets: Test sets of all of them; None takes the defaults of each: those of `resolution_table` for the
            means, LFW for `lfw`, and all that the reports share for the pictures.

    Returns:
        The products, and a sentence for what was left out: sets that are not in all reports, and each product.

    Raises:
        ValueError: If the reports share no test set, or none of `sets`, if they were not made alike, if a file of
            curves is damaged, or if nothing can be made; says why.
    """
    shared = shared_sets(comparison)
    chosen = shared_sets(comparison, sets)
    averages = {"cross-resolution", "same-resolution"} & set(only)
    require_comparable(comparison, {*chosen, *({"lfw", "xqlfw"} if averages else ())} & set(shared))
    products: list[Product] = []
    missing = [name for name in dict.fromkeys(sets or ()) if name not in shared]
    left_out = [f"Not in all reports, so not compared: {', '.join(missing)}."] if missing else []
    for name in dict.fromkeys(only):
        try:
            products.append(_product(name, comparison, chosen, sets))
        except NotMeasuredError as error:
            left_out.append(f"{name}: {error}.")
    if not products:
        raise ValueError(f"nothing can be compared: {' '.join(left_out)}")
    return products, left_out


def _product(name: ProductName, comparison: Comparison, chosen: Sequence[str], wanted: Sequence[str] | None) -> Product:
    """Make a product of the sets that are chosen, or of those that it takes where none is wanted."""
    if name == "roc":
        return _roc_product(comparison, chosen)
    if name == "bars":
        table = set_table(comparison, chosen, "Accuracy on each set at each resolution")
        return Product(name, table, png(draw_bars(table)))
    if name != "lfw":
        return Product(name, resolution_table(comparison, name, wanted))
    sets, shared = chosen if wanted else ["lfw"], comparison.protocols()
    if not {*sets} <= {*shared}:
        raise NotMeasuredError(f"lfw is not in all reports, which share {', '.join(shared)}")
    return Product(name, set_table(comparison, sets, f"Accuracy on {', '.join(sets)} at each resolution"))


def _roc_product(comparison: Comparison, sets: Sequence[str]) -> Product:
    before, after = ([_curves(report) for report in side] for side in (comparison.before, comparison.after))
    seeds = [*before, *after]
    table = set_table(comparison, sets, "EER (lower is better) on each set at each resolution", "eer")
    drawn = {key[:2] for key in seeds[0] if key[2] in table.columns and all(key in curves for curves in seeds)}
    changes = [change for change in table.changes if (change.before.protocol, change.before.condition) in drawn]
    if not changes:
        raise NotMeasuredError(f"the reports share no curve of {', '.join(sets)}")
    notes = ["The curves are the mean TAR over the seeds at each FAR."] if len(seeds) > 2 else []
    table = replace(table, changes=changes, notes=notes)
    return Product("roc", table, png(draw_compared_roc(before, after, table)))


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
        for name in get_args(ProductName):
            for ending in ("csv", "png"):
                (folder / f"{name}.{ending}").unlink(missing_ok=True)
    for product in products:
        write_changes(folder / f"{product.name}.csv", product.table)
        if product.picture is not None:
            write_atomically(folder / f"{product.name}.png", product.picture)
    return write_atomically(folder / REPORT_FILE, comparison_markdown(comparison, products, left_out))


def comparison_markdown(comparison: Comparison, products: Sequence[Product], left_out: Sequence[str]) -> str:
    """Return text of `comparison.md`: the tables and pictures, what was left out, and where the figures come from."""
    parts = ["# Comparison of two models"]
    for product, table in zip(products, tables_shown_once(products), strict=True):
        parts.append(f"## {plain(product.table.title)}")
        if product.picture is not None:
            parts.append(f"![{plain(product.table.title)}]({product.name}.png)")
        parts.append("Its figures are in a table above." if table is None else changes_markdown(table))
    omissions = [*left_out, *comparison.notes, *missing_sets(comparison)]
    if omissions:
        parts += ["## Notes, and what was left out", bullets(omissions)]
    parts.append("## Where the figures come from\n\n" + _sources(comparison))
    return "\n\n".join(parts) + "\n"


def tables_shown_once(products: Sequence[Product]) -> list[ComparisonTable | None]:
    """Return the table of each product without the figures that one before it shows, as `lfw` and `bars` share sets.

    Returns:
        A table per product, with a note that names the sets which are not repeated; None if it has nothing of its own.
    """
    shown: set[tuple[str, str, str]] = set()
    tables: list[ComparisonTable | None] = []
    for product in products:
        table, metric = product.table, product.table.metric
        repeated = [heading for heading in table.sections if (*heading, metric) in shown]
        new = {heading: changes for heading, changes in table.sections.items() if heading not in repeated}
        shown |= {(*heading, metric) for heading in new}
        if new and repeated:
            columns = [column for column in table.columns if any(column in changes for changes in new.values())]
            notes = [*table.notes, f"In a table above: {', '.join(dict.fromkeys(name for name, _ in repeated))}."]
            changes = [change for section in new.values() for change in section.values()]
            table = replace(table, columns=columns, changes=changes, notes=notes)
        tables.append(table if new else None)
    return tables


def missing_sets(comparison: Comparison) -> list[str]:
    """Return sentences that name the test sets which some reports lack, or left out as their files are missing."""
    sentences = []
    shared = set(comparison.protocols())
    for name, reports in comparison.sides.items():
        held = dict.fromkeys(result.protocol for report in reports for result in report.results)
        only = [protocol for protocol in held if protocol not in shared]
        if only:
            sentences.append(f"In some reports only, among them {name}: {', '.join(only)}.")
        gone = dict.fromkeys(protocol for report in reports for protocol in report.left_out)
        if gone:
            sentences.append(f"Not tested {name}, files missing: {', '.join(gone)}.")
    return sentences


def _sources(comparison: Comparison) -> str:
    rows = []
    for name, reports in comparison.sides.items():
        for report in reports:
            settings = [known(report.info.get(key)) for key in ("config_hash", "seed", "checkpoint", "date")]
            rows.append([name, str(report.path), *settings])
    table = markdown_table(["model", "results", "config hash", "seed", "checkpoint", "date"], rows, num_texts=6)
    names = [name for name in comparison.seeds if name]
    return table + (f"\n\nSeeds: {', '.join(names)}." if names else "")
