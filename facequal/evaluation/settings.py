"""How protocols are evaluated: the settings of recognition, those of restoration, and what belongs to the run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from facequal.choices import require_choice
from facequal.evaluation.baselines import Baseline
from facequal.evaluation.identity import IdentityJudge
from facequal.evaluation.verification import CONDITIONS
from facequal.metrics.restoration import Channels
from facequal.metrics.verification import AccuracyRule
from facequal.models.backbones import Backbone

INPUT, RESTORED, CLEAN = "input", "restored", "clean"  # columns of the tables of restoration


@dataclass(frozen=True)
class RecognitionSettings:
    """How recognition is evaluated; see `ProtocolEvaluation` for the attributes."""

    conditions: Sequence[str] = CONDITIONS
    fars: Sequence[float] = (1e-4, 1e-3, 1e-2)
    rule: AccuracyRule | None = None
    ranks: Sequence[int] = (1,)
    norms: bool = False
    num_panel_rows: int = 6

    def __post_init__(self) -> None:
        if any(rank < 1 for rank in self.ranks):
            raise ValueError(f"evaluation.ranks must be at least 1, got {list(self.ranks)}")


@dataclass(frozen=True)
class RestorationSettings:
    """How restoration is evaluated.

    Attributes:
        channels: PSNR and SSIM of "rgb" values or of the luma "y".
        baselines: Restorations without learning, in the same table as the method.
        recognizer: Network that tells whether restored pictures show the same person; None leaves that out.
        recognizer_weights: Its checkpoint, not trained on the people of the test.
        colour_order: Colour order of these weights, where the file does not say.
        ranks: Ranks at which the search for the person of a restored picture is reported.
        num_grid_rows: Pictures shown beside the report; 0 draws none.

    Raises:
        ValueError: If there are weights without a recogniser or the other way round, a rank is below 1, the channels
            are unknown, or two columns of the table would have one name.
        FileNotFoundError: If there are no such weights.
    """

    channels: Channels = "rgb"
    baselines: list[Baseline] | None = None
    recognizer: Backbone | None = None
    recognizer_weights: str | None = None
    colour_order: str | None = None
    ranks: Sequence[int] = (1, 5)
    num_grid_rows: int = 6

    def __post_init__(self) -> None:
        if (self.recognizer is None) != (self.recognizer_weights is None):
            raise ValueError("evaluation.restoration: recognizer and recognizer_weights are given both or not at all")
        if self.recognizer_weights is not None and not Path(self.recognizer_weights).is_file():
            raise FileNotFoundError(f"evaluation.restoration.recognizer_weights: no file {self.recognizer_weights}")
        require_choice("evaluation.restoration.channels", self.channels, Channels)
        if any(rank < 1 for rank in self.ranks):
            raise ValueError(f"evaluation.restoration.ranks must be at least 1, got {list(self.ranks)}")
        names = [INPUT, RESTORED, CLEAN, *[baseline.name for baseline in self.baselines or []]]
        if len(set(names)) < len(names):
            raise ValueError(f"evaluation.restoration.baselines need names of their own, got {', '.join(names[3:])}")

    @cached_property
    def judge(self) -> IdentityJudge | None:
        """The recogniser with its weights, read once, if there is one."""
        if self.recognizer is None or self.recognizer_weights is None:
            return None
        return IdentityJudge(self.recognizer, self.recognizer_weights, self.colour_order)


@dataclass(frozen=True)
class EvaluationSettings:
    """What every evaluator gets beside its protocol.

    Attributes:
        recognition: How recognition is evaluated.
        restoration: How restoration is evaluated.
        fitting: Whether this is a validation within a training, where slow comparisons that are the same every time
            are left out.
        is_first: Whether no earlier protocol of the run has an evaluator of the same class: pictures that are wanted
            once are drawn by the first.
    """

    recognition: RecognitionSettings = field(default_factory=RecognitionSettings)
    restoration: RestorationSettings = field(default_factory=RestorationSettings)
    fitting: bool = False
    is_first: bool = True
