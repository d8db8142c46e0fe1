"""Runs as trainings and tests would leave them, made in moments."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from facequal.reports.page.runs import Run, Seed
from facequal.reports.results import Result
from tests.reports.comparison.made_reports import write_run

SIZES = ("7 px", "112 px")
CONFIG: dict[str, Any] = {
    "seed_everything": 0,
    "trainer": {
        "accelerator": "cpu",
        "max_epochs": 4,
        "logger": {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "runs/a"}},
        "callbacks": [{"class_path": "facequal.callbacks.preview.TrainingPreview", "init_args": {"num_images": 8}}],
    },
    "model": {
        "class_path": "facequal.methods.recognition.recognizer.Recognizer",
        "init_args": {
            "head": {"class_path": "facequal.models.heads.ArcFaceHead", "init_args": {"m": 0.5, "s": 64.0}},
            "weights": None,
        },
    },
    "data": {
        "test": [{"class_path": "facequal.data.protocols.verification.PairsBin", "init_args": {"path": "lfw.bin"}}]
    },
}


def results(accuracies: Sequence[float], protocol: str = "lfw", **options: Any) -> list[Result]:
    """Accuracy at both sizes, and an EER of half the error."""
    given: dict[str, Any] = {"num": 6000, "rule": "grid", "folds": 10} | options
    rows = []
    for size, value in zip(SIZES, accuracies, strict=True):
        place = (protocol, "cross-resolution", size)
        rows.append(Result(*place, "accuracy", value, 0.01, **given))
        rows.append(Result(*place, "eer", (1 - value) / 2, num=given["num"]))
    return rows


def make_run(
    folder: Path, rows: Sequence[Result], config: Mapping[str, Any] = CONFIG, seed: int = 0, **settings: Any
) -> Path:
    """A run with report, curves and configuration; gives `folder`."""
    write_run(folder, rows, seed=seed, **({"has_curves": True} | settings))
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(config)))
    return folder


def run_of(name: str, *per_seed: Sequence[Result]) -> Run:
    """A run that is in memory only, with the results of each seed."""
    return Run(name, Path(name), {f"seed_{n}": Seed(Path(name), None, rows) for n, rows in enumerate(per_seed)})


def write_samples(folder: Path, shift: float = 0.0, num_epochs: int = 2) -> None:
    """Training samples whose norm follows the size that was drawn."""
    generator = np.random.default_rng(0)
    (folder / "samples").mkdir(parents=True)
    for epoch in range(num_epochs):
        size = generator.uniform(7, 112, 60)
        columns = {"index": np.arange(60), "view": 0, "norm": 10 + shift + size / 20, "probability": 0.5}
        columns |= {"gradient_scaling": -size, "drawn.size_px": size}
        frame = pd.DataFrame({"epoch": epoch, **columns})
        frame.to_parquet(folder / "samples" / f"epoch_{epoch:04d}.parquet", index=False)
