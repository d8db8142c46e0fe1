"""Evaluates how well degradations are told apart: the accuracy of each answer, and on which pictures it fails."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from facequal.data.protocols.restoration import DegradedSet
from facequal.degradations.multi import CLASSES, class_numbers
from facequal.evaluation.collection import gather_once
from facequal.evaluation.evaluator import ALL, Evaluator
from facequal.evaluation.settings import EvaluationSettings
from facequal.reports.results import Result

ANSWERS = ("blur", "noise", "low light")


class ClassificationEvaluator(Evaluator[DegradedSet]):
    """Comparison of a step's logits with the class vectors of the pictures.

    A step returns `logits` (B,3) of blur, noise and low light, and `index` (B,). The table has a section for all
    pictures and one for every class of the set.

    Args:
        protocol: The set.
        settings: How it is evaluated; nothing of it concerns classification.
    """

    def __init__(self, protocol: DegradedSet, settings: EvaluationSettings) -> None:
        super().__init__(protocol, settings)
        self.batches: list[dict[str, Tensor]] = []

    def add(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
        """Keep the answers and the classes of a batch.

        Raises:
            TypeError: If the set has no classes.
        """
        if "classes" not in batch:
            raise TypeError(f"{self.protocol.name}: its degradation has no classes to tell apart")
        rows = {"index": batch["index"], "answer": outputs["logits"] > 0, "true": batch["classes"] > 0}
        self.batches.append({name: values.detach().cpu() for name, values in rows.items()})

    def compute(self, trainer: Trainer, seed: int | None) -> None:
        """Take the shares of right answers over all pictures of all ranks.

        Raises:
            ValueError: If pictures are missing.
        """
        rows = gather_once(self.batches, trainer, len(self.protocol.images), self.protocol.name)
        self.batches = []
        right, number = rows["answer"] == rows["true"], class_numbers(rows["true"].float())
        kinds = [(name, number == position) for position, name in enumerate(CLASSES)]
        for kind, chosen in [(ALL, torch.ones_like(number, dtype=torch.bool)), *kinds]:
            if chosen.any():
                shares = right[chosen].double().mean(dim=0).tolist()
                head, num = (self.protocol.name, kind), int(chosen.sum())
                self.results += [
                    Result(*head, answer, "accuracy", share, num=num, seed=seed)
                    for answer, share in zip(ANSWERS, shares, strict=True)
                ]
