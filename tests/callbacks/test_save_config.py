"""The configuration beside the results."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from lightning.pytorch.cli import LightningArgumentParser
from lightning.pytorch.loggers import WandbLogger

from facequal.callbacks.save_config import SaveRunConfig
from tests.loggers import RememberedRun

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:wandb")


@pytest.fixture
def callback() -> SaveRunConfig:
    parser = LightningArgumentParser()
    parser.add_argument("--seed", type=int, default=3)
    return SaveRunConfig(parser, parser.parse_args([]))


def run(folder: Path, is_global_zero: bool = True, loggers: tuple[Any, ...] = ()) -> Any:
    strategy = SimpleNamespace(broadcast=lambda text: text)
    return SimpleNamespace(
        logger=None, loggers=loggers, default_root_dir=folder, strategy=strategy, is_global_zero=is_global_zero
    )


@pytest.mark.parametrize(
    ("stage", "name"), [("fit", "config.yaml"), ("test", "test_config.yaml"), ("predict", "predict_config.yaml")]
)
def test_each_stage_has_its_file(callback: SaveRunConfig, stage: str, name: str, tmp_path: Path) -> None:
    callback.setup(run(tmp_path / "new"), None, stage)  # type: ignore[arg-type]
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]
    assert yaml.safe_load((tmp_path / "new" / name).read_text())["seed"] == 3


def test_it_is_written_once_and_by_the_first_rank(callback: SaveRunConfig, tmp_path: Path) -> None:
    callback.setup(run(tmp_path / "other", is_global_zero=False), None, "fit")  # type: ignore[arg-type]
    assert not (tmp_path / "other").exists()
    callback.already_saved = False
    callback.setup(run(tmp_path), None, "fit")  # type: ignore[arg-type]
    callback.setup(run(tmp_path), None, "test")  # type: ignore[arg-type]  # after a training
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_wandb_gets_the_same(callback: SaveRunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger, hyperparameters = WandbLogger(experiment=RememberedRun(), save_dir=tmp_path), []
    monkeypatch.setattr(logger, "log_hyperparams", hyperparameters.append)
    callback.setup(run(tmp_path, loggers=(logger,)), None, "fit")  # type: ignore[arg-type]
    assert hyperparameters == [yaml.safe_load((tmp_path / "config.yaml").read_text())]
