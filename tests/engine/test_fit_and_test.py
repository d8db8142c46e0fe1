"""Tiny runs of one experiment, in this process and in workers."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from facequal.cli import main
from facequal.engine.fit_and_test import start
from tests.engine.pretended import DEMO, TINY, study

LR = "model.init_args.optimizer.init_args.lr"


@pytest.mark.slow  # starts two processes, which import everything anew
def test_workers_write_logs_and_no_progress_bar(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lrs.yaml"
    rows = {"slow": {LR: 1.0e-6}, "wrong": {"model.init_args.nonsense": 1}}
    file.write_text(yaml.safe_dump({"config": str(DEMO), "rows": rows}))
    bar = "--trainer.callbacks+=lightning.pytorch.callbacks.RichProgressBar"
    show = ["--trainer.enable_progress_bar=true", "--trainer.enable_model_summary=true", bar]
    with pytest.raises(SystemExit) as stop:
        study(file, "--jobs", "2", "-c", str(TINY), *show)
    assert stop.value.code == 1
    out = capfd.readouterr().out
    slow, wrong = (file.parent / "out" / "rows" / name / "seed_0" for name in ("slow", "wrong"))
    log = (slow / "log.txt").read_text()
    assert "accuracy (exact)" in log  # the table of the run
    assert "Epoch" not in log
    assert "Params" not in log
    assert yaml.safe_load((slow / "config.yaml").read_text())["trainer"]["enable_model_summary"] is True
    assert "nonsense" in (wrong / "log.txt").read_text()
    assert "accuracy (exact)" not in out
    assert "slow, seed 0: " in out
    assert 'failed: wrong, seed 0: TypeError: Parser key "model"' in out
    assert str(wrong / "log.txt") in out
    assert set(pd.read_csv(file.parent / "out" / "summary.csv")["row"]) == {"slow"}


def test_missing_test_set_is_found_before_the_training(tmp_path: Path) -> None:
    gone = ["--data.test=[{class_path: facequal.data.protocols.verification.PairsBin, init_args: {path: gone.bin}}]"]
    with pytest.raises(ValueError, match=r"gone\.bin: no such file"):
        main(["run", "-c", str(DEMO), "-c", str(TINY), f"--trainer.logger.save_dir={tmp_path}", *gone])
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_worker_has_one_device() -> None:
    line = ["-c", str(DEMO), "-c", str(TINY), "--trainer.devices=2", "--trainer.strategy=ddp_spawn"]
    with pytest.raises(ValueError, match=r"trainer\.devices: 2 processes in one of several jobs; use --jobs 1"):
        start("fit", line, as_worker=True)
