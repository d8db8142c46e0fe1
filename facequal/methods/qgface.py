"""QGFace: clear images are classified, poor ones are contrasted with their originals against a queue."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.optim import SGD, Optimizer

from facequal.losses.contrastive import Direction, SameIdentity, contrastive_loss
from facequal.losses.partition import (
    GatedLoss,
    PairQuality,
    classification_gate,
    contrastive_gate,
    gated_loss,
    unit_quality,
)
from facequal.methods.embedding import EmbeddingMethod, OptimizerFactory
from facequal.methods.schedules import Schedule, StepSchedule
from facequal.models.backbones import Backbone
from facequal.models.heads import AdaFaceHead, MarginHead
from facequal.models.heads.statistics import InitStats
from facequal.models.norm_quality import NormQuality
from facequal.models.queues import FeatureQueue, MomentumEncoder, MomentumQueue, ProxyUpdatedQueue

Negatives = Literal["proxy", "momentum", "batch", "none"]
PartitionGate = Literal["hard", "soft", "none"]


def published_sgd(params: Iterable[Any]) -> Optimizer:
    """SGD as the QGFace paper uses it: rate .2, momentum .9; the weight decay is set per group."""
    return SGD(params, lr=0.2, momentum=0.9)


@dataclass(frozen=True)
class Partition:
    """How images are parted by quality.

    Attributes:
        threshold: b in [0, 1]: images with a quality above it are classified, pairs with one at or below it contrasted.
        gate: of the classification: "hard" (paper), "soft" (released code), or "none": no partition, all images are
            classified and all pairs contrasted.
        pair_quality: quality of a pair: "low" (paper), "mean" or "high".
        h: concentration of the quality.
        ema_decay: weight of the old statistics of the norm.
        init_stats: "first_batch", "published" or "zero" (released code), see `NormQuality`.
        drawn: name of a value in [0, 1] that the degradation drew, such as ``random_rescale.scale``, to be taken for
            the quality of ``lq`` in place of the norm; images then have quality 1. A control: what the method would do
            if the norm told the quality.
        warmup_epochs: epochs in which everything is classified and nothing contrasted, while the norm finds its way to
            quality.
    """

    threshold: float = 0.2
    gate: PartitionGate = "hard"
    pair_quality: PairQuality = "low"
    h: float = 0.333
    ema_decay: float = 0.99
    init_stats: InitStats = "first_batch"
    drawn: str | None = None
    warmup_epochs: float = 0.0

    def __post_init__(self) -> None:
        if self.gate not in get_args(PartitionGate):
            raise ValueError(f"partition.gate must be one of {get_args(PartitionGate)}, got {self.gate!r}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"partition.threshold must be in [0, 1], got {self.threshold}")


@dataclass(frozen=True)
class Contrast:
    """What pairs are contrasted with, and how.

    Attributes:
        negatives: "proxy": a queue whose keys move with the class weights (the paper); "momentum": a queue of keys of a
            slowly moving encoder, which also gives the positives (MoCo); "batch": the batch of all ranks; "none": no
            contrastive loss.
        queue_size: rows of the queue; None takes the number of identities.
        weight: of the contrastive loss.
        scale: of the cosines.
        direction: "paper" or "both", see `contrastive_loss`.
        same_identity: "remove" or "zero", see `contrastive_loss`.
        normalize_keys: bring keys to unit length; the released code does not.
        rescale: an option of the released code, see `contrastive_loss`.
        momentum: of the second encoder, for "momentum".
    """

    negatives: Negatives = "proxy"
    queue_size: int | None = None
    weight: float = 1.0
    scale: float = 64.0
    direction: Direction = "paper"
    same_identity: SameIdentity = "remove"
    normalize_keys: bool = True
    rescale: bool = False
    momentum: float = 0.999

    def __post_init__(self) -> None:
        if self.negatives not in get_args(Negatives):
            raise ValueError(f"contrast.negatives must be one of {get_args(Negatives)}, got {self.negatives!r}")


class QGFace(EmbeddingMethod):
    """Joint training on images of mixed quality (QGFace).

    A step embeds ``image`` (the original) and ``lq`` (its augmented version) in one forward pass. With z the
    standardised norm of each and b the threshold,

        loss = sum_i [q_i > b] L_head(e_i) / 2N + w sum_j [min(q_j, q_j') <= b] L_con(e_j, e_j') / N,   q = (z + 1) / 2,

    over all 2N images and all N pairs: what one sample weighs does not depend on how many others are selected. The
    queue takes both views of the global batch before it is used, so that it is the same on all ranks. Only the
    backbone is left at test time.

    Paper and released code differ in much. The defaults are the paper's; what published numbers may rest on is an
    option, named where it is described (`Partition`, `Contrast`, `NormQuality`, `contrastive_loss`).

    Args:
        backbone: network from images (B,3,H,W) in [0,1] to (embedding (B,D) of unit length, norm (B,1)).
        head: called as ``head(embedding_dim, num_classes)``.
        partition: how images are parted by quality.
        contrast: the contrastive loss and its negatives.
        optimizer: called with parameter groups.
        schedule: factor of the rate at every step. Default: /10 at epochs 6 and 9 (the paper, 12 epochs).
        weight_decay: of convolutions, linear layers, PReLU and the head; not BatchNorm.
        num_classes: identities; the CLI links it to the data. None builds no head (evaluation only).
        weights: checkpoint to start from (see `facequal.weights`).
        colour_order: colour order of ``weights``, where the file does not say.
        flip_test: in evaluation, add the embedding of the mirrored image, weighted by its norm.
        ramp: shares of the training at which the margin starts to grow and is full; None: full from the start.
        channels_last: memory format of the backbone.

    Raises:
        ValueError: an option is outside its allowed set, or there are fewer than two identities.
    """

    training_parts = ("head", "quality", "queue", "momentum_encoder")

    def __init__(
        self,
        backbone: Backbone,
        head: Callable[[int, int], MarginHead] = AdaFaceHead,
        partition: Partition = Partition(),
        contrast: Contrast = Contrast(),
        optimizer: OptimizerFactory = published_sgd,
        schedule: Schedule | None = None,
        weight_decay: float = 5e-4,
        num_classes: int | None = None,
        weights: str | None = None,
        colour_order: str | None = None,
        flip_test: bool = True,
        ramp: tuple[float, float] | None = None,
        channels_last: bool = False,
    ) -> None:
        super().__init__(
            backbone,
            None if num_classes is None else head(backbone.embedding_dim, num_classes),
            optimizer,
            StepSchedule([6, 9]) if schedule is None else schedule,
            weight_decay,
            weights,
            colour_order,
            flip_test,
            ramp,
            channels_last,
        )
        self.partition, self.contrast = partition, contrast
        self.quality = NormQuality(partition.h, partition.ema_decay, partition.init_stats)
        self.queue = None if num_classes is None else self.build_queue(num_classes)
        # After the weights are loaded: it starts as the encoder does.
        is_momentum = contrast.negatives == "momentum"
        self.momentum_encoder = MomentumEncoder(self.backbone, contrast.momentum) if is_momentum else None

    def build_queue(self, num_classes: int) -> FeatureQueue | None:
        """The queue that the negatives come from, if there is one."""
        size = self.contrast.queue_size or num_classes
        if self.contrast.negatives == "proxy":
            return ProxyUpdatedQueue(size, self.backbone.embedding_dim, self.contrast.normalize_keys)
        return MomentumQueue(size, self.backbone.embedding_dim) if self.contrast.negatives == "momentum" else None

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """One step on ``image`` and ``lq``; what is logged is of rank 0's share of the batch.

        Raises:
            FloatingPointError: the loss of a sample is NaN or infinite; the message names it.
        """
        embedding, norm = self.backbone(torch.cat((batch["image"], batch["lq"])))
        quality = self.quality_of(batch, norm)
        output = self.training_head().loss(embedding, norm, batch["label"].repeat(2))
        classification = self.classify(output.per_sample_loss, quality)
        contrast = self.contrast_pairs(batch, embedding, quality)
        self.require_finite(output.per_sample_loss.view(2, -1).sum(0), batch, batch_idx)
        self.norm_correlations.update(norm.chunk(2)[1], batch["degradation"])
        loss = classification.loss + output.regulariser
        self.log("train/classified_share", classification.share)
        self.log("train/classification_loss", classification.selected_mean)
        if contrast is not None:
            loss = loss + self.contrast.weight * contrast.loss
            self.log("train/contrasted_share", contrast.share)
            self.log("train/contrastive_loss", contrast.selected_mean)
        self.log("train/loss", loss.detach(), prog_bar=True)
        self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log_dict({"train/norm_mean": self.quality.mean[0], "train/norm_std": self.quality.std[0]})
        original, augmented = quality.chunk(2)
        self.log_dict({"train/quality_image": original.mean(), "train/quality_lq": augmented.mean()})
        return loss

    def quality_of(self, batch: Mapping[str, Any], norm: Tensor) -> Tensor:
        """Quality (2N,) in [0, 1] of ``image`` and ``lq``: read off their norms, or as it was drawn.

        Raises:
            KeyError: the degradation draws no such value.
        """
        quality, name = unit_quality(self.quality(norm)), self.partition.drawn
        if name is None:
            return quality
        if name not in batch["degradation"]:
            raise KeyError(f"partition.drawn is {name}, but data.degradation draws {', '.join(batch['degradation'])}")
        drawn = batch["degradation"][name].to(quality.dtype)
        return torch.cat((torch.ones_like(drawn), drawn))

    def classify(self, per_sample_loss: Tensor, quality: Tensor) -> GatedLoss:
        """The head's losses (2N,) of the images of high quality; of all while the partition warms up."""
        gate = self.partition.gate
        if gate == "none" or not self.has_begun:
            weights = torch.ones_like(quality)
        else:
            weights = classification_gate(quality, self.partition.threshold, gate)
        return gated_loss(per_sample_loss, weights)

    def contrast_pairs(self, batch: dict[str, Any], embedding: Tensor, quality: Tensor) -> GatedLoss | None:
        """The contrastive losses of the pairs of low quality; None without negatives or while the partition warms up.

        Args:
            batch: ``image`` and ``label`` of N pairs.
            embedding: (2N, D), of ``image``, then of ``lq``.
            quality: (2N,) in [0, 1], likewise.
        """
        settings, labels = self.contrast, batch["label"]
        original, augmented = embedding.chunk(2)
        good, poor = quality.chunk(2)
        gate = torch.ones_like(poor)
        if self.partition.gate != "none":
            gate = contrastive_gate(poor, good, self.partition.threshold, self.partition.pair_quality)
        if settings.negatives == "none":
            return None
        if settings.negatives == "batch":
            # All ranks compute the loss of the global batch, so that gradients reach the negatives of other ranks.
            original, augmented, labels, gate = map(self.gather_batch, (original, augmented, labels, gate))
            keys, key_labels = torch.cat((original, augmented)), labels.repeat(2)
        else:
            if self.momentum_encoder is not None:
                # Before its use, as in MoCo: a checkpoint between two steps then holds all of what a step did.
                self.momentum_encoder.update(self.backbone)
                original, _ = self.momentum_encoder(batch["image"])
            keys, key_labels = self.queue_keys(original, augmented, labels)
        if not self.has_begun:
            return None
        losses = contrastive_loss(
            augmented,
            original,
            labels,
            keys,
            key_labels,
            settings.scale,
            settings.direction,
            settings.same_identity,
            settings.normalize_keys,
            settings.rescale,
        )
        return gated_loss(losses, gate)

    def queue_keys(self, original: Tensor, augmented: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Put the batch into the queue, both views where the encoder that is trained made them, and take its keys."""
        assert self.queue is not None, "a method with a head has a queue"
        weight = self.training_head().weight
        if self.momentum_encoder is None:
            self.queue.enqueue(torch.cat((original, augmented)), labels.repeat(2), weight, num_views=2)
        else:
            self.queue.enqueue(original, labels, weight)
        return self.queue.keys(weight)

    def on_train_epoch_end(self) -> None:
        """Log how the norms of ``lq`` went with what was drawn for it, over the epoch and all ranks."""
        super().on_train_epoch_end()
        self.log_norm_correlations()

    @property
    def has_begun(self) -> bool:
        """Whether the partition has begun."""
        warmup = self.partition.warmup_epochs
        return warmup <= 0 or self.trainer.global_step >= warmup * self.steps_per_epoch
