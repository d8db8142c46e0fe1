import json
import math

import pytest

from facequal.reports.comparison.pairing import read_comparison, require_comparable
from facequal.reports.results import write_results
from tests.reports.comparison.made_reports import results_of, write_run

ACCURACIES = {"lfw": [0.6, 0.7, 0.8, 0.9, 0.95], "calfw": [0.5, 0.6, 0.7, 0.8, 0.85]}


def test_a_path_may_be_a_file_a_report_or_a_run(tmp_path):
    run = write_run(tmp_path / "run", results_of(ACCURACIES))
    report = run / "report"
    for path in (run, report, report / "results.csv"):
        comparison = read_comparison(path, run)
        assert comparison.before == comparison.after
        assert comparison.before[0].path == report / "results.csv"
        assert comparison.seeds == ("",)
        assert comparison.notes == ()
    place = ("lfw", "same-resolution", "7 px")
    assert comparison.values("after", place) == [0.5]
    assert comparison.values("after", place, "eer") == [0.25]
    assert all(map(math.isnan, comparison.values("after", place, "auc")))  # which no table or picture needs
    (only,) = comparison.after
    assert only.info["config_hash"] == "0a1b2c"
    bare = tmp_path / "bare.csv"
    write_results(bare, results_of(ACCURACIES))
    assert read_comparison(bare, bare).before[0].info == {}


def test_seeds_are_paired_by_name(tmp_path):
    for seed in (0, 2, 9, 10):
        write_run(tmp_path / "a" / f"seed_{seed}", results_of(ACCURACIES), seed=seed)
    for seed in (10, 2, 3):
        write_run(tmp_path / "b" / f"seed_{seed}", results_of(ACCURACIES), seed=seed)
    (tmp_path / "b" / "seed_4").mkdir()
    comparison = read_comparison(tmp_path / "a", tmp_path / "b")
    assert comparison.seeds == ("seed_2", "seed_10")
    for side in (comparison.before, comparison.after):
        assert [report.info["seed"] for report in side] == [2, 10]
        assert [report.path.parts[-3] for report in side] == ["seed_2", "seed_10"]
    assert comparison.notes == (
        f"Not used, since they have no results in {tmp_path / 'b'}: seed_4.",
        f"Not used, since they are in {tmp_path / 'a'} alone: seed_0, seed_9.",
        f"Not used, since they are in {tmp_path / 'b'} alone: seed_3.",
    )


def test_a_single_report_against_seeds(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path / "a" / f"seed_{seed}", results_of(ACCURACIES), seed=seed)
    one = write_run(tmp_path / "b", results_of(ACCURACIES))
    for paths, sizes in (((tmp_path / "a", one), [2, 1]), ((one, tmp_path / "a"), [1, 2])):
        comparison = read_comparison(*paths)
        assert [len(comparison.before), len(comparison.after)] == sizes
        assert comparison.seeds == ("seed_0", "seed_1")
        assert comparison.notes == (f"{one} is a single report; it is compared with each of 2 seeds.",)


def test_no_seed_in_common(tmp_path):
    write_run(tmp_path / "a" / "seed_0", results_of(ACCURACIES))
    write_run(tmp_path / "b" / "seed_1", results_of(ACCURACIES))
    with pytest.raises(ValueError, match=r"no seed is in both folders: .*a holds seed_0; .*b holds seed_1"):
        read_comparison(tmp_path / "a", tmp_path / "b")


def test_paths_without_results(tmp_path):
    run = write_run(tmp_path / "runs" / "version_1", results_of(ACCURACIES))
    write_run(tmp_path / "runs" / "base" / "seed_0", results_of(ACCURACIES))
    write_run(tmp_path / "runs" / "rows" / "full" / "seed_0", results_of(ACCURACIES))
    with pytest.raises(FileNotFoundError, match=r"gone: no such file or folder"):
        read_comparison(run, tmp_path / "gone")
    with pytest.raises(
        FileNotFoundError, match=r"runs: no results\.csv.* results in .*/base, .*/rows/full, .*version_1$"
    ):
        read_comparison(tmp_path / "runs", run)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty: no results\.csv[^;]*$"):
        read_comparison(run, tmp_path / "empty")


