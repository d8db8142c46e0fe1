"""QGFace: clear images are classified, poor ones are contrasted with their originals against a queue."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor
from torch.optim import SGD, Optimizer

from facequal.methods.base import OptimizerFactory
from facequal.methods.qgface.contrastive import contrastive_loss
from facequal.methods.qgface.norm_quality import NormQuality
from facequal.methods.qgface.options import PAPER_CONTRAST, PAPER_PARTITION, Contrast, Partition
from facequal.methods.qgface.partition import GatedLoss, classification_gate, contrastive_gate, gated_loss, unit_quality
from facequal.methods.qgface.queues import FeatureQueue, MomentumEncoder, MomentumQueue, ProxyUpdatedQueue
from facequal.methods.recognition.base import EmbeddingMethod, sample_values
from facequal.methods.schedules import Schedule, StepSchedule
from facequal.models.backbones import Backbone


def qgface_sgd(params: Iterable[Any]) -> Optimizer:
    """Return SGD as the QGFace paper uses it: rate .2, momentum .9; the weight decay is set per group."""
    return SGD(params, lr=0.2, momentum=0.9)


class QGFace(EmbeddingMethod):
    """Joint training on images of mixed quality (QGFace).

    A step embeds `image` (the original) and `lq` (its augmented version) in one forward pass. With z the
    standardised norm of each and b the threshold,

        loss = sum_i [q_i > b] L_head(e_i) / 2N + w sum_j [min(q_j, q_j') <= b] L_con(e_j, e_j') / N,   q = (z + 1) / 2,

    over all 2N images and all N pairs: what one sample weighs does not depend on how many others are selected. The
    queue takes both views of the global batch before it is used, so that it is the same on all ranks. Only the
    backbone is left at test time.

    Paper and released code differ in much. The defaults are the paper's; most of what published numbers may rest on is
    an option, named where it is described (`Partition`, `Contrast`, `NormQuality`, `contrastive_loss`). Not offered of
    the released code: a threshold that rises during training, both views degraded, and classifying one view only with
    the momentum encoder.

    Args:
        partition: How images are parted by quality.
        contrast: The contrastive loss and its negatives.
        schedule: Factor of the rate at every step; None: /10 at epochs 6 and 9 (the paper, 12 epochs).
        kwargs: The other arguments, as of `EmbeddingMethod`. The head is not one that is given its quality scores.

    Raises:
        ValueError: If an option is outside its allowed set.
    """

    training_parts = ("head", "quality", "queue", "momentum_encoder")

    def __init__(
        self,
        backbone: Backbone,
        partition: Partition = PAPER_PARTITION,
        contrast: Contrast = PAPER_CONTRAST,
        optimizer: OptimizerFactory = qgface_sgd,
        schedule: Schedule | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, optimizer=optimizer, schedule=schedule or StepSchedule([6, 9]), **kwargs)
        self.partition, self.contrast = partition, contrast
        self.quality = NormQuality(partition.h, partition.ema_decay, partition.init_stats)
        self.queue = None if self.head is None else self.build_queue(self.head.num_classes)
        # After the weights are loaded: it starts as the encoder does.
        is_momentum = self.head is not None and contrast.negatives == "momentum"
        self.momentum_encoder = MomentumEncoder(self.backbone, contrast.momentum) if is_momentum else None

    def build_queue(self, num_classes: int) -> FeatureQueue | None:
        """Return the queue that the negatives come from, if there is one."""
        size = num_classes if self.contrast.queue_size is None else self.contrast.queue_size
        if self.contrast.negatives == "proxy":
            settings = self.contrast
            return ProxyUpdatedQueue(size, self.backbone.embedding_dim, settings.normalize_keys, fused=settings.fused)
        return MomentumQueue(size, self.backbone.embedding_dim) if self.contrast.negatives == "momentum" else None

    def on_fit_start(self) -> None:
        """Say so when the queue cannot hold both views of a batch, as with few people."""
        datamodule = getattr(self.trainer, "datamodule", None)
        if self.queue is not None and datamodule is not None and self.queue.size < 2 * datamodule.batch_size:
            rank_zero_info(
                f"note: the queue has {self.queue.size} rows, a batch has {2 * datamodule.batch_size} views: "
                "contrast.queue_size makes it larger"
            )

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """Take one step on `image` and `lq`: `loss` and `samples`.

        Losses are logged of rank 0's share of the batch; shares and qualities as means over the epoch and all ranks.

        Raises:
            FloatingPointError: If a loss is NaN or infinite; the message names the samples.
        """
        # One pass over the originals and their augmented versions: unit embeddings e (2N,D), norms (2N,1)
        embedding, norm = self.backbone(torch.cat((batch["image"], batch["lq"])))
        quality = self.quality_of(batch, norm)  # q (2N,)
        output = self.training_head().loss(embedding, norm, batch["label"].repeat(2))  # L_head (2N,)
        # Before the embeddings enter the queue, which a checkpoint written on the way out would keep.
        self.require_finite(output.per_sample_loss.view(2, -1).sum(0), batch, batch_idx)
        classification = self.classify(output.per_sample_loss, quality)  # sum_i [q_i > b] L_head(e_i) / 2N
        loss = classification.loss + output.regulariser
        self.log_mean("train/classified_share", classification.share)
        self.log("train/classification_loss", classification.selected_mean)
        if self.contrast.negatives != "none":
            # sum_j [min(q_j, q_j') <= b] L_con(e_j, e_j') / N
            contrast = self.contrast_pairs(batch, batch_idx, embedding, quality)
            loss = loss + self.contrast.weight * contrast.loss
            self.log_mean("train/contrasted_share", contrast.share)
            self.log("train/contrastive_loss", contrast.selected_mean)
        self.log("train/loss", loss.detach(), prog_bar=True)
        self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log_dict({"train/running_norm_mean": self.quality.mean[0], "train/running_norm_std": self.quality.std[0]})
        of_image, of_lq = quality.chunk(2)
        self.log_mean("train/quality_image", of_image.mean())
        self.log_mean("train/quality_lq", of_lq.mean())
        self.norm_correlations.update(norm.chunk(2)[1], batch["degradation"])
        return {"loss": loss, "samples": sample_values(output, norm, batch["index"])}

    def log_mean(self, name: str, value: Tensor) -> None:
        """Log the mean over the epoch and all ranks: a single batch holds too few poor pairs to say anything."""
        self.log(name, value, on_step=False, on_epoch=True, sync_dist=True)

    def quality_of(self, batch: Mapping[str, Any], norm: Tensor) -> Tensor:
        """Return the quality (2N,) in [0, 1] of `image` and `lq`: read off their norms, or 0 and 1 by what was drawn.

        Raises:
            KeyError: If the degradation draws no such value.
        """
        quality, name = unit_quality(self.quality(norm)), self.partition.drawn
        if name is None:
            return quality
        if name not in batch["degradation"]:
            names = ", ".join(batch["degradation"])
            raise KeyError(f"partition.drawn is {name}, but data.degradation draws {names or 'nothing'}")
        of_lq = (batch["degradation"][name] > self.partition.drawn_limit).to(quality.dtype)
        return torch.cat((torch.ones_like(of_lq), of_lq))

    def classify(self, per_sample_loss: Tensor, quality: Tensor) -> GatedLoss:
        """Return the head's losses (2N,) of the images of high quality; of all while the partition warms up."""
        gate = self.partition.gate
        if gate == "none" or not self.is_past(self.partition.warmup_epochs):
            weights = torch.ones_like(quality)
        else:
            weights = classification_gate(quality, self.partition.threshold, gate, self.training_head().s)
        return gated_loss(per_sample_loss, weights)

    def contrast_pairs(self, batch: Mapping[str, Any], batch_idx: int, embedding: Tensor, quality: Tensor) -> GatedLoss:
        """Return the contrastive losses of the pairs of low quality; zero for all while one of the two warms up.

        Args:
            batch: `image`, `label` and `index` of N pairs.
            batch_idx: Position of the batch in the epoch.
            embedding: (2N, D), of `image`, then of `lq`.
            quality: (2N,) in [0, 1], likewise.

        Raises:
            FloatingPointError: If a loss is NaN or infinite; the message names the samples.
        """
        original, augmented = embedding.chunk(2)  # k and q of Eq. 14, (N,D) each
        if self.momentum_encoder is not None:
            # Before its use, as in MoCo: a checkpoint between two steps then holds all of what a step did.
            self.momentum_encoder.update(self.backbone)
            original, _ = self.momentum_encoder(batch["image"])
        keys, key_labels = self.negative_keys(original, augmented, batch["label"])  # (K,D), moved by Eq. 13; (K,)
        settings = self.contrast
        losses = contrastive_loss(
            augmented,
            original,
            batch["label"],
            keys,
            key_labels,
            settings.scale,
            settings.direction,
            settings.same_identity,
            clamp=settings.negatives == "proxy" and not settings.normalize_keys,
            rescale=settings.rescale,
        )
        self.require_finite(losses, batch, batch_idx, "contrastive loss")
        return gated_loss(losses, self.contrastive_weights(quality))  # losses (N,)

    def contrastive_weights(self, quality: Tensor) -> Tensor:
        """Return weights (N,), 0 or 1, of the pairs, from the quality (2N,) of `image` and `lq`."""
        of_image, of_lq = quality.chunk(2)
        if not self.is_past(max(self.partition.warmup_epochs, self.contrast.warmup_epochs)):
            return torch.zeros_like(of_lq)
        if self.partition.gate == "none":
            return torch.ones_like(of_lq)
        return contrastive_gate(of_lq, of_image, self.partition.threshold, self.partition.pair_quality)

    def negative_keys(self, original: Tensor, augmented: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys (K, D) without gradient and their labels (K,).

        A queue takes the batch first: both views where the encoder that is trained made them.
        """
        if self.queue is None:
            views = torch.cat((original, augmented)).detach()
            return self.gather_batch(views), self.gather_batch(labels.repeat(2))
        weight = self.training_head().weight
        if self.momentum_encoder is None:
            self.queue.enqueue(torch.cat((original, augmented)), labels.repeat(2), weight, num_views=2)
        else:
            self.queue.enqueue(original, labels, weight)
        return self.queue.keys(weight)

    def is_past(self, warmup_epochs: float) -> bool:
        """Return whether the training is beyond so many epochs."""
        return warmup_epochs <= 0 or self.trainer.global_step >= warmup_epochs * self.steps_per_epoch
