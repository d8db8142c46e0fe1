"""The W&B logger: what a run hands to it, and real runs offline, without an account and network."""

import importlib.abc
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from facequal.data.sources.images import read_image
from facequal.engine.fit_and_test import RunCLI
from facequal.engine.lightning import FaceQualCLI
from tests.engine.pretended import DEMO, ROOT, TINY

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:wandb")
WANDB = ROOT / "experiments" / "loggers" / "wandb.yaml"


def test_a_run_hands_over_config_figures_pictures_and_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    logger = ["--trainer.logger=tests.loggers.RememberingWandbLogger", f"--trainer.logger.save_dir={tmp_path}"]
    cli = RunCLI(["fit", "-c", str(DEMO), "-c", str(TINY), "-c", str(WANDB), *logger])
    (used,) = cli.trainer.loggers
    run: Any = used.experiment
    folder = tmp_path / "facequal" / "abc123"
    saved = yaml.safe_load((folder / "config.yaml").read_text())
    assert saved.items() <= run.configured.items()
    assert run.configured["data"]["train"]["init_args"]["num_identities"] == 6
    media = run.media()
    assert media.keys() == {"test/results", "test/roc", "test/pairs"}
    results = pd.read_csv(folder / "report" / "results.csv")
    (table,) = media["test/results"]
    assert table.columns == list(results)
    shown = pd.DataFrame(table.data, columns=table.columns)
    assert shown["value"].tolist() == results["value"].tolist()
    assert shown["metric"].tolist() == results["metric"].tolist()
    assert {values["trainer/global_step"] for values in run.logged if "test/roc" in values} == {1}
    for name in ("roc", "pairs"):
        ((picture,),) = media[f"test/{name}"]
        assert (np.asarray(picture.image)[..., :3] == read_image(folder / "report" / f"{name}.png")).all()
    (artifact,) = run.artifacts
    assert (artifact.type, artifact.name) == ("report", "report-abc123")
    assert set(artifact.manifest.entries) == {path.name for path in (folder / "report").iterdir()}


class NoWandb(importlib.abc.MetaPathFinder):
    """Refuses to find wandb, in a way that nobody takes for its absence."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] == "wandb":
            raise AssertionError(f"{name} is imported")


@pytest.fixture
def without_wandb(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in sys.modules if name.split(".")[0] == "wandb"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoWandb(), *sys.meta_path])
    yield
    assert "wandb" not in sys.modules


@pytest.mark.usefixtures("without_wandb")
def test_nothing_of_it_is_imported_where_it_is_not_used(tmp_path: Path) -> None:
    place = [f"--trainer.default_root_dir={tmp_path}", f"--trainer.logger.save_dir={tmp_path}"]
    RunCLI(["fit", "-c", str(DEMO), "-c", str(TINY), *place])
    with pytest.raises(AssertionError, match="wandb is imported"):
        __import__("wandb")


@pytest.mark.slow
def test_nothing_of_it_is_imported_with_the_package(tmp_path: Path) -> None:
    code = (
        "import importlib, pkgutil, sys, facequal\n"
        "for module in pkgutil.walk_packages(facequal.__path__, 'facequal.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
        "facequal.cli.main(['fit', *sys.argv[1:]])\n"
        "sys.exit('wandb' in sys.modules)"
    )
    arguments = ["-c", str(DEMO), "-c", str(TINY), f"--trainer.logger.save_dir={tmp_path}"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_two_runs_keep_their_configs_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_MODE", "offline")  # Lightning sets it, too, and leaves it
    logger = ["--trainer.logger=lightning.pytorch.loggers.WandbLogger", f"--trainer.logger.save_dir={tmp_path}"]
    logger += ["--trainer.logger.offline=true", "--trainer.logger.project=tiny"]
    for batch_size in (4, 6):
        place = [f"--trainer.default_root_dir={tmp_path}", f"--data.batch_size={batch_size}"]
        FaceQualCLI(["fit", "-c", str(DEMO), "-c", str(TINY), *logger, *place])
        wandb.finish()  # a second command is a second process
    wandb.teardown()  # its service would be that of processes started later
    configs = [yaml.safe_load(path.read_text()) for path in sorted((tmp_path / "tiny").glob("*/config.yaml"))]
    assert {config["data"]["batch_size"] for config in configs} == {4, 6}


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.ddp)])
def test_a_real_run_without_an_account(devices: int, tmp_path: Path) -> None:
    """Nobody is asked for anything; one run of one rank holds all; nothing lies beside ``runs``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "NETRC"))}
    (tmp_path / "work").mkdir()
    strategy = [f"--trainer.devices={devices}", *(["--trainer.strategy=ddp"] if devices > 1 else [])]
    done = subprocess.run(
        [sys.executable, "-m", "facequal", "run", "-c", DEMO, "-c", TINY, "-c", WANDB, *strategy],
        env=environment | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path / "work",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["runs"]
    (place,) = (tmp_path / "work" / "runs" / "wandb").glob("offline-run-*")
    assert f"`wandb sync {place.relative_to(tmp_path / 'work')}` uploads it" in done.stderr
    config: set[str] = set()
    artifacts: dict[str, set[str]] = {}
    for record in records(next(place.glob("run-*.wandb"))):
        config |= {item.key for item in record.config.update}
        if record.HasField("artifact"):
            artifacts[record.artifact.type] = {entry.path for entry in record.artifact.manifest.contents}
    assert {"trainer", "model", "data", "evaluation", "seed_everything"} <= config
    report = {"report.md", "results.csv", "results.json", "roc.png", "roc.npz", "pairs.png"}
    assert artifacts == {"report": report, "run_table": {"test/results.table.json"}}
    media = {path.relative_to(place / "files" / "media") for path in place.rglob("media/**/*.*")}
    assert {str(path).split("_")[0] for path in media} == {"images/test/roc", "images/test/pairs", "table/test/results"}


def records(path: Path) -> Iterator[Any]:
    """What the file of an offline run holds: LevelDB's log of protocol buffers, behind 7 bytes of header."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, content = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        left_in_block = 2**15 - place % 2**15
        if left_in_block < 7:
            place += left_in_block
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        content += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(content)
            content = b""
