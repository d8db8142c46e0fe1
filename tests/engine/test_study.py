"""Studies: which rows are done, from which base and after which stages."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml

from facequal.engine.plan import plan_runs
from facequal.engine.study_file import read_study
from tests.engine.pretended import COLUMN, DEMO, STAGES, TINY, study

LR = "model.init_args.optimizer.init_args.lr"


def test_rows_start_from_the_base_of_their_seed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lrs.yaml"
    content = {"base": str(DEMO), "config": str(DEMO), "rows": {"slow rate": {LR: 1.0e-6}}}
    file.write_text(yaml.safe_dump({"title": "Rates"} | content))
    folder = study(file, "-c", str(TINY), "--first_seed", "3")

    base, row = folder / "base" / "seed_3", folder / "rows" / "slow_rate" / "seed_3"
    config = yaml.safe_load((row / "config.yaml").read_text())
    assert config["seed_everything"] == 3
    assert config["model"]["init_args"]["weights"] == str(base / "checkpoints" / "last.ckpt")
    assert config["model"]["init_args"]["optimizer"]["init_args"]["lr"] == 1e-6
    assert yaml.safe_load((base / "config.yaml").read_text())["model"]["init_args"]["weights"] is None
    # One step at such a rate leaves the weights of the base where they were.
    states = [torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for run in (base, row)]
    names = [name for name, _ in states[0].items() if name.startswith("backbone.") and name.endswith("weight")]
    assert names
    for name in names:
        torch.testing.assert_close(states[0][name], states[1][name], atol=1e-4, rtol=0)

    summary = pd.read_csv(folder / "summary.csv")
    same = ["protocol", "condition", "column", "metric"]
    before, after = (pd.read_csv(run / "report" / "results.csv").set_index(same)["value"] for run in (base, row))
    rows = summary[summary["row"] == "slow rate"].set_index(same)
    pd.testing.assert_series_equal(rows["mean"], after, check_names=False)
    pd.testing.assert_series_equal(rows["delta_mean"], after - before, check_names=False)
    assert json.loads(rows["overrides"].iloc[0]) == {LR: 1e-6}
    printed = capfd.readouterr().out
    assert "base, seed 3: " in printed
    assert "slow rate, seed 3: " in printed
    assert "to base" in printed.split("Rates")[-1]


def test_stages_come_before_the_rows_that_name_them(
    write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows: dict[str, Any] = {"a": {}, "b": {"model.from": {"x": "${second}/genotype.json"}}}
    file = write_file(stages=STAGES, rows=rows)
    folder = study(file, "--only", "b")
    assert done == ["first, seed 0", "second, seed 0", "b, seed 0"]
    run = plan_runs(read_study(file), folder, [0], [])[-1]
    (value,) = (argument for argument in run.command_line() if argument.startswith("--model.from"))
    assert value == f'--model.from={{"x": "{folder / "stages" / "second" / "seed_0"}/genotype.json"}}'
    assert set(pd.read_csv(folder / "summary.csv")["row"]) == {"b"}
    assert "second, seed 0: 0 s; 1 to go" in capsys.readouterr().out

    study(file, seeds=2)
    assert done[3:] == [
        *("other, seed 0", "a, seed 0"),
        *("first, seed 1", "second, seed 1", "other, seed 1", "a, seed 1", "b, seed 1"),
    ]
    study(file, "--only", "b", "--fresh")
    assert sorted(done[10:]) == ["b, seed 0", "first, seed 0", "second, seed 0"]


def test_only_some_rows(write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    file = write_file(base="experiment.yaml", columns=[COLUMN], rows={"first row": {}, "b": {"gain": 0.1}, "c": {}})
    folder = study(file, "--only", "b")
    assert done == ["base, seed 0", "b, seed 0"]
    assert set(pd.read_csv(folder / "summary.csv")["row"]) == {"base", "b"}
    assert "first row" not in capsys.readouterr().out
    study(file, "--only", "first row")
    assert done[2:] == ["first row, seed 0"]
    assert set(pd.read_csv(folder / "summary.csv")["row"]) == {"base", "first row", "b"}
    study(file, "--only", "b", "--fresh")
    assert done[3:] == ["base, seed 0", "b, seed 0"]
    with pytest.raises(SystemExit, match=r"there is no row 'd' in .*; there are base; first row; b; c"):
        study(file, "--only", "d")
