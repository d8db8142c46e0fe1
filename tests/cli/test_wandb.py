"""The W&B logger, offline: no account, no network."""

from pathlib import Path

import pytest
import yaml

from tests.cli.test_lightning import DEMO, TINY

pytestmark = [
    pytest.mark.slow,  # it starts a service of its own
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:wandb"),
]


def test_two_runs_keep_their_configs_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    from facequal.cli.lightning import FaceQualCLI

    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = ["--trainer.logger=lightning.pytorch.loggers.WandbLogger", f"--trainer.logger.save_dir={tmp_path}"]
    logger += ["--trainer.logger.offline=true", "--trainer.logger.project=tiny"]
    for batch_size in (4, 6):
        place = [f"--trainer.default_root_dir={tmp_path}", f"--data.batch_size={batch_size}"]
        FaceQualCLI(["fit", "-c", str(DEMO), "-c", str(TINY), *logger, *place])
        wandb.finish()  # a second command is a second process
    configs = [yaml.safe_load(path.read_text()) for path in sorted((tmp_path / "tiny").glob("*/config.yaml"))]
    assert {config["data"]["batch_size"] for config in configs} == {4, 6}
