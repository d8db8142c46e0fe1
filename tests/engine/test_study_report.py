"""The tables, the map and the lines of a study whose runs only pretend."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.engine.pretended import COLUMN, study


def test_summary_of_a_grid(write_file: Callable[..., Path], done: list[str]) -> None:
    grid = {"gain": [0.1, 0.2], "data.batch_size": [4, 8]}
    file = write_file(title="Gains", base="experiment.yaml", rows={"control": {"gain": 0}}, grid=grid)
    folder = study(file, seeds=2)
    summary = pd.read_csv(folder / "summary.csv")
    names = ["base", "control", *[f"gain={gain}, batch_size={size}" for gain in (0.1, 0.2) for size in (4, 8)]]
    assert list(dict.fromkeys(summary["row"])) == names
    row = summary[(summary["row"] == names[-1]) & (summary["column"] == "7 px")].iloc[0]
    assert json.loads(row["overrides"]) == {"gain": 0.2, "data.batch_size": 8}
    assert row["mean"] == pytest.approx(0.705)
    assert row["std"] == pytest.approx(0.01 / 2**0.5)
    assert (row["min"], row["max"], row["num_runs"]) == (pytest.approx(0.7), pytest.approx(0.71), 2)
    assert (row["delta_mean"], row["delta_std"]) == (pytest.approx(0.2), pytest.approx(0, abs=1e-12))
    assert (folder / "map.png").stat().st_size > 1000
    text = (folder / "summary.md").read_text()
    assert text.startswith("# Gains\n")
    assert "## set, cross-resolution\n\n| row | 7 px | 14 px |\n" in text
    assert "| gain=0.2, batch_size=8 | 70.50 ± 0.71 (+20.00 ± 0.00) | 80.50 ± 0.71 (+20.00 ± 0.00) |" in text
    assert "![Gains](map.png)" in text
    for told in ("| seeds | 0, 1 |", "facequal study ", "| torch | ", "| wall time | "):
        assert told in text


def test_differences_to_a_control(write_file: Callable[..., Path], done: list[str]) -> None:
    rows = {"plain": {"gain": 0.1}, "with": {"gain": 0.3}}
    folder = study(write_file(base="experiment.yaml", control="plain", rows=rows), seeds=2)
    summary = pd.read_csv(folder / "summary.csv").set_index(["row", "column"])["delta_mean"]
    assert summary["base", "7 px"] == pytest.approx(-0.1)
    assert np.isnan(summary["plain", "7 px"])
    assert summary["with", "7 px"] == pytest.approx(0.2)
    assert "To plain: differences" in (folder / "summary.md").read_text()


def test_a_control_without_results(
    write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    study(write_file(control="plain", rows={"plain": {}, "with": {"gain": 0.3}}), "--only", "with")
    assert "no differences are shown: the control 'plain' has no results" in capsys.readouterr().out


def test_the_map_holds_the_means_of_its_rows(
    write_file: Callable[..., Path], done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("facequal.engine.study_report.map_png", lambda *given: drawn.append(given) or b"")
    grid = {"gain": [0.1, 0.2], "data.batch_size": [4, 8, 16]}
    study(write_file(base="experiment.yaml", columns=[COLUMN], rows={"control": {"gain": 0}}, grid=grid))
    ((panels, down, across),) = drawn
    assert down == ("gain", ["0.1", "0.2"])
    assert across == ("batch_size", ["4", "8", "16"])
    assert panels[0].base == pytest.approx(50)
    assert [pytest.approx(row) for row in panels[0].values] == [[60] * 3, [70] * 3]


def test_columns_that_no_run_has(
    write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    columns = [COLUMN, ["set", "cross-resolution", "8 px"], ["other|set", "clean", "7 px"]]
    grid = {"gain": [0.1, 0.2], "data.batch_size": [4, 8]}
    file = write_file(base="experiment.yaml", columns=columns, grid=grid)
    with pytest.raises(SystemExit) as stop:
        study(file)
    assert stop.value.code == 1
    folder = file.parent / "out"
    # All that was measured is in the file; the tables have what they can of the columns.
    summary = pd.read_csv(folder / "summary.csv")
    assert len(summary) == 5 * 2
    note = "no run has set, cross-resolution, 8 px or other|set, clean, 7 px; there are: protocols set; "
    note += "conditions cross-resolution; columns 7 px, 14 px; metrics accuracy"
    text = (folder / "summary.md").read_text()
    assert f"\n\nNote: {note}.\n\n".replace("other|", "other\\|") in text
    assert "| row | 7 px | 8 px |\n|---|---:|---:|\n| base | 50.00 | n/a |\n" in text
    assert "## other\\|set, clean\n\n| row | 7 px |\n|---|---:|\n| base | n/a |\n" in text
    assert (folder / "map.png").stat().st_size > 1000
    printed = capsys.readouterr().out
    assert f"{file}: columns: {note}\n" in printed
    assert "summary.md, " in printed

    done.clear()
    study(write_file(base="experiment.yaml", columns=[COLUMN], grid=grid))  # no part of what a run depends on
    assert done == []
    assert "Note:" not in (folder / "summary.md").read_text()


def test_columns_of_which_no_run_has_any(write_file: Callable[..., Path], done: list[str]) -> None:
    file = write_file(columns=[["nothing", "clean", "7 px"]], rows={"a": {}})
    with pytest.raises(SystemExit):
        study(file)
    assert "| row | 7 px |\n|---|---:|\n| a | n/a |\n" in (file.parent / "out" / "summary.md").read_text()
    study(write_file(columns=[COLUMN], rows={"a": {}}))  # the columns are no part of what a run depends on
    assert done == ["a, seed 0"]


def test_a_narrow_terminal_loses_nothing(
    write_file: Callable[..., Path],
    done: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    study(write_file(base="experiment.yaml", rows={"a row of a study": {"gain": 0.1}}), seeds=2)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["set", "base", "50.50", "±", "0.71", "60.50", "±", "0.71"] in lines
    assert ["cross-resolution", "a", "row", "of", "a", "study", "60.50", "±", "0.71", "70.50", "±", "0.71"] in lines
