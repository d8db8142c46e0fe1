import csv
import json
import math

import numpy as np
import pytest

from facequal.reports.results import Result
from facequal.reports.study.study_tables import study_markdown
from facequal.reports.study.summary import (
    Column,
    RowResults,
    by_row_and_column,
    default_columns,
    missing_columns,
    study_figures,
    write_study,
)


def figures_of(row, reference=None):
    """The figures of one row, against another one."""
    rows = [row] if reference is None else [reference, row]
    figures = study_figures(rows, None if reference is None else reference.name)
    return [figure for figure in figures if figure.run == row.name]


def accuracy(value, column="7 px", protocol="lfw", condition="cross", **rest):
    return Result(protocol, condition, column, "accuracy", value, **({"rule": "exact"} | rest))


def row(name, values, **overrides):
    """One accuracy per seed."""
    return RowResults(name, {seed: [accuracy(value)] for seed, value in values.items()}, "a.yaml", overrides)


def test_figures_by_hand():
    base = row("base", {0: 0.70, 1: 0.80, 2: 0.75})
    (figure,) = figures_of(row("octuplet", {0: 0.80, 1: 0.88, 2: 0.87}), base)
    assert figure.mean == pytest.approx(0.85)
    assert figure.std == pytest.approx(math.sqrt((0.05**2 + 0.03**2 + 0.02**2) / 2))
    assert (figure.minimum, figure.maximum, figure.num_runs) == (0.80, 0.88, 3)
    # Differences .10, .08, .12: their spread is less than that of the values, since the seeds go together.
    assert figure.delta_mean == pytest.approx(0.10)
    assert figure.delta_std == pytest.approx(0.02)


def test_figures_against_numpy():
    rng = np.random.default_rng(0)
    before, after = rng.random((2, 7))
    (figure,) = figures_of(row("row", dict(enumerate(after))), row("base", dict(enumerate(before))))
    assert figure.std == pytest.approx(after.std(ddof=1))
    assert figure.delta_mean == pytest.approx((after - before).mean())
    assert figure.delta_std == pytest.approx((after - before).std(ddof=1))


def test_differences_pair_seeds_and_skip_what_is_missing():
    base = row("base", {0: 0.5, 1: math.nan, 2: 0.6, 5: 0.9})
    (figure,) = figures_of(row("row", {2: 0.7, 0: 0.9, 1: 0.9, 3: 0.1}), base)
    assert figure.num_runs == 4
    assert figure.delta_mean == pytest.approx((0.4 + 0.1) / 2)
    (alone,) = figures_of(row("row", {3: 0.1}), base)
    assert math.isnan(alone.delta_mean)
    assert math.isnan(alone.std)
    (one,) = figures_of(row("row", {0: 0.75}), base)
    assert one.delta_mean == pytest.approx(0.25)
    assert math.isnan(one.delta_std)
    (base_figure,) = figures_of(base)
    assert math.isnan(base_figure.delta_mean)


def test_differences_keep_to_the_same_figure():
    before = RowResults("base", {0: [accuracy(0.5, rule="grid"), accuracy(0.6, "14 px")]}, "a.yaml", {})
    after = RowResults("row", {0: [accuracy(0.9), accuracy(0.8, "14 px")]}, "a.yaml", {})
    small, large = figures_of(after, before)
    assert math.isnan(small.delta_mean)  # the exact rule is not the grid rule
    assert large.delta_mean == pytest.approx(0.2)


def similarity(value, judge, column="restored (none)", metric="identity similarity"):
    return Result("Test-BNL", "BNL", column, metric, value, rule=judge, unit="")


def test_every_seed_may_have_a_judge_of_its_own():
    base = RowResults("base", {seed: [similarity(0.1 * seed, f"judge {seed}")] for seed in range(3)}, "a.yaml", {})
    after = {seed: [similarity(0.1 * seed + 0.2, f"judge {seed}", "restored (refs)")] for seed in range(3)}
    (figure,) = figures_of(RowResults("row", after, "a.yaml", {}), base)
    assert (figure.num_runs, figure.column, figure.mode) == (3, "restored", "refs")
    assert figure.mean == pytest.approx(0.3)
    assert (figure.delta_mean, figure.delta_std) == pytest.approx((0.2, 0.0))
    (one,) = figures_of(RowResults("row", {1: after[1]}, "a.yaml", {}), base)
    assert one.delta_mean == pytest.approx(0.2)
    assert one.rule == "judge 1; mode refs"


