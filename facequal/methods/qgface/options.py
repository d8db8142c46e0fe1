"""What QGFace can be told: how images are parted by quality, and what poor ones are contrasted with."""

import math
from dataclasses import dataclass
from typing import Literal

from facequal.choices import require_choice
from facequal.methods.qgface.contrastive import Direction, SameIdentity, require_options
from facequal.methods.qgface.partition import PairQuality
from facequal.models.heads.statistics import InitStats

Negatives = Literal["proxy", "momentum", "batch", "none"]
PartitionGate = Literal["hard", "soft", "none"]


@dataclass(frozen=True)
class Partition:
    """How images are parted by quality.

    Attributes:
        threshold: b in [0, 1]: images with a quality above it are classified, pairs with one at or below it contrasted.
        gate: Of the classification: "hard" (paper), "soft" (released code), or "none": no partition, all images are
            classified and all pairs contrasted.
        pair_quality: Quality of a pair: "low" (paper), "mean" or "high".
        h: Concentration of the quality. With a hard gate only (1 - 2b) / h counts: the number of standard deviations
            below the mean where the threshold lies.
        ema_decay: Weight of the old statistics of the norm.
        init_stats: "first_batch", "published" or "zero" (released code), see `NormQuality`. From the latter two the
            quality says little for some hundred steps.
        drawn: Name of a value that the degradation draws, such as `size_px` or `random_rescale.scale`, which tells
            poor images in place of the norm: `lq` has quality 0 where it is at most `drawn_limit`, all else has 1.
            A control: what the method would do if the norm told the quality.
        drawn_limit: See `drawn`.
        warmup_epochs: Epochs in which everything is classified and nothing contrasted, while the norm finds its way to
            quality.

    Raises:
        ValueError: If an option is outside its allowed set.

    >>> partition = Partition(threshold=0.1)
    >>> round((1 - 2 * partition.threshold) / partition.h, 1)  # poor: this many standard deviations below the mean
    2.4
    """

    threshold: float = 0.2
    gate: PartitionGate = "hard"
    pair_quality: PairQuality = "low"
    h: float = 0.333
    ema_decay: float = 0.99
    init_stats: InitStats = "first_batch"
    drawn: str | None = None
    drawn_limit: float = 0.0
    warmup_epochs: float = 0.0

    def __post_init__(self) -> None:
        require_choice("partition.gate", self.gate, PartitionGate)
        require_choice("partition.pair_quality", self.pair_quality, PairQuality)
        require_range("partition.threshold", self.threshold, 0, 1)
        require_range("partition.h", self.h, 0)
        require_range("partition.warmup_epochs", self.warmup_epochs, 0)


@dataclass(frozen=True)
class Contrast:
    """What pairs are contrasted with, and how.

    Attributes:
        negatives: "proxy": a queue whose keys move with the class weights (the paper); "momentum": a queue of keys of a
            slowly moving encoder, which also gives the positives (MoCo); "batch": both views of the batch of all ranks,
            without gradient; "none": no contrastive loss.
        queue_size: Rows of the queue; None takes the number of identities.
        weight: Of the contrastive loss.
        scale: Of the cosines.
        direction: "paper", "query" or "both", see `contrastive_loss`.
        same_identity: "remove" or "zero", see `contrastive_loss`.
        normalize_keys: Bring the keys of the proxy queue to unit length; the released code clamps cosines instead.
        fused: Compile what the proxy queue does at each step, see `ProxyUpdatedQueue`.
        rescale: An option of the released code, see `contrastive_loss`.
        momentum: Of the second encoder, for "momentum".
        warmup_epochs: Epochs in which the partition is at work and nothing is contrasted, as the released code's
            `later_joint`.

    Raises:
        ValueError: If an option is outside its allowed set.

    >>> Contrast(negatives="proxies")
    Traceback (most recent call last):
    ValueError: contrast.negatives must be one of ('proxy', 'momentum', 'batch', 'none'), got 'proxies'
    """

    negatives: Negatives = "proxy"
    queue_size: int | None = None
    weight: float = 1.0
    scale: float = 64.0
    direction: Direction = "paper"
    same_identity: SameIdentity = "remove"
    normalize_keys: bool = True
    fused: bool = False
    rescale: bool = False
    momentum: float = 0.999
    warmup_epochs: float = 0.0

    def __post_init__(self) -> None:
        require_choice("contrast.negatives", self.negatives, Negatives)
        require_options(self.scale, self.direction, self.same_identity, prefix="contrast.")
        require_range("contrast.weight", self.weight, 0)
        require_range("contrast.warmup_epochs", self.warmup_epochs, 0)
        if self.queue_size is not None:
            require_range("contrast.queue_size", self.queue_size, 1)


def require_range(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Raise a ValueError for a value outside a closed range; NaN is outside all of them."""
    if not low <= value <= high:
        allowed = f"at least {low}" if math.isinf(high) else f"in [{low}, {high}]"
        raise ValueError(f"{name} must be {allowed}, got {value}")


PAPER_PARTITION = Partition()
PAPER_CONTRAST = Contrast()
