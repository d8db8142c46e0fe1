"""Evaluates restored photos without ground truth: scores without a reference, likeness to clean references, a grid."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from facequal.data.protocols.photos import RealPhotos
from facequal.evaluation.collection import gather_once, gather_shown
from facequal.evaluation.evaluator import Evaluator
from facequal.evaluation.identity import IdentityJudge
from facequal.evaluation.restoration import INPUT, RESTORED, RestorationSettings, restored_column
from facequal.evaluation.restoration_grid import keep_shown, write_grid
from facequal.metrics.no_reference import no_reference_scores
from facequal.reports.results import Result, write_atomically

_REFERENCE = "identity similarity"


class PhotoEvaluator(Evaluator):
    """Scores the photos, what baselines make of them, and what a step restored.

    A step returns `restored` (B,3,H,W) and `index` (B,). Likeness is the mean cosine of a photo's embedding with
    those of the person's references; it needs a recogniser and references, and photos of people without any do not
    count.

    Args:
        protocol: The photos.
        settings: Baselines, recogniser and rows of the grid, as for restoration sets.
        fitting: Leave the baselines out.
    """

    def __init__(self, protocol: RealPhotos, settings: RestorationSettings, fitting: bool = False) -> None:
        super().__init__()
        self.protocol, self.settings = protocol, settings
        self.baselines = [] if fitting else settings.baselines or []
        self.judge = None if protocol.references is None else settings.judge
        self.restored = RESTORED
        self.batches: list[dict[str, Tensor]] = []
        self.rows: dict[str, Tensor] = {}
        num_photos = len(protocol.images)
        num_shown = min(settings.num_grid_rows, num_photos)
        self.grid = {number * num_photos // num_shown for number in range(num_shown)}
        self.shown: dict[int, dict[str, Tensor]] = {}

    @property
    def columns(self) -> list[str]:
        """Names of what is scored."""
        return [INPUT, *[baseline.name for baseline in self.baselines], self.restored]

    def add(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
        """Score a batch."""
        self.restored = restored_column(outputs)
        photos = batch["lq"]
        pictures = [photos, *[baseline(photos) for baseline in self.baselines], outputs["restored"].detach()]
        scores = [no_reference_scores(images) for images in pictures]
        rows = {name: torch.stack([each[name] for each in scores], dim=1) for name in scores[0]}
        if self.judge is not None:
            rows[_REFERENCE] = self._likeness(self.judge, pictures, batch["label"])
        self.batches.append({name: values.cpu() for name, values in (rows | {"index": batch["index"]}).items()})
        keep_shown(self.shown, self.grid, batch["index"], dict(zip(self.columns, pictures, strict=True)))

    def _likeness(self, judge: IdentityJudge, pictures: list[Tensor], labels: Tensor) -> Tensor:
        """Return mean cosine with the references of the person, float64 (B,M); NaN without references."""
        person = judge.mean_references(self.protocol, labels.device)[labels]
        return torch.stack([(judge.embed(images) * person).sum(1) for images in pictures], dim=1).double()

    def compute(self, trainer: Trainer, seed: int | None) -> None:
        """Means over all photos of all ranks.

        Raises:
            ValueError: If photos are missing.
        """
        self.rows = gather_once(self.batches, trainer, len(self.protocol.images), self.protocol.name)
        self.batches, self.shown = [], gather_shown(self.shown, trainer)
        for name in [name for name in self.rows if name != "index"]:
            for place, column in enumerate(self.columns):
                values = self.rows[name][:, place]
                values = values[~values.isnan()]
                mean = float(values.mean()) if len(values) else float("nan")
                head = (self.protocol.name, "photos", column, name)
                rule = self.judge.name if self.judge is not None and name == _REFERENCE else ""
                self.results.append(Result(*head, mean, num=len(values), rule=rule, unit="", seed=seed))

    def write(self, folder: Path) -> list[Path]:
        """Return `NAME.csv`, one row per photo and column of the table, and `NAME.png`, some of the photos."""
        name = self.protocol.name.replace("/", "_")
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        scores = [score for score in self.rows if score != "index"]
        writer.writerow(["photo", "file", "restoration", *scores])
        for line, index in enumerate(self.rows["index"].tolist()):
            for place, column in enumerate(self.columns):
                figures = [self.rows[score][line, place].item() for score in scores]
                writer.writerow([index, self.protocol.images.describe(index), column, *figures])
        written = [write_atomically(folder / f"{name}.csv", text.getvalue())]
        if self.shown:
            shown: list[tuple[dict[str, Tensor], list[float]]] = [
                (self.shown[index], []) for index in sorted(self.shown)
            ]
            written.append(write_grid(folder / f"{name}.png", self.protocol.name, shown))
        return written
