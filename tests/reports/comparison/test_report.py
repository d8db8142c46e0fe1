import csv
from pathlib import Path

import cv2
import pytest

from facequal.reports.comparison.pairing import read_comparison
from facequal.reports.comparison.report import make_products, tables_shown_once, write_comparison
from tests.reports.comparison.made_reports import results_of, write_run

ALL = ("cross-resolution", "same-resolution", "lfw", "roc", "bars")
SIZES = ("7 px", "112 px")
BEFORE = {"lfw": [0.6, 0.9], "calfw": [0.55, 0.8], "old": [0.6, 0.7]}
AFTER = {"lfw": [0.8, 0.91], "calfw": [0.7, 0.8], "new": [0.6, 0.7]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return (
        write_run(folder / "base", results_of(BEFORE, SIZES), has_curves=True, left_out=["cfp_fp"], seed=3),
        write_run(folder / "tuned", results_of(AFTER, SIZES), has_curves=True, checkpoint=None, config_hash="f00|"),
    )


def test_everything_is_written(runs, tmp_path):
    comparison = read_comparison(*runs)
    products, left_out = make_products(comparison, ALL)
    assert [product.name for product in products] == list(ALL)
    assert left_out == []
    path = write_comparison(tmp_path / "new" / "out", comparison, products, left_out)
    names = {f"{name}.csv" for name in ALL} | {"roc.png", "bars.png", "comparison.md"}
    assert {item.name for item in path.parent.iterdir()} == names
    for picture in ("roc.png", "bars.png"):
        assert cv2.imread(str(path.parent / picture)) is not None
        assert f"]({picture})" in path.read_text(encoding="utf-8")
    with (path.parent / "cross-resolution.csv").open() as file:
        rows = {(row["model"], row["column"]): row["mean"] for row in csv.DictReader(file)}
    assert float(rows["delta", "7 px"]) == pytest.approx((0.8 + 0.7 - 0.6 - 0.55) / 2)
    assert float(rows["before", "lfw"]) == 0.9
    assert rows["before", "14 px"] == ""
    with (path.parent / "bars.csv").open() as file:
        assert {row["protocol"] for row in csv.DictReader(file)} == {"lfw", "calfw"}


def test_text_names_what_is_missing_and_where_figures_come_from(runs, tmp_path):
    comparison = read_comparison(*runs)
    products, left_out = make_products(comparison, ["cross-resolution"], ["lfw", "calfw", "gone"])
    assert left_out == ["Not in all reports, so not compared: gone."]
    text = write_comparison(tmp_path, comparison, products, left_out).read_text(encoding="utf-8")
    for words in (
        "- Mean of 2 of 3 sets: lfw, calfw; not in both reports: gone.",
        "- Not in all reports, so not compared: gone.",
        "- In some reports only, among them before: old.",
        "- In some reports only, among them after: new.",
        "- Not tested before, files missing: cfp_fp.",
        f"| before | {runs[0] / 'report' / 'results.csv'} | 0a1b2c | 3 | a.ckpt | 2026-01-02 |",
        f"| after | {runs[1] / 'report' / 'results.csv'} | f00\\| | 0 | n/a | 2026-01-02 |",
    ):
        assert words in text


def test_the_product_lfw_shows_the_sets_that_are_named(runs):
    comparison = read_comparison(*runs)
    (default,), _ = make_products(comparison, ["lfw"])
    assert default.table.title == "Accuracy on lfw at each resolution"
    assert {protocol for protocol, _ in default.table.sections} == {"lfw"}
    (named,), _ = make_products(comparison, ["lfw"], ["calfw", "lfw"])
    assert named.name == "lfw"
    assert named.table.title == "Accuracy on calfw, lfw at each resolution"
    assert [protocol for protocol, _ in named.table.sections] == ["calfw", "calfw", "lfw", "lfw"]


@pytest.mark.parametrize("product", ALL)
def test_wanted_sets_that_are_missing_are_named_for_every_product(runs, product):
    _, left_out = make_products(read_comparison(*runs), [product], ["typo", "lfw", "old", "typo"])
    assert left_out == ["Not in all reports, so not compared: typo, old."]


def test_figures_are_shown_once(runs, tmp_path):
    comparison = read_comparison(*runs)
    products, _ = make_products(comparison, ["lfw", "bars", "roc"])
    lfw, bars, eers = tables_shown_once(products)
    assert {protocol for protocol, _ in lfw.sections} == {"lfw"}
    assert {protocol for protocol, _ in bars.sections} == {"calfw"}
    assert "In a table above: lfw." in bars.notes
    assert {protocol for protocol, _ in eers.sections} == {"lfw", "calfw"}  # another metric
    assert "In a table above: lfw." not in [*lfw.notes, *eers.notes]
    write_comparison(tmp_path, comparison, products)
    text = (tmp_path / "comparison.md").read_text(encoding="utf-8")
    assert text.count("| lfw | cross-resolution | before | 60.00 | 90.00 |") == 1
    assert (tmp_path / "bars.csv").read_text().count("lfw,cross-resolution,before") == 4  # both sets, both sizes

    products, _ = make_products(comparison, ["bars", "lfw"], ["lfw"])
    bars, lfw = tables_shown_once(products)
    assert bars == products[0].table
    assert lfw is None
    text = write_comparison(tmp_path, comparison, products).read_text(encoding="utf-8")
    assert "## Accuracy on lfw at each resolution\n\nIts figures are in a table above.\n" in text


def test_columns_of_repeated_figures_go_with_them(tmp_path):
    results = [*results_of({"lfw": [0.5, 0.6]}, ("8 px", "112 px")), *results_of({"calfw": [0.7, 0.8]}, SIZES)]
    run = write_run(tmp_path, results)
    products, _ = make_products(read_comparison(run, run), ["lfw", "bars"])
    assert list(tables_shown_once(products)[1].columns) == ["7 px", "112 px"]


def test_sets_choose_what_is_drawn(runs):
    products, _ = make_products(read_comparison(*runs), ["roc", "bars", "cross-resolution"], ["calfw", "old"])
    assert [product.name for product in products] == ["roc", "bars", "cross-resolution"]
    for product in products[:2]:
        assert {protocol for protocol, _ in product.table.sections} == {"calfw"}
    assert products[2].table.notes[0] == "Mean of 1 of 2 sets: calfw; not in both reports: old."


def test_curves_of_seeds_are_averaged_and_that_is_said(runs, tmp_path):
    for seed in (0, 1):
        write_run(tmp_path / f"seed_{seed}", results_of({"lfw": [0.6, 0.9]}, SIZES), has_curves=True, seed=seed)
    (several,), _ = make_products(read_comparison(runs[0], tmp_path), ["roc"])
    assert several.table.notes == ["The curves are the mean TAR over the seeds at each FAR."]
    (one,), _ = make_products(read_comparison(*runs), ["roc"], ["lfw"])
    assert one.table.notes == []


def test_reports_without_curves(runs, tmp_path):
    old = write_run(tmp_path / "old", results_of(BEFORE, SIZES))
    comparison = read_comparison(runs[1], old)
    products, left_out = make_products(comparison, ["roc", "bars"])
    assert [product.name for product in products] == ["bars"]
    (sentence,) = left_out
    assert sentence.startswith(f"roc: there is no {old / 'report' / 'roc.npz'}")
    with pytest.raises(ValueError, match=r"nothing can be compared: roc: there is no"):
        make_products(comparison, ["roc"])
    (old / "report" / "roc.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(ValueError, match=r"roc\.npz: not a file of ROC curves"):
        make_products(comparison, ["roc", "bars"])


def test_rules_are_checked_for_the_sets_in_use(runs, tmp_path):
    mixed = [*results_of({"lfw": [0.6, 0.9]}, SIZES, rule="exact"), *results_of({"calfw": [0.6, 0.7]}, SIZES)]
    comparison = read_comparison(runs[0], write_run(tmp_path, mixed))
    with pytest.raises(ValueError, match=r"the accuracy rule is grid in .* but exact in"):
        make_products(comparison, ["bars"])
    with pytest.raises(ValueError, match=r"the accuracy rule is grid in .* but exact in"):
        make_products(comparison, ["cross-resolution"], ["calfw"])  # it has a column of LFW
    make_products(comparison, ["bars"], ["calfw"])


def test_a_comparison_replaces_the_one_before_but_never_a_report(runs, tmp_path):
    comparison = read_comparison(*runs)
    lfw, _ = make_products(comparison, ["lfw"])
    bars, _ = make_products(comparison, ["bars"])
    (tmp_path / "roc.png").write_text("someone's own")
    write_comparison(tmp_path, comparison, lfw)
    assert (tmp_path / "roc.png").exists()  # there was no comparison here, so it is not one's
    write_comparison(tmp_path, comparison, bars)
    assert {item.name for item in tmp_path.iterdir()} == {"comparison.md", "bars.csv", "bars.png"}
    with pytest.raises(ValueError, match="report holds the report of a run"):
        write_comparison(runs[0] / "report", comparison, bars)
    assert not (runs[0] / "report" / "bars.png").exists()