def test_modes_are_compared_with_each_other_and_shown():
    """A row with references against one without the branch; a set shown in two modes keeps them apart."""

    def psnr(value, column, protocol="Test-BNL"):
        return Result(protocol, "BNL", column, "psnr", value, rule="rgb", unit="dB")

    base = RowResults("base", {0: [psnr(10.0, "input"), psnr(15.0, "restored (none)")]}, "a.yaml", {})
    both = [psnr(17.0, "restored (refs)", "both"), psnr(16.0, "restored (self)", "both")]
    after = RowResults("row", {0: [psnr(10.0, "input"), psnr(16.5, "restored (refs)"), *both]}, "a.yaml", {})
    figures = {(f.protocol, f.column): f for f in figures_of(after, base)}
    assert figures["Test-BNL", "restored"].delta_mean == pytest.approx(1.5)
    assert figures["Test-BNL", "restored"].rule == "rgb; mode refs"
    assert figures["Test-BNL", "input"].mode == ""
    assert {column for protocol, column in figures if protocol == "both"} == {"restored (refs)", "restored (self)"}
    column = Column("Test-BNL", "BNL", "restored", "psnr")
    text = study_markdown([after], list(figures.values()), [column], "title", "base", {})
    assert "16.50 dB [refs] (+1.50 dB)" in text


def test_no_runs_have_no_figures_and_repeated_ones_are_an_error():
    assert figures_of(row("row", {}), row("base", {0: 0.5})) == []
    twice = RowResults("row", {0: [accuracy(0.5), accuracy(0.6)]}, "a.yaml", {})
    with pytest.raises(ValueError, match="row, seed 0: this figure appears twice"):
        figures_of(twice)


def test_default_columns_are_the_accuracies_of_the_first_protocol():
    results = [
        Result("lfw", "cross", "7 px", "auc", 0.5),
        accuracy(0.5, "112 px"),
        accuracy(0.5, "7 px"),
        accuracy(0.5, "14 px", condition="same"),
        accuracy(0.5, "7 px", protocol="cfp"),
    ]
    expected = [Column("lfw", "cross", "7 px"), Column("lfw", "cross", "112 px"), Column("lfw", "same", "14 px")]
    assert default_columns(results) == expected
    assert default_columns(results[:1]) == []


def test_columns_that_are_missing_are_named_with_those_there_are():
    figures = figures_of(RowResults("row", {0: [accuracy(0.5), accuracy(0.5, "14 px", "cfp")]}, "a.yaml", {}))
    assert missing_columns([Column("lfw", "cross", "7 px"), Column("cfp", "cross", "14 px")], figures) == ""
    there = "there are: protocols lfw, cfp; conditions cross; columns 7 px, 14 px; metrics accuracy"
    columns = [Column("lfw", "cross", "7 px"), Column("lfw", "cross", "7 px", "eer")]
    assert missing_columns(columns, figures) == f"no run has lfw, cross, 7 px, eer; {there}"
    # Each part exists, but not together.
    columns.append(Column("cfp", "cross", "7 px"))
    assert missing_columns(columns, figures) == f"no run has lfw, cross, 7 px, eer or cfp, cross, 7 px; {there}"


def test_of_several_rules_the_first_stands_in_the_table():
    results = {0: [accuracy(0.5, rule="grid"), accuracy(0.6, rule="exact")]}
    found = by_row_and_column(figures_of(RowResults("row", results, "a.yaml", {})))
    assert found["row", Column("lfw", "cross", "7 px")].mean == 0.5


def test_csv(tmp_path):
    base, other = row("base", {0: 0.5, 1: 0.6}), row("a, b", {0: 0.75, 1: 0.75}, **{"model.terms": ["hhh"], "lr": 0.1})
    figures = [*figures_of(base), *figures_of(other, base)]
    path = write_study(tmp_path / "new" / "summary.csv", [base, other], figures)
    with path.open(newline="") as file:
        first, second = csv.DictReader(file)
    head = "row overrides protocol condition column metric rule unit mean std min max num_runs delta_mean delta_std"
    assert list(first) == head.split()
    assert (first["row"], first["overrides"], first["delta_mean"]) == ("base", "{}", "nan")
    assert (second["row"], json.loads(second["overrides"])) == ("a, b", {"model.terms": ["hhh"], "lr": 0.1})
    keys = ("protocol", "condition", "column", "metric", "rule", "unit", "num_runs", "std")
    assert [second[key] for key in keys] == ["lfw", "cross", "7 px", "accuracy", "exact", "fraction", "2", "0.0"]
    assert float(second["delta_mean"]) == pytest.approx(0.2)
    assert float(second["delta_std"]) == pytest.approx(0.1 / math.sqrt(2))
    assert float(first["mean"]) == pytest.approx(0.55)
    assert (first["min"], first["max"]) == ("0.5", "0.6")
