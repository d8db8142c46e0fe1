"""What evaluates one protocol: it takes the outputs of the steps, and makes results and files of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from lightning.pytorch import Trainer

from facequal.data.protocols.base import EvaluationProtocol
from facequal.evaluation.settings import EvaluationSettings
from facequal.metrics.roc import RocCurve
from facequal.reports.curves import CurveKey
from facequal.reports.results import Result

ALL = "all"  # condition of figures over all classes of a set

ProtocolT = TypeVar("ProtocolT", bound=EvaluationProtocol)


class Evaluator(ABC, Generic[ProtocolT]):
    """One evaluation of one protocol: `add` for every batch, then `compute`, then `write`.

    `facequal.evaluation.callback.EVALUATORS` says which evaluator serves which kind of protocol. A protocol from
    outside of the package names its own one: the class, as its attribute `evaluator`.

    Args:
        protocol: The benchmark.
        settings: How it is evaluated.

    Attributes:
        results: The figures; empty before `compute`.
        curves: ROC curves, where the protocol has any.

    >>> class MeanNorm(Evaluator):
    ...     def add(self, outputs, batch):
    ...         self.norms = [*getattr(self, "norms", []), *outputs["norm"].flatten().tolist()]
    ...     def compute(self, trainer, seed):
    ...         mean = sum(self.norms) / len(self.norms)
    ...         self.results = [Result(self.protocol.name, ALL, "norm", "mean", mean, num=len(self.norms), unit="")]
    >>> from types import SimpleNamespace
    >>> import torch
    >>> evaluator = MeanNorm(SimpleNamespace(name="mine"), EvaluationSettings())
    >>> evaluator.add({"norm": torch.tensor([[20.0], [24.0]]), "index": torch.tensor([0, 1])}, {})
    >>> evaluator.compute(trainer=None, seed=0)
    >>> evaluator.results[0].value
    22.0
    """

    def __init__(self, protocol: ProtocolT, settings: EvaluationSettings) -> None:
        self.protocol, self.settings = protocol, settings
        self.results: list[Result] = []
        self.curves: dict[CurveKey, RocCurve] = {}

    @abstractmethod
    def add(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
        """Take what a step made of a batch.

        Args:
            outputs: What the method's step returned, with `index` int64 (B,), the numbers of the images.
            batch: What the step got: the protocol's `views` of its images.
        """

    @abstractmethod
    def compute(self, trainer: Trainer, seed: int | None) -> None:
        """Gather from all ranks and fill `results` and `curves`; called on all ranks.

        Args:
            trainer: Knows the ranks.
            seed: Seed of the run, written into the results; None at a validation.
        """

    def write(self, folder: Path) -> list[Path]:
        """Write pictures and tables beside the report and return their paths; called on rank 0.

        Args:
            folder: Folder of the report.
        """
        return []
