"""Evaluates how well degradations are told apart: the accuracy of each answer, and on which pictures it fails."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from facequal.data.protocols.restoration import DegradedSet
from facequal.degradations.multi import CLASSES, class_numbers
from facequal.evaluation.collection import gather_once
from facequal.evaluation.evaluator import Evaluator
from facequal.reports.results import Result

ANSWERS = ("blur", "noise", "low light")
_ALL = "all"


class ClassificationEvaluator(Evaluator):
    """Compares a step's logits with the class vectors of the pictures.

    A step returns `logits` (B,3) of blur, noise and low light, and `index` (B,). The table has a section for all
    pictures and one for every class of the set.

    Args:
        protocol: The set.
    """

    def __init__(self, protocol: DegradedSet) -> None:
        super().__init__()
        self.protocol = protocol
        self.batches: list[dict[str, Tensor]] = []

    def add(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
        """Keep what was told and what is true.

        Raises:
            TypeError: If the set has no classes.
        """
        if "classes" not in batch:
            raise TypeError(f"{self.protocol.name}: its degradation has no classes to tell apart")
        rows = {"index": batch["index"], "told": outputs["logits"] > 0, "true": batch["classes"] > 0}
        self.batches.append({name: values.detach().cpu() for name, values in rows.items()})

    def compute(self, trainer: Trainer, seed: int | None) -> None:
        """Shares of right answers over all pictures of all ranks.

        Raises:
            ValueError: If pictures are missing.
        """
        rows = gather_once(self.batches, trainer, len(self.protocol.images), self.protocol.name)
        self.batches = []
        right, number = rows["told"] == rows["true"], class_numbers(rows["true"].float())
        kinds = [(name, number == place) for place, name in enumerate(CLASSES)]
        for kind, chosen in [(_ALL, torch.ones_like(number, dtype=torch.bool)), *kinds]:
            if chosen.any():
                shares = right[chosen].double().mean(dim=0).tolist()
                head, num = (self.protocol.name, kind), int(chosen.sum())
                self.results += [
                    Result(*head, answer, "accuracy", share, num=num, seed=seed)
                    for answer, share in zip(ANSWERS, shares, strict=True)
                ]

    def write(self, folder: Path) -> list[Path]:
        """Return nothing but the report."""
        return []
