"""Evaluates restored photos without ground truth: scores without a reference, likeness to clean references, a grid."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from facequal.data.protocols.photos import RealPhotos
from facequal.evaluation.identity import IdentityJudge
from facequal.evaluation.pictures import PictureEvaluator
from facequal.evaluation.settings import EvaluationSettings
from facequal.metrics.no_reference import no_reference_scores
from facequal.reports.results import Result

_LIKENESS = "identity similarity"


class PhotoEvaluator(PictureEvaluator[RealPhotos]):
    """Scores of the photos, of what baselines make of them, and of what a step restored.

    Likeness is the mean cosine of a photo's embedding with those of the person's references; it needs a recogniser and
    references, and photos of people without any do not count.

    Args:
        protocol: The photos.
        settings: Baselines, recogniser and rows of the grid, as for restoration sets.
    """

    def __init__(self, protocol: RealPhotos, settings: EvaluationSettings) -> None:
        super().__init__(protocol, settings)
        self.judge = None if protocol.references is None else settings.restoration.judge

    def grid_numbers(self, num_shown: int) -> set[int]:
        """Return the numbers of photos at even distances."""
        return {number * len(self.protocol.images) // num_shown for number in range(num_shown)}

    def add(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
        """Score a batch."""
        pictures = self.restorations(outputs, batch)
        scores = [no_reference_scores(images) for images in pictures]
        rows = {name: torch.stack([of_column[name] for of_column in scores], dim=1) for name in scores[0]}
        if self.judge is not None:
            rows[_LIKENESS] = self._likeness(self.judge, pictures, batch["label"])
        self.keep(rows | {"index": batch["index"]}, dict(zip(self.columns, pictures, strict=True)))

    def _likeness(self, judge: IdentityJudge, pictures: list[Tensor], labels: Tensor) -> Tensor:
        """Return the mean cosine with the references of the person, float64 (B,M); NaN without references."""
        person = judge.mean_references(self.protocol, labels.device)[labels]
        return torch.stack([(judge.embed(images) * person).sum(1) for images in pictures], dim=1).double()

    def compute(self, trainer: Trainer, seed: int | None) -> None:
        """Take the means over all photos of all ranks.

        Raises:
            ValueError: If photos are missing.
        """
        self.gather(trainer)
        for name in self.score_names():
            rule = self.judge.name if self.judge is not None and name == _LIKENESS else ""
            for column, values in zip(self.columns, self.rows[name].unbind(1), strict=True):
                values = values[~values.isnan()]
                mean = float(values.mean()) if len(values) else float("nan")
                head = (self.protocol.name, "photos", column, name)
                self.results.append(Result(*head, mean, num=len(values), rule=rule, unit="", seed=seed))

    def line(self, position: int) -> dict[str, object]:
        """Return number and file of a photo."""
        number = int(self.rows["index"][position])
        return {"photo": number, "file": self.protocol.images.describe(number)}

    def score_names(self) -> dict[str, str]:
        """Return all scores under their names."""
        return {name: name for name in self.rows if name != "index"}
