"""What is handed to which logger."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from lightning.pytorch.loggers import WandbLogger

from facequal.data.sources.images import encode_png
from facequal.evaluation.loggers import log_files, log_picture, log_report, log_results, log_table
from facequal.reports.results import Result
from tests.loggers import RememberedRun

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:wandb")


@pytest.fixture
def loggers() -> SimpleNamespace:
    """Loggers by their interfaces, and the calls they got."""
    calls: dict[str, list[Any]] = {"wandb": [], "tensorboard": []}

    def taking(kind: str) -> Any:
        return lambda *arguments, **more: calls[kind].append((*arguments, *more.values()))

    wandb = SimpleNamespace(log_image=taking("wandb"), log_table=taking("wandb"))
    tensorboard = SimpleNamespace(
        experiment=SimpleNamespace(add_image=taking("tensorboard"), add_text=taking("tensorboard"))
    )
    csv, none = SimpleNamespace(experiment=SimpleNamespace()), SimpleNamespace(experiment=None)
    trainer = SimpleNamespace(loggers=[csv, wandb, tensorboard, none], global_step=7)
    return SimpleNamespace(trainer=trainer, calls=calls)


def test_a_picture(loggers: SimpleNamespace, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    encode_png(tmp_path / "a.png", picture)
    log_picture(loggers.trainer, "test/a", tmp_path / "a.png")
    assert loggers.calls["wandb"] == [("test/a", [str(tmp_path / "a.png")], 7)]
    ((key, shown, step, order),) = loggers.calls["tensorboard"]
    assert (key, step, order) == ("test/a", 7, "HWC")
    assert (shown == picture).all()


def test_a_table(loggers: SimpleNamespace) -> None:
    log_table(loggers.trainer, "test/t", ["name", "value"], [("a|b", 0.5), ("c", None)])
    assert loggers.calls["wandb"] == [("test/t", ["name", "value"], [["a|b", 0.5], ["c", None]], 7)]
    text = "| name | value |\n|---|---|\n| a\\|b | 0.5 |\n| c |  |"
    assert loggers.calls["tensorboard"] == [("test/t", text, 7)]


def test_files_are_an_artifact_of_wandb(
    loggers: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    files = [tmp_path / "one.txt", tmp_path / "folder" / "two.csv"]
    for number, path in enumerate(files):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"file {number}")
    (tmp_path / "folder" / "other.csv").write_text("not asked for")
    run = RememberedRun()
    loggers.trainer.loggers.append(WandbLogger(experiment=run, save_dir=tmp_path))
    log_files(loggers.trainer, "report", files)
    (artifact,) = run.artifacts
    assert (artifact.type, artifact.name) == ("report", "report-abc123")
    entries = artifact.manifest.entries
    assert {name: Path(entry.local_path).read_text() for name, entry in entries.items()} == {
        "one.txt": "file 0",
        "two.csv": "file 1",
    }
    assert loggers.calls == {"wandb": [], "tensorboard": []}


def logged(results: list[Result]) -> dict[str, float]:
    values: dict[str, float] = {}
    log_results(SimpleNamespace(log=lambda name, value, **_: values.__setitem__(name, value)), "val", results)
    return values


def test_classes_do_not_count_beside_the_whole_set() -> None:
    results = [
        *[Result("mixed", kind, "blur", "accuracy", value) for kind, value in (("all", 0.8), ("B", 0.1), ("N", 0.9))],
        *[Result("lfw", "cross-resolution", f"{px} px", "accuracy", value) for px, value in ((7, 0.5), (112, 0.9))],
    ]
    values = logged(results)
    assert values["val/lfw/cross-resolution/7px/accuracy"] == 0.5
    assert len(values) == 6
    assert values["val/accuracy"] == pytest.approx((0.8 + 0.5 + 0.9) / 3)


def test_the_mean_psnr_weighs_the_restored_pictures_alone() -> None:
    results = [
        Result(protocol, condition, column, "psnr", value, num=num, unit="dB")
        for protocol, condition, column, value, num in (
            ("mixed", "all", "restored (self)", 20.0, 10),
            ("mixed", "B", "restored (self)", 99.0, 5),
            ("mixed", "all", "input", 1.0, 10),
            ("noisy", "N", "restored", 30.0, 30),
            ("clean", "clean", "restored", float("inf"), 0),
        )
    ]
    assert logged(results)["val/psnr"] == pytest.approx((20 * 10 + 30 * 30) / 40)
    assert "val/accuracy" not in logged(results)
    assert logged([]) == {}


def test_a_report_is_a_table_and_its_pictures(loggers: SimpleNamespace, tmp_path: Path) -> None:
    encode_png(tmp_path / "roc.png", np.zeros((4, 4, 3), dtype=np.uint8))
    (tmp_path / "report.md").write_text("figures")
    log_report(
        loggers.trainer, [Result("lfw", "c", "7 px", "eer", 0.1)], [tmp_path / "roc.png", tmp_path / "report.md"]
    )
    table, picture = loggers.calls["wandb"]
    assert table[0] == "test/results"
    assert table[2][0][:5] == ["lfw", "c", "7 px", "eer", 0.1]
    assert picture == ("test/roc", [str(tmp_path / "roc.png")], 7)
