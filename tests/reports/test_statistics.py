import csv
import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from facequal.reports.results import Result, results_table
from facequal.reports.statistics import aligned, change, differences, mean_and_std, summarise, write_summary

NAME = ("lfw", "cross-resolution", "7 px", "accuracy")
FULL = Result("lfw", "cross-resolution", "7 px", "accuracy", 0.3, 0.1, num=6000, rule="grid", folds=10, seed=0)
BARE = Result("lfw", "same-resolution", "112 px", "psnr", math.inf, unit="dB")


def over_seeds(runs):
    return summarise(results_table({"": dict(enumerate(runs))}))


def test_one_seed_has_no_spread():
    one = change(NAME, [0.75], [0.5])
    assert (one.before.mean, one.before.num_runs) == (0.75, 1)
    assert (one.delta.mean, one.delta.num_runs) == (-0.25, 1)
    for figure in one:
        assert math.isnan(figure.std)
        assert not figure.has_spread


def test_deltas_are_paired():
    # Before and after spread widely, the differences are nearly equal.
    before, after = [0.5, 0.7, 0.9], [0.6, 0.8, 1.0]
    three = change(NAME, before, after)
    assert three.before.mean == pytest.approx(0.7)
    assert three.before.std == pytest.approx(0.2)  # sqrt((0.04 + 0 + 0.04) / 2)
    assert three.after.std == pytest.approx(stats.tstd(after))
    assert three.delta.mean == pytest.approx(0.1)
    assert three.delta.std == pytest.approx(0, abs=1e-12)
    assert change(NAME, before, after[::-1]).delta.std == pytest.approx(0.4)
    assert three.delta.num_runs == 3
    assert three.delta.has_spread


def test_a_single_report_is_compared_with_each_seed():
    against = change(NAME, [0.5], [0.6, 0.8])
    assert (against.before.mean, against.before.num_runs) == (0.5, 1)
    assert against.delta.mean == pytest.approx(0.2)
    assert against.delta.std == pytest.approx(math.sqrt(0.02))
    back = change(NAME, [0.6, 0.8], [0.5])
    assert back.delta.mean == pytest.approx(-0.2)
    assert (back.after.mean, back.after.num_runs) == (0.5, 1)


def test_what_is_missing_stays_missing():
    three = change(NAME, [0.5, math.nan, 0.7], [0.6, 0.7, 0.8])
    assert math.isnan(three.before.mean)
    assert math.isnan(three.before.std)
    assert math.isnan(three.delta.mean)
    assert three.after.mean == pytest.approx(0.7)
    assert all(map(math.isnan, mean_and_std([math.nan])))
    assert all(map(math.isnan, mean_and_std([])))


def test_infinite_figures_have_no_spread():
    mean, std = mean_and_std([math.inf, 30.0])  # as of equal pictures, in dB
    assert mean == math.inf
    assert math.isnan(std)


@pytest.mark.parametrize(("before", "after"), [([1.0, 2.0], [1.0, 2.0, 3.0]), ([], [1.0]), ([1.0], [])])
def test_what_cannot_be_paired(before, after):
    with pytest.raises(ValueError, match=f"{len(before)} values before and {len(after)} after cannot be paired"):
        differences(before, after)


def test_summary_is_mean_and_sample_deviation_over_runs(tmp_path):
    values = [0.91, 0.94, 0.95]
    runs = [[replace(FULL, value=v, seed=s), replace(BARE, value=30.0 + s)] for s, v in enumerate(values)]
    accuracy, psnr = over_seeds(runs)
    assert accuracy.mean == pytest.approx(np.mean(values))
    assert accuracy.std == pytest.approx(np.std(values, ddof=1))
    assert (accuracy.minimum, accuracy.maximum, accuracy.num_runs) == (0.91, 0.95, 3)
    assert (psnr.mean, psnr.std, psnr.unit, psnr.metric) == (31.0, 1.0, "dB", "psnr")
    with write_summary(tmp_path / "summary.csv", [accuracy, psnr]).open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["mean"]) for row in rows] == [accuracy.mean, psnr.mean]
    assert [float(row["std"]) for row in rows] == [accuracy.std, psnr.std]
    assert [row["num_runs"] for row in rows] == ["3", "3"]


