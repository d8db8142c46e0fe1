"""`facequal report`: what can be read is shown, what cannot is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from facequal.cli import main
from tests.reports.page.made_runs import make_run, results, write_samples


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return make_run(tmp_path / "good", results([0.7, 0.9]), has_curves=False)


def report(*runs: Path, out: Path) -> str:
    main(["report", *map(str, runs), "--out", str(out)])
    return (out / "report.html").read_text(encoding="utf-8")


def break_results(run: Path) -> None:
    path = run / "report" / "results.csv"
    path.write_text(path.read_text().replace("0.8", "much", 1))


def repeat_a_figure(run: Path) -> None:
    path = run / "report" / "results.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")


def break_bytes(name: str) -> Callable[[Path], None]:
    def broken(run: Path) -> None:
        (run / name).write_bytes(b"\xff\x00: [broken")

    return broken


def cut_parquet(run: Path) -> None:
    path = run / "samples" / "epoch_0001.parquet"
    path.write_bytes(path.read_bytes()[:-20])


def other_parquet(run: Path) -> None:
    import pandas as pd

    pd.DataFrame({"epoch": [1]}).to_parquet(run / "samples" / "epoch_0001.parquet")


BREAKS: list[tuple[Callable[[Path], None], str]] = [
    (break_results, "its figures are left out: {run}/report/results.csv, line 2: value is 'much', expected a number"),
    (repeat_a_figure, "its figures are left out: {run}/report/results.csv: this figure appears twice: lfw, "),
    (break_bytes("report/results.csv"), "its figures are left out: {run}/report/results.csv: "),
    (break_bytes("report/results.json"), "date, command and versions are unknown: {run}/report/results.json: not JSON"),
    (break_bytes("report/roc.npz"), "its ROC curves are left out: {run}/report/roc.npz: not a file of ROC curves"),
    (break_bytes("config.yaml"), "its configuration is left out: {run}/config.yaml: is no YAML"),
    (break_bytes("report/Test-B.png"), "{run}/report/Test-B.png: not a picture"),
    (cut_parquet, "its training samples are left out: {run}/samples/epoch_0001.parquet: not a Parquet file"),
    (other_parquet, "its training samples are left out: {run}/samples/epoch_0001.parquet: no column 'index'"),
]


def test_broken_files_are_named_and_the_rest_is_shown(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = []
    for number, (breaks, _) in enumerate(BREAKS):
        run = make_run(tmp_path / f"run{number}", results([0.8 + number / 1000, 0.9]), has_curves=False)
        if "parquet" in breaks.__name__:
            write_samples(run)
        breaks(run)
        runs.append(run)
    html = report(*runs, good, out=tmp_path / "out")
    shown = capsys.readouterr()
    for number, (_, words) in enumerate(BREAKS):
        assert f"note: run{number}: {words.format(run=runs[number])}" in shown.err
        assert (f"{80 + number / 10:.2f}" in html) == ("its figures" not in words)
    assert "70.00" in html
    assert shown.out == f"report: {tmp_path / 'out' / 'report.html'}\n"


def test_runs_without_results_are_named(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "config.yaml").write_text("trainer: {max_epochs: 77}")
    html = report(good, tmp_path / "fit", tmp_path / "gone", out=tmp_path / "out")
    errors = capsys.readouterr().err
    assert "note: fit: there are no results, so it has no figures: " in errors
    assert f"note: gone: is left out: {tmp_path / 'gone'}: no such file or folder" in errors
    assert "max_epochs: 77" in html
    assert "Comparison of 2 runs" in html


def test_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        SystemExit, match=r"facequal report: no run can be read\n  empty: is left out: .*no results.csv"
    ):
        main(["report", str(tmp_path / "empty"), "--out", str(tmp_path / "out")])
    broken = make_run(tmp_path / "broken", results([0.8, 0.9]), has_curves=False)
    break_results(broken)
    break_bytes("config.yaml")(broken)
    with pytest.raises(SystemExit, match=r"broken: is left out, as nothing of it can be read"):
        main(["report", str(broken), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_seeds_that_lack_files_or_have_other_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(2):
        make_run(tmp_path / "many" / f"seed_{seed}", results([0.7 + 0.1 * seed, 0.9]), seed=seed, has_curves=False)
    (tmp_path / "many" / "seed_1" / "config.yaml").write_text("trainer: {max_epochs: 5}")
    (tmp_path / "many" / "seed_0" / "report" / "results.json").unlink()
    html = report(tmp_path / "many", out=tmp_path / "out")
    errors = capsys.readouterr().err
    assert "note: many: no results.json in seed_0, so date, command and versions are unknown" in errors
    assert "its seeds have other settings, those of the first are shown: " in errors
    assert "Report of many" in html
    assert "75.00 ± 7.07" in html


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["report", "--help"])
    assert "the folder of a study, which stands for its base and all its rows" in capsys.readouterr().out
