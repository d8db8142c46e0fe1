import math
import statistics

import pytest

from facequal.reports.comparison.accuracy import SEVEN_SETS, resolution_table, set_table
from facequal.reports.comparison.changes import NotMeasuredError
from facequal.reports.comparison.pairing import read_comparison
from tests.reports.comparison.made_reports import CONDITIONS, SIZES, results_of, write_run

LFW = [0.60, 0.70, 0.80, 0.90, 0.99]
CALFW = [0.50, 0.60, 0.70, 0.80, 0.89]
BEFORE = {"lfw": LFW, "calfw": CALFW, "xqlfw": [0.5, 0.5, 0.6, 0.7, 0.8]}
AFTER = {"lfw": [0.80, 0.82, 0.85, 0.91, 0.98], "calfw": [0.66, 0.7, 0.75, 0.85, 0.9], "xqlfw": [0.6] * 4 + [0.83]}


@pytest.fixture
def compare(tmp_path):
    def pair(before, after, **arguments):
        one = write_run(tmp_path / "a", results_of(before, **arguments))
        return read_comparison(one, write_run(tmp_path / "b", results_of(after, **arguments)))

    return pair


def means(table, model):
    (changes,) = table.sections.values()
    return [getattr(changes[column], model).mean for column in table.columns]


def test_cross_resolution_by_hand(compare):
    table = resolution_table(compare(BEFORE, AFTER), "cross-resolution")
    assert list(table.columns) == ["lfw", *SIZES, "mean", "xqlfw"]
    # At 7 px: (60 + 50) / 2; the mean over all: (55 + 65 + 75 + 85 + 94) / 5.
    assert means(table, "before") == pytest.approx([0.99, 0.55, 0.65, 0.75, 0.85, 0.94, 0.748, 0.80])
    assert means(table, "after") == pytest.approx([0.98, 0.73, 0.76, 0.80, 0.88, 0.94, 0.822, 0.83])
    assert means(table, "delta") == pytest.approx([-0.01, 0.18, 0.11, 0.05, 0.03, 0.0, 0.074, 0.03])
    assert list(table.sections) == [("2 sets", "cross-resolution")]
    missing = ", ".join(name for name in SEVEN_SETS if name not in ("lfw", "calfw"))
    assert table.notes[0] == f"Mean of 2 of 7 sets: lfw, calfw; not in both reports: {missing}."
    assert table.notes[1:] == ["lfw: at 112 px, clean.", "xqlfw: at 112 px, clean."]
    assert "second image" in table.title


def test_same_resolution_by_hand(compare):
    table = resolution_table(compare(BEFORE, AFTER), "same-resolution")
    assert means(table, "before") == pytest.approx([0.99, 0.45, 0.55, 0.65, 0.75, 0.94, 0.668, 0.80])
    assert means(table, "delta") == pytest.approx([-0.01, 0.18, 0.11, 0.05, 0.03, 0.0, 0.074, 0.03])
    assert "both images" in table.title


def test_all_seven(compare):
    seven = dict.fromkeys(SEVEN_SETS, LFW)
    table = resolution_table(compare(seven, seven), "cross-resolution")
    assert table.notes[0] == f"Mean of 7 of 7 sets: {', '.join(SEVEN_SETS)}."
    assert math.isnan(means(table, "after")[-1])
    assert table.notes[-1] == "xqlfw: in no report."


def test_other_sets_by_name_or_because_there_are_no_others(compare):
    own = {"procedural/mixed": CALFW, "procedural/other-family": LFW}
    comparison = compare(own, own)
    table = resolution_table(comparison, "cross-resolution")
    assert means(table, "before")[1:3] == pytest.approx([0.55, 0.65])
    assert "mean of all 2 sets that are: procedural/mixed, procedural/other-family." in table.notes[0]
    assert math.isnan(means(table, "before")[0])
    one = resolution_table(comparison, "cross-resolution", ["gone", "procedural/mixed"])
    assert means(one, "before")[1:3] == pytest.approx([0.5, 0.6])
    assert [protocol for protocol, _ in one.sections] == ["1 set"]
    assert one.notes[0] == "Mean of 1 of 2 sets: procedural/mixed; not in both reports: gone."
    with pytest.raises(ValueError, match=r"none of gone is in all reports: .*results\.csv holds procedural/mixed, pro"):
        resolution_table(comparison, "cross-resolution", ["gone"])


def test_no_common_set(compare):
    comparison = compare({"lfw": LFW}, {"calfw": CALFW})
    with pytest.raises(ValueError, match=r"no test set is in all reports: .*a.* holds lfw; .*b.* holds calfw"):
        resolution_table(comparison, "cross-resolution")


