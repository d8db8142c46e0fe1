"""What every benchmark is: images, and what a method is shown of them; for verification, lists of pairs besides."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from facequal.data.protocols.gallery import GallerySearch
from facequal.data.protocols.pairs import VerificationPairs
from facequal.data.source import FaceSource
from facequal.data.views import resolution_views

Rule = Literal["grid", "exact"]


class EvaluationProtocol(ABC):
    """A benchmark: a set of images, and what a method is shown of them.

    Args:
        name: Name of the benchmark in results.

    Attributes:
        evaluator: Class of its own evaluator, a `facequal.evaluation.evaluator.Evaluator`; None leaves the choice to
            `facequal.evaluation.callback.EVALUATORS`, which knows the kinds of protocols of the package.
        paths: Files and folders that must exist for the benchmark to be run.
    """

    evaluator: type[Any] | None = None
    paths: Sequence[Path] = ()

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    @abstractmethod
    def images(self) -> FaceSource:
        """The images, each once."""

    @abstractmethod
    def views(self, batch: Mapping[str, Any], resolutions_px: Sequence[int]) -> dict[str, Any]:
        """Return what a method's step takes, made of a transferred batch of `images`.

        Args:
            batch: `image` uint8 (B,3,H,W), `label` and `index` int64 (B,), on the device.
            resolutions_px: Heights in pixels at which to show the images; benchmarks with fixed degradations ignore it.
        """


class VerificationProtocol(EvaluationProtocol):
    """A verification benchmark: one or more lists of pairs over one set of images.

    Every image is embedded once, however many lists use it. Nothing is read before images or pairs are asked for.

    Args:
        name: Name of the benchmark in results.
        rule: Search of the threshold in the 10-fold accuracy: `"grid"` tries those of published evaluations, `"exact"`
            all that separate two scores.
        size_px: Height and width of the images in pixels.

    Raises:
        ValueError: If the rule is unknown.

    Example:
        >>> from facequal.data.protocols.pair_sampling import sample_pairs
        >>> from facequal.procedural import ProceduralFaces
        >>> class MyPairs(VerificationProtocol):
        ...     def load(self):
        ...         faces = ProceduralFaces(num_identities=12, images_per_identity=3)
        ...         return [VerificationPairs(self.name, faces, *sample_pairs(faces.labels, num_pairs=20))]
        >>> MyPairs("mine", "exact").pair_lists[0].pairs.shape
        (20, 2)
    """

    def __init__(self, name: str, rule: Rule = "grid", size_px: int = 112) -> None:
        super().__init__(name)
        if rule not in get_args(Rule):
            raise ValueError(f"rule must be 'grid' or 'exact', got {rule!r}")
        self.rule, self.size_px = rule, size_px

    @abstractmethod
    def load(self) -> list[VerificationPairs]:
        """Read the lists of pairs; all have the same `images`."""

    @cached_property
    def pair_lists(self) -> list[VerificationPairs]:
        """The lists of pairs, read once."""
        return self.load()

    @property
    def images(self) -> FaceSource:
        """The images of the pairs, each once."""
        return self.pair_lists[0].images

    @property
    def searches(self) -> list[GallerySearch]:
        """Identification tests on the same images; most benchmarks have none."""
        return []

    def views(self, batch: Mapping[str, Any], resolutions_px: Sequence[int]) -> dict[str, Any]:
        """Return the batch at all resolutions, see `resolution_views`."""
        return resolution_views(batch, resolutions_px)
