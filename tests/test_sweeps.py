"""Every sweep is one that W&B takes, its keys are the command line's, and its first point runs."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from facequal.cli import main
from facequal.engine.lightning import FaceQualCLI
from facequal.engine.sweep_file import Parameter, read_sweep
from tests.experiments import ROOT, SWEEPS, holds

WEIGHTS = "--model.init_args.weights="


def value_at(parameter: Parameter, draw: float) -> Any:
    """The value at that part of the list, or of the range."""
    if parameter.values:
        return parameter.values[int(draw * len(parameter.values))]
    return parameter.low + draw * (parameter.high - parameter.low)


# Draws that meet each of up to four values and both ends of a range; the first point's are tried by default.
DRAWS = [0.0, *(pytest.param(draw, marks=pytest.mark.slow) for draw in (0.34, 0.67, 0.999))]


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_keys_are_known(
    file: Path, draw: float, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    sweep = read_sweep(file)
    assert sweep.command[0] in ("fit", "run")
    point = {parameter.name: value_at(parameter, draw) for parameter in sweep.parameters}
    given = [argument for argument in sweep.command[1:] if not argument.startswith(WEIGHTS)]
    with pytest.raises(SystemExit) as stop:
        FaceQualCLI(["fit", *given, *(f"--{name}={value}" for name, value in point.items()), "--print_config"])
    assert stop.value.code in (0, None)
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["trainer"]["logger"]["class_path"] == "lightning.pytorch.loggers.WandbLogger"
    for key, value in point.items():
        found: Any = printed
        for part in key.split("."):
            found = found[part]
        assert holds(found, value), key


@pytest.mark.slow
@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_the_first_point_runs(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    content = yaml.safe_load(file.read_text())
    content["command"] = [argument for argument in content["command"] if not argument.startswith(WEIGHTS)]
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(content))
    nas = file.stem == "nas_alpha"  # it searches after a warm-up of up to .6 of the training
    tiny = ["-c", str(ROOT / "tests" / "conf" / f"{'tiny_stages' if nas else 'tiny'}.yaml")]
    tiny += ["--trainer.max_epochs=2"] if nas else ["--data.train.init_args.num_identities=36"]
    main(["sweep", str(tmp_path / "sweep.yaml"), "--points", "1", "--folder", str(tmp_path), *tiny])
    (row,) = pd.read_csv(tmp_path / "sweep.csv").itertuples()
    assert row.metric == content["metric"]["name"]
    assert math.isfinite(row.value)
