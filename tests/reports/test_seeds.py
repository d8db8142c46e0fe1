import math

import pytest
from scipy import stats

from facequal.reports.seeds import change, statistic


def test_one_seed_has_no_spread():
    one = change([0.75], [0.5])
    assert (one.before.mean, one.before.num) == (0.75, 1)
    assert (one.delta.mean, one.delta.num) == (-0.25, 1)
    for figure in one:
        assert math.isnan(figure.std)
        assert not figure.has_spread


def test_deltas_are_paired():
    # Before and after spread widely, the differences are nearly equal.
    before, after = [0.5, 0.7, 0.9], [0.6, 0.8, 1.0]
    three = change(before, after)
    assert three.before.mean == pytest.approx(0.7)
    assert three.before.std == pytest.approx(0.2)  # sqrt((0.04 + 0 + 0.04) / 2)
    assert three.after.std == pytest.approx(stats.tstd(after))
    assert three.delta.mean == pytest.approx(0.1)
    assert three.delta.std == pytest.approx(0, abs=1e-12)
    assert change(before, after[::-1]).delta.std == pytest.approx(0.4)
    assert three.delta.num == 3
    assert three.delta.has_spread


def test_a_single_report_is_compared_with_each_seed():
    against = change([0.5], [0.6, 0.8])
    assert against.before[::2] == (0.5, 1)
    assert against.delta.mean == pytest.approx(0.2)
    assert against.delta.std == pytest.approx(math.sqrt(0.02))
    back = change([0.6, 0.8], [0.5])
    assert back.delta.mean == pytest.approx(-0.2)
    assert back.after[::2] == (0.5, 1)


def test_what_is_missing_stays_missing():
    three = change([0.5, math.nan, 0.7], [0.6, 0.7, 0.8])
    assert math.isnan(three.before.mean)
    assert math.isnan(three.before.std)
    assert math.isnan(three.delta.mean)
    assert three.after.mean == pytest.approx(0.7)
    assert math.isnan(statistic([math.nan]).mean)
    none = statistic([])
    assert math.isnan(none.mean)
    assert math.isnan(none.std)
    assert none.num == 0


def test_infinite_figures_have_no_spread():
    figure = statistic([math.inf, 30.0])  # as of equal pictures, in dB
    assert figure.mean == math.inf
    assert not figure.has_spread


@pytest.mark.parametrize(("before", "after"), [([1.0, 2.0], [1.0, 2.0, 3.0]), ([], [1.0]), ([1.0], [])])
def test_what_cannot_be_paired(before, after):
    with pytest.raises(ValueError, match=f"{len(before)} values before and {len(after)} after cannot be paired"):
        change(before, after)