def test_summary_of_one_run_missing_and_nan_figures():
    (one,) = over_seeds([[FULL]])
    assert one.mean == FULL.value
    assert math.isnan(one.std)
    nan = replace(FULL, value=math.nan)
    figure, other = over_seeds([[FULL], [nan, BARE], [FULL]])
    assert (figure.mean, figure.std, figure.num_runs) == (FULL.value, 0.0, 2)
    assert other.num_runs == 1
    (nothing,) = over_seeds([[nan], [nan]])
    assert nothing.num_runs == 0
    assert all(math.isnan(x) for x in (nothing.mean, nothing.std, nothing.minimum, nothing.maximum))
    assert over_seeds([]) == []


def test_summary_keeps_rules_apart_and_refuses_repeats():
    grid, exact = over_seeds([[FULL, replace(FULL, rule="exact", value=0.9)]])
    assert (grid.rule, exact.rule) == ("grid", "exact")
    with pytest.raises(ValueError, match=r"seed 1: this figure appears twice: .*7 px, accuracy, grid"):
        over_seeds([[FULL], [FULL, FULL]])


def test_runs_are_kept_apart_and_compared_by_seed():
    before, after = {0: 0.5, 1: 0.75, 2: math.nan}, {3: 0.1, 1: 1.0, 0: 0.6, 2: 0.9}
    runs = {
        name: {seed: [replace(FULL, value=value)] for seed, value in values.items()}
        for name, values in (("base", before), ("row", after))
    }
    base, row = summarise(results_table(runs), reference="base")
    assert (base.run, base.mean, base.num_runs) == ("base", 0.625, 2)
    assert math.isnan(base.delta_mean)
    assert row.mean == statistics.fmean(after.values())
    assert row.std == statistics.stdev(after.values())
    assert (row.delta_mean, row.delta_std) == (
        statistics.fmean([0.6 - 0.5, 0.25]),
        statistics.stdev([0.6 - 0.5, 0.25]),
    )
    assert all(math.isnan(one.delta_mean) for one in summarise(results_table(runs)))
    assert all(math.isnan(one.delta_mean) for one in summarise(results_table(runs), reference="gone"))


def test_modes_move_into_the_rule_where_there_is_one():
    def shown(column, rule="rgb"):
        return Result("Test-B", "B", column, "psnr", 20.0, rule=rule, unit="dB")

    one, both = [shown("input"), shown("restored (refs)")], [shown("restored (refs)"), shown("restored (self)")]
    table = aligned(results_table({"one": {0: one, 1: [shown("restored (none)")]}, "both": {0: both}}))
    assert list(zip(table["column"], table["rule"], strict=True)) == [
        ("input", "rgb"),
        ("restored", "rgb; mode refs"),
        ("restored", "rgb; mode none"),
        ("restored (refs)", "rgb"),
        ("restored (self)", "rgb"),
    ]
    assert len(aligned(results_table({"none": {}}))) == 0


def test_judges_of_seeds_become_one_rule_within_a_run():
    def judged(judge, metric="identity similarity", column="restored (refs)"):
        return Result("Test-B", "B", column, metric, 0.5, rule=judge)

    runs = {
        "own": {0: [judged("A"), judged("A", "psnr")], 1: [judged("B"), judged("B", "psnr")]},
        "shared": {0: [judged("A", column="input")], 1: [judged("A", column="input")]},
    }
    rules = aligned(results_table(runs)).groupby(["run", "metric"])["rule"].unique().map(list).to_dict()
    assert rules == {
        ("own", "identity similarity"): ["by seed; mode refs"],
        ("own", "psnr"): ["A; mode refs", "B; mode refs"],  # no judge made it
        ("shared", "identity similarity"): ["A"],
    }
