"""What a benchmark is: a set of images, and for verification one or more lists of pairs over it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from facequal.data.protocols.gallery import GallerySearch
from facequal.data.protocols.pairs import VerificationPairs
from facequal.data.source import FaceSource
from facequal.data.views import resolution_views

Rule = Literal["grid", "exact"]


class EvaluationProtocol(ABC):
    """A benchmark: a set of images, and how they are shown to a method.

    Args:
        name: How the results are called.

    Attributes:
        evaluator: Class of its own evaluator, a `facequal.evaluation.evaluator.Evaluator`; None leaves the choice to
            `facequal.evaluation.callback.EVALUATORS`, which knows the kinds of protocols of the package.
    """

    evaluator: type[Any] | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    @abstractmethod
    def images(self) -> FaceSource:
        """What is evaluated, each item once."""

    @property
    def paths(self) -> list[Path]:
        """Files and folders without which the benchmark cannot be run; what is in them is another matter."""
        return []

    @abstractmethod
    def views(self, batch: Mapping[str, Any], resolutions_px: Sequence[int]) -> dict[str, Any]:
        """Make a transferred batch of `images` what a method's step takes.

        Args:
            batch: `image` uint8 (B,3,H,W), `label` and `index` int64 (B,), on the device.
            resolutions_px: Resolutions asked for, in pixels of height, where the benchmark has no say of its own.
        """


class VerificationProtocol(EvaluationProtocol):
    """A verification benchmark.

    Args:
        name: How the results are called.
        rule: How the threshold of the 10-fold accuracy is found: `"grid"` as published numbers are made,
            `"exact"` the best one.
        size_px: Height and width of the images.
    """

    def __init__(self, name: str, rule: Rule = "grid", size_px: int = 112) -> None:
        super().__init__(name)
        if rule not in ("grid", "exact"):
            raise ValueError(f"rule must be 'grid' or 'exact', got {rule!r}")
        self.rule, self.size_px = rule, size_px

    @abstractmethod
    def load(self) -> list[VerificationPairs]:
        """Read the lists of pairs; all share one `images`."""

    @cached_property
    def pair_lists(self) -> list[VerificationPairs]:
        """The lists of pairs."""
        return self.load()

    @property
    def images(self) -> FaceSource:
        """The images of the pairs, each once."""
        return self.pair_lists[0].images

    @property
    def searches(self) -> list[GallerySearch]:
        """Searches over the same images; most benchmarks have none."""
        return []

    def views(self, batch: Mapping[str, Any], resolutions_px: Sequence[int]) -> dict[str, Any]:
        """Return all resolutions of the batch, see `resolution_views`."""
        return resolution_views(batch, resolutions_px)
