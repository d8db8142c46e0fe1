"""Evaluates a restoration set: how near restored pictures are to the clean ones, and whether the person is the same."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from facequal.data.protocols.restoration import DegradedSet
from facequal.degradations.multi import CLASSES, class_numbers
from facequal.evaluation.evaluator import ALL
from facequal.evaluation.identity import IdentityJudge
from facequal.evaluation.pictures import PictureEvaluator
from facequal.evaluation.settings import CLEAN, EvaluationSettings
from facequal.metrics.identification import probe_ranks
from facequal.metrics.restoration import psnr, ssim
from facequal.reports.results import Result

_KINDS = (*CLASSES, "degraded")  # the last where no classes were drawn
_NOT_SEARCHED = 0


class RestorationEvaluator(PictureEvaluator[DegradedSet]):
    """Comparison of what a step restored with the clean pictures, batch by batch and class by class.

    The columns of the table are the degraded input, the baselines, the method, and with a recogniser the clean pictures
    themselves, as the most that can be reached.

    Args:
        protocol: The set.
        settings: How it is evaluated.
    """

    def __init__(self, protocol: DegradedSet, settings: EvaluationSettings) -> None:
        super().__init__(protocol, settings)
        self.channels, self.judge = settings.restoration.channels, settings.restoration.judge

    @property
    def columns(self) -> list[str]:
        """Names of what is compared with the clean pictures."""
        return [*super().columns, CLEAN] if self.judge is not None else super().columns

    def grid_numbers(self, num_shown: int) -> set[int]:
        """Return the numbers of the pictures of the grid: another image and another row from each to the next."""
        num_images, num_rows = len(self.protocol.chosen), self.protocol.num_rows
        return {n * num_images // num_shown * num_rows + n * num_rows // num_shown for n in range(num_shown)}

    def add(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
        """Compare a batch with its clean pictures."""
        pictures = self.restorations(outputs, batch)
        clean, classes = batch["image"], batch.get("classes")
        unclassified = batch["index"].new_full((len(clean),), len(CLASSES))
        rows = {
            "index": batch["index"],
            "class": unclassified if classes is None else class_numbers(classes),
            "psnr": torch.stack([psnr(images, clean, self.channels) for images in pictures], dim=1),
            "ssim": torch.stack([ssim(images, clean, self.channels) for images in pictures], dim=1),
        }
        if self.judge is not None:
            rows |= self._identify(self.judge, [*pictures, clean], batch["label"])
        self.keep(rows, dict(zip(self.columns, [*pictures, clean], strict=False)) | {CLEAN: clean})

    def _identify(self, judge: IdentityJudge, pictures: list[Tensor], labels: Tensor) -> dict[str, Tensor]:
        """Return cosines with the clean picture, and ranks of the person in the gallery, (B,M) each."""
        gallery, people = judge.gallery(self.protocol, labels.device)
        embeddings = [judge.embed(images) for images in pictures]
        rank = torch.full((len(labels), len(pictures)), _NOT_SEARCHED, device=labels.device)
        known = torch.isin(labels, people)
        for column, embedding in enumerate(embeddings if known.any() else []):
            rank[known, column] = probe_ranks(embedding[known], labels[known], gallery, people)
        similarity = torch.stack([(embedding * embeddings[-1]).sum(1) for embedding in embeddings], dim=1)
        return {"similarity": similarity.double(), "rank": rank}

    def compute(self, trainer: Trainer, seed: int | None) -> None:
        """Take the means over all pictures of all ranks, class by class.

        Raises:
            ValueError: If pictures are missing.
        """
        self.gather(trainer)
        kinds = [(name, self.rows["class"] == number) for number, name in enumerate(_KINDS)]
        present = [(name, of_class) for name, of_class in kinds if of_class.any()]
        if len(present) > 1:
            present.insert(0, (ALL, torch.ones_like(present[0][1])))
        for name, of_class in present:
            rows = {key: values[of_class] for key, values in self.rows.items()}
            for number, column in enumerate(self.columns):
                self.results += self._figures(rows, number, (self.protocol.name, name, column), seed)

    def _figures(
        self, rows: Mapping[str, Tensor], number: int, head: tuple[str, str, str], seed: int | None
    ) -> list[Result]:
        """Return the figures of a class of pictures in the column of that number."""
        num, results = len(rows["index"]), []
        if number < rows["psnr"].shape[1]:
            # Equal pictures have no PSNR: clean inputs are left out of all columns, if there are others.
            degraded = ~rows["psnr"][:, 0].isposinf()
            psnrs = rows["psnr"][degraded if degraded.any() else slice(None), number]
            psnrs = psnrs[~psnrs.isposinf()]
            mean = float(psnrs.mean()) if len(psnrs) else math.inf
            results.append(Result(*head, "psnr", mean, num=len(psnrs), rule=self.channels, unit="dB", seed=seed))
            mean = float(rows["ssim"][:, number].mean())
            results.append(Result(*head, "ssim", mean, num=num, rule=self.channels, unit="", seed=seed))
        if self.judge is None:
            return results
        mean, judge = float(rows["similarity"][:, number].mean()), self.judge.name
        results.append(Result(*head, "identity similarity", mean, num=num, rule=judge, unit="", seed=seed))
        rank = rows["rank"][:, number]
        rank = rank[rank != _NOT_SEARCHED].double()
        for k in self.settings.restoration.ranks if len(rank) else ():
            share, rule = float((rank <= k).double().mean()), f"{judge}, gallery of {len(self.protocol.gallery)}"
            results.append(Result(*head, f"top-{k}", share, num=len(rank), rule=rule, seed=seed))
        return results

    def line(self, position: int) -> dict[str, object]:
        """Return number, image, row and class of a picture."""
        number, image_class = int(self.rows["index"][position]), int(self.rows["class"][position])
        image, row = self.protocol.images.describe(number), number % self.protocol.num_rows
        return {"picture": number, "image": image, "row": row, "class": _KINDS[image_class]}

    def score_names(self) -> dict[str, str]:
        """Return the four scores, of which the last two need a recogniser."""
        return {"psnr_db": "psnr", "ssim": "ssim", "identity_similarity": "similarity", "rank": "rank"}
