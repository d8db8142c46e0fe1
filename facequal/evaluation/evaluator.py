"""What evaluates one protocol: it takes the outputs of the steps, and makes results and files of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from facequal.metrics.roc import RocCurve
from facequal.reports.curves import CurveKey
from facequal.reports.results import Result


class Evaluator(ABC):
    """Evaluates one protocol once.

    Attributes:
        results: The figures; empty before `compute`.
        curves: ROC curves, where the protocol has any.
    """

    def __init__(self) -> None:
        self.results: list[Result] = []
        self.curves: dict[CurveKey, RocCurve] = {}

    @abstractmethod
    def add(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
        """Take what a step made of a batch."""

    @abstractmethod
    def compute(self, trainer: Trainer, seed: int | None) -> None:
        """Gather from all ranks and fill `results` and `curves`; called on all ranks."""

    @abstractmethod
    def write(self, folder: Path) -> list[Path]:
        """Write pictures and tables beside the report; called on rank 0. Gives their paths."""