def test_corrupt_files_are_named(tmp_path):
    run = write_run(tmp_path / "run", results_of(ACCURACIES))
    csv_file, json_file = run / "report" / "results.csv", run / "report" / "results.json"
    whole = csv_file.read_text()
    for content, message in (
        (whole.replace("0.6,", "o.6,", 1).encode(), "line 2: value is 'o.6'"),
        (whole[:-30].encode(), "entries expected"),
        (b"\xff\xfe\x00", "not a CSV file"),
        (b"a,b\n1,2\n", "columns are"),
        (whole.splitlines()[0].encode(), "no accuracy of any test set"),
        ((whole + whole.splitlines()[1] + "\n").encode(), "appears twice: lfw, cross-resolution, 7 px, accuracy"),
    ):
        csv_file.write_bytes(content)
        with pytest.raises(ValueError, match=message) as raised:
            read_comparison(run, run)
        assert str(csv_file) in str(raised.value)
    csv_file.write_text(whole)
    for content in ("{", json.dumps([1]), json.dumps({"run": None})):
        json_file.write_text(content)
        with pytest.raises(ValueError, match=r"results\.json: (not JSON|no entry 'run')"):
            read_comparison(run, run)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rule": "exact"}, r"lfw, cross-resolution, 7 px: the accuracy rule is grid in .*a.* but exact in .*b"),
        ({"num": 600}, r"the number of pairs is 6000 in .*a.* but 600 in .*b"),
    ],
)
def test_figures_made_differently_are_refused(tmp_path, changed, message):
    one = write_run(tmp_path / "a", results_of(ACCURACIES))
    mixed = [*results_of({"lfw": ACCURACIES["lfw"]}, **changed), *results_of({"calfw": ACCURACIES["calfw"]})]
    comparison = read_comparison(one, write_run(tmp_path / "b", mixed))
    with pytest.raises(ValueError, match=message):
        require_comparable(comparison, ["calfw", "lfw"])
    require_comparable(comparison, ["calfw"])


def test_places_are_what_all_reports_hold(tmp_path):
    small = {name: values[:2] for name, values in ACCURACIES.items()}
    one = write_run(tmp_path / "a", results_of({**ACCURACIES, "cplfw": [0.5] * 5}))
    two = write_run(tmp_path / "b", results_of(small, ("7 px", "112 px"), conditions=["cross-resolution"]))
    comparison = read_comparison(one, two)
    assert comparison.protocols() == ["lfw", "calfw"]
    assert comparison.shared_keys() == [
        (name, "cross-resolution", size) for name in ("lfw", "calfw") for size in ("7 px", "112 px")
    ]


def test_the_change_of_a_figure_is_paired_and_lacks_what_a_report_lacks(tmp_path):
    for seed, (early, late) in enumerate(((0.5, 0.75), (0.75, 0.875))):
        write_run(tmp_path / "a" / f"seed_{seed}", results_of({"lfw": [early]}, ["7 px"]), seed=seed)
        write_run(tmp_path / "b" / f"seed_{seed}", results_of({"lfw": [late]}, ["7 px"]), seed=seed)
    comparison = read_comparison(tmp_path / "a", tmp_path / "b")
    assert comparison.table.groupby(["run", "seed"]).size().tolist() == [4, 4, 4, 4]  # two conditions and metrics
    before, after, delta = comparison.change(("lfw", "cross-resolution", "7 px"), "accuracy")
    assert (before.mean, after.mean, delta.mean) == (0.625, 0.8125, 0.1875)
    assert (delta.num_runs, delta.std) == (2, pytest.approx(0.125 / 2**0.5))
    lacking = comparison.change(("lfw", "cross-resolution", "14 px"), "accuracy")
    assert math.isnan(lacking.delta.mean)
    assert lacking.delta.num_runs == 2
