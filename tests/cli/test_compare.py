from pathlib import Path

import pandas as pd
import pytest

from facequal.cli import main
from tests.reports.comparison.made_reports import results_of, write_run

BEFORE = {"procedural/other-family": [0.75, 0.9, 0.96, 0.97, 0.97], "procedural/mixed": [0.7, 0.8, 0.9, 0.9, 0.9]}
AFTER = {"procedural/other-family": [0.9, 0.95, 0.96, 0.97, 0.97], "procedural/mixed": [0.78, 0.8, 0.9, 0.9, 0.89]}


@pytest.fixture
def seeds(tmp_path: Path) -> tuple[str, str]:
    for seed in (0, 1):
        for name, accuracies in (("base", BEFORE), ("tuned", AFTER)):
            shifted = {key: [value - 0.02 * seed for value in values] for key, values in accuracies.items()}
            write_run(tmp_path / name / f"seed_{seed}", results_of(shifted, rule="exact"), seed=seed)
    return str(tmp_path / "base"), str(tmp_path / "tuned")


def test_tables_are_printed_and_written(
    seeds: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    main(["compare", *seeds, "--out", str(out)])
    printed = capsys.readouterr().out
    lines = [line.split() for line in printed.splitlines()]
    assert max(map(len, printed.splitlines()[:40])) <= 130
    # (75 + 70) / 2 - 1 for the mean over the seeds; the two sets' differences are 15 and 8.
    assert ["2", "sets", "before", "n/a", "71.50", "84.00", "92.00", "92.50", "92.50", "86.50", "n/a"] in lines
    assert ["delta", "n/a", "+11.50", "+2.50", "+0.00", "+0.00", "-0.50", "+2.70", "n/a"] in lines
    assert f"comparison: {out / 'comparison.md'}" in printed
    assert "note: lfw: lfw is not in all reports, which share procedural/other-family, procedural/mixed." in printed
    assert "note: roc: there is no" in printed
    bars = pd.read_csv(out / "bars.csv").set_index(["protocol", "condition", "model", "column"])
    row = bars.loc[("procedural/mixed", "cross-resolution", "delta", "7 px")]
    assert row["mean"] == pytest.approx(0.08)
    assert row["std"] == pytest.approx(0, abs=1e-12)
    assert row["num_seeds"] == 2
    assert {path.name for path in out.iterdir()} == {
        *("comparison.md", "bars.csv", "bars.png", "cross-resolution.csv", "same-resolution.csv")
    }


def test_options(seeds: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    main(["compare", *seeds, "--out", str(out), "--only", "same-resolution", "lfw", "--sets", "procedural/mixed"])
    assert {path.name for path in out.iterdir()} == {"comparison.md", "same-resolution.csv", "lfw.csv"}
    assert set(pd.read_csv(out / "lfw.csv")["protocol"]) == {"procedural/mixed"}
    table = pd.read_csv(out / "same-resolution.csv")
    first = table[(table["model"] == "before") & (table["column"] == "7 px")].iloc[0]
    assert first["mean"] == pytest.approx(0.70 - 0.1 - 0.01)
    text = (out / "comparison.md").read_text(encoding="utf-8")
    assert "Mean of 1 of 1 sets: procedural/mixed." in text
    assert text.endswith("\n\nSeeds: seed_0, seed_1.\n")


def test_missing_sets_are_named_and_each_table_is_printed_once(
    seeds: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["--sets", "procedural/mixed", "typo"]
    main(["compare", *seeds, "--out", str(tmp_path / "out"), *wanted, "--only", "lfw", "bars"])
    printed = capsys.readouterr().out
    assert "note: Not in all reports, so not compared: typo.\n" in printed
    assert printed.count("procedural/mixed  ") == 2  # one table, two conditions
    assert "Not in all reports, so not compared: typo." in (tmp_path / "out" / "comparison.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone"], "facequal compare: gone: no such file or folder"),
        (["{base}", "--sets", "lfw"], "none of lfw is in all reports: .* holds procedural/other-family"),
        (["{base}", "--only", "roc"], "nothing can be compared: roc: there is no .*seed_0"),
        (["{base}", "--out", "{base}/seed_0/report"], "holds the report of a run"),
    ],
)
def test_errors(seeds: tuple[str, str], tmp_path: Path, arguments: list[str], message: str) -> None:
    given = [argument.format(base=seeds[0]) for argument in arguments]
    with pytest.raises(SystemExit, match=message):
        main(["compare", seeds[1], "--out", str(tmp_path / "out"), *given])
    assert not (tmp_path / "out").exists()


def test_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["a", "b"], "--out"),
        (["a", "b", "--out", "c", "--only", "tables"], "invalid choice"),
        (["a", "b", "--out", "c", "--set", "lfw"], "unrecognized arguments: --set"),
    ):
        with pytest.raises(SystemExit):
            main(["compare", *arguments])
        assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    assert "seed_*/report/results.csv" in capsys.readouterr().out
