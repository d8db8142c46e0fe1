"""Siamese training on high- and low-resolution views: a recogniser trained for resolution from the start."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from facequal.methods.base import OptimizerFactory
from facequal.methods.recognition.base import EmbeddingMethod
from facequal.methods.recognition.recognizer import published_sgd
from facequal.methods.schedules import Schedule, StepSchedule
from facequal.models.backbones import Backbone
from facequal.models.heads import ArcFaceHead, MarginHead


class Siamese(EmbeddingMethod):
    """Classify both views of an image and pull their embeddings together (ST-M of the octuplet paper).

    With h and l the embeddings of `image` and `lq`, in one forward pass of one network, a sample's loss is

        (head(h) + head(l)) / 2 + feature_weight (1 - cos(h, l)).

    From Knoche, Hoermann, Rigoll, "Susceptibility to Image Resolution in Face Recognition and Training Strategies"
    (2021): a siamese network with a cosine distance between high- and low-resolution features, trained on several
    resolutions at once. How the two classification losses and the distance are weighted is our choice.

    Args:
        backbone: Network from images (B,3,H,W) in [0,1] to (embedding (B,D) of unit length, norm (B,1)).
        head: Called as `head(embedding_dim, num_classes)`; the paper's bases are trained with ArcFace.
        feature_weight: Weight of the distance between the views; 0 only classifies.
        optimizer: Called with parameter groups.
        schedule: Factor of the rate at every step. Default: /10 at epochs 18 and 22 of 24.
        weight_decay: Of convolutions, linear layers, PReLU and the head; not BatchNorm.
        num_classes: Identities; the CLI links it to the data. None builds no head (evaluation only).
        weights: Checkpoint to start from.
        colour_order: Colour order of `weights`, where the file does not say.
        flip_test: In evaluation, add the embedding of the mirrored image, weighted by its norm.
        ramp: Shares of the training at which the margin starts to grow and is full; None: full from the start.
        channels_last: Memory format of the backbone.

    Raises:
        ValueError: If `feature_weight` is negative, or there are fewer than two identities.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Callable[[int, int], MarginHead] = ArcFaceHead,
        feature_weight: float = 1.0,
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
        if feature_weight < 0:
            raise ValueError(f"feature_weight must be at least 0, got {feature_weight}")
        super().__init__(
            backbone,
            None if num_classes is None else head(backbone.embedding_dim, num_classes),
            optimizer,
            StepSchedule([18, 22]) if schedule is None else schedule,
            weight_decay,
            weights,
            colour_order,
            flip_test,
            ramp,
            channels_last,
        )
        self.feature_weight = feature_weight

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Take one step on `image` and `lq`; what is logged is of rank 0's share of the batch.

        Raises:
            ValueError: If both views are the same, because no degradation is configured.
        """
        if batch["lq"] is batch["image"]:
            raise ValueError("data.degradation is not set: siamese training needs a low-resolution view of every image")
        embedding, norm = self.backbone(torch.cat((batch["image"], batch["lq"])))
        output = self.training_head().loss(embedding, norm, batch["label"].repeat(2))
        hr, lr = embedding.chunk(2)
        distance = 1 - (hr * lr).sum(1)
        classification = output.per_sample_loss.view(2, -1).mean(0)
        per_sample_loss = classification + self.feature_weight * distance
        self.require_finite(per_sample_loss, batch, batch_idx)
        loss: Tensor = per_sample_loss.mean() + output.regulariser
        self.log("train/loss", loss.detach(), prog_bar=True)
        self.log("train/feature_distance", distance.detach().mean(), prog_bar=True)
        self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("train/target_probability", output.target_probability.detach().mean())
        return loss