def test_a_set_without_all_resolutions_is_left_out_of_the_mean(tmp_path):
    short = results_of({"calfw": CALFW[:3]}, sizes=("7 px", "28 px", "112 px"))
    one = write_run(tmp_path / "a", [*results_of({"lfw": LFW}), *short])
    table = resolution_table(read_comparison(one, one), "cross-resolution")
    assert means(table, "before")[1] == pytest.approx(0.6)
    assert "Left out of the mean, since not all reports hold them in full: calfw (no 14 px, 56 px)." in table.notes
    assert [protocol for protocol, _ in table.sections] == ["1 set"]


def test_resolutions_that_nobody_measured(compare):
    short = {"lfw": [0.5, 0.6, 0.9], "calfw": [0.7, 0.8, 0.9]}
    comparison = compare(short, short, sizes=("7 px", "16 px", "112 px"))
    table = resolution_table(comparison, "cross-resolution")
    assert means(table, "before")[1] == pytest.approx(0.6)
    assert [math.isnan(mean) for mean in means(table, "before")[2:7]] == [True, True, True, False, True]
    assert "No mean over all resolutions, since there are no figures at 14 px, 28 px, 56 px." in table.notes
    with pytest.raises(NotMeasuredError, match="cross-resolution at the same of the resolutions 7 px"):
        resolution_table(compare({"lfw": [0.5]}, {"lfw": [0.5]}, sizes=["8 px"]), "cross-resolution")


def test_a_condition_that_was_not_tested(compare):
    comparison = compare(BEFORE, AFTER, conditions=["cross-resolution"])
    with pytest.raises(NotMeasuredError, match="same-resolution"):
        resolution_table(comparison, "same-resolution")


def test_seeds_are_averaged_in_pairs(tmp_path):
    shift = [0.0, 0.02, -0.05]
    gain = [0.10, 0.12, 0.17]
    for seed in range(3):
        before = {"lfw": [value + shift[seed] for value in LFW], "calfw": CALFW}
        after = {"lfw": [value + shift[seed] + gain[seed] for value in LFW], "calfw": CALFW}
        write_run(tmp_path / "a" / f"seed_{seed}", results_of(before))
        write_run(tmp_path / "b" / f"seed_{seed}", results_of(after))
    table = resolution_table(read_comparison(tmp_path / "a", tmp_path / "b"), "cross-resolution")
    cell = table.sections["2 sets", "cross-resolution"]["14 px"]
    assert cell.before.mean == pytest.approx(0.65 + statistics.mean(shift) / 2)
    assert cell.before.std == pytest.approx(statistics.stdev(shift) / 2)
    assert cell.delta.mean == pytest.approx(0.065)
    assert cell.delta.std == pytest.approx(statistics.stdev(gain) / 2)


def test_one_set_with_the_columns_that_the_reports_have(tmp_path):
    sizes = ("8 px", "12 px", "16 px", "32 px", "112 px")
    one = write_run(tmp_path / "a", results_of({"lfw": LFW, "calfw": CALFW}, sizes=sizes))
    two = write_run(tmp_path / "b", results_of({"lfw": AFTER["lfw"][1:]}, sizes=("12 px", "16 px", "24 px", "112 px")))
    table = set_table(read_comparison(one, two), ["lfw"], "Accuracy on lfw")
    assert list(table.columns) == ["8 px", "12 px", "16 px", "24 px", "32 px", "112 px"]
    assert list(table.sections) == [("lfw", c) for c in CONDITIONS]
    cells = table.sections["lfw", "cross-resolution"]
    assert cells["12 px"].delta.mean == pytest.approx(0.82 - 0.70)
    assert cells["112 px"].delta.mean == pytest.approx(-0.01)
    assert cells["8 px"].before.mean == 0.60
    assert math.isnan(cells["8 px"].after.mean)
    assert math.isnan(cells["8 px"].delta.mean)
    assert math.isnan(cells["24 px"].before.mean)
    assert table.sections["lfw", "same-resolution"]["12 px"].before.mean == pytest.approx(0.60)
    eers = set_table(read_comparison(one, two), ["lfw"], "EER", "eer")
    assert eers.sections["lfw", "cross-resolution"]["12 px"].delta.mean == pytest.approx(-0.06)
    with pytest.raises(NotMeasuredError, match="no report holds gone"):
        set_table(read_comparison(one, two), ["gone"], "")


def test_clean_is_the_largest_size_that_any_report_holds(tmp_path):
    one = write_run(tmp_path / "a", results_of({"lfw": LFW}, conditions=["same-resolution"]))
    two = write_run(
        tmp_path / "b", results_of({"lfw": LFW[:2]}, sizes=("7 px", "14 px"), conditions=["same-resolution"])
    )
    table = resolution_table(read_comparison(one, two), "same-resolution")
    assert next(iter(table.sections.values()))["lfw"].before.mean == 0.99
    assert math.isnan(next(iter(table.sections.values()))["lfw"].after.mean)
