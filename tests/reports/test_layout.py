"""Which folders are runs, and what they are called."""

from pathlib import Path

import pytest

from facequal.reports.layout import expand_studies, find_seeds, run_names
from facequal.reports.notes import Notes
from tests.reports.page.made_runs import make_run, results


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/r/demo/version_0"], ["demo"]),
        (["/r/a/version_0", "/r/b/version_0/report/results.csv"], ["a", "b"]),
        (["/r/a/version_0", "/r/a/version_1"], ["a/version_0", "a/version_1"]),
        (["/r/a/seed_0", "/r/a/seed_0/report"], ["a/seed_0", "a/seed_0/report"]),
        (["/one/base", "/two/base", "/two/rows/b_0.5"], ["one/base", "two/base", "b_0.5"]),
        (["/r/study/rows/x/seed_1", "/r/study/rows/y/seed_1/report"], ["x", "y"]),
    ],
)
def test_names_are_short_and_differ(paths: list[str], names: list[str]) -> None:
    assert list(run_names([Path(path) for path in paths]).values()) == names


def test_a_study_stands_for_its_base_and_rows(tmp_path: Path) -> None:
    for place in ("base/seed_0", "rows/b/seed_0", "rows/a/seed_0", "stages/search/seed_0"):
        (tmp_path / place).mkdir(parents=True)
    rows = [tmp_path / "base", tmp_path / "rows" / "a", tmp_path / "rows" / "b"]
    assert expand_studies([tmp_path, tmp_path / "rows" / "a"]) == rows
    (tmp_path / "base" / "seed_0").rmdir()
    assert expand_studies([tmp_path]) == rows[1:]


def test_all_that_compare_takes(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", results([0.8, 0.9]))
    for path in (run, run / "report", run / "report" / "results.csv"):
        place = find_seeds(path, "run", Notes())[""]
        assert place == (run, run / "report" / "results.csv")
    for seed in (10, 9):
        make_run(tmp_path / "seeds" / f"seed_{seed}", results([0.8, 0.9]))
    (tmp_path / "seeds" / "seed_11").mkdir()
    notes = Notes()
    assert list(find_seeds(tmp_path / "seeds", "many", notes)) == ["seed_9", "seed_10"]
    assert list(notes) == [f"many: Not used, since they have no results in {tmp_path / 'seeds'}: seed_11."]


def test_runs_without_results(tmp_path: Path) -> None:
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "config.yaml").write_text("trainer: {}")
    notes = Notes()
    assert find_seeds(tmp_path / "fit", "fit", notes)[""] == (tmp_path / "fit", None)
    assert "fit: there are no results, so it has no figures: " in next(iter(notes))
    make_run(tmp_path / "run", results([0.8, 0.9]))
    with pytest.raises(FileNotFoundError, match=r"there are results in .*run"):
        find_seeds(tmp_path, "folder", notes)
    with pytest.raises(FileNotFoundError, match="gone: no such file or folder"):
        find_seeds(Path("gone"), "gone", notes)
