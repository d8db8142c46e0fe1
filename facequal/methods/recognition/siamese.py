"""Siamese training on high- and low-resolution views: a recogniser trained for resolution from the start."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from facequal.methods.recognition.base import EmbeddingMethod
from facequal.models.backbones import Backbone
from facequal.models.heads import ArcFaceHead, MarginHead


class Siamese(EmbeddingMethod):
    """Training that classifies both views of an image and pulls their embeddings together (ST-M of the octuplet paper).

    With h and l the embeddings of `image` and `lq`, in one forward pass of one network, a sample's loss is

        (head(h) + head(l)) / 2 + feature_weight (1 - cos(h, l)).

    From Knoche, Hoermann, Rigoll, "Susceptibility to Image Resolution in Face Recognition and Training Strategies"
    (2021): a siamese network with a cosine distance between high- and low-resolution features, trained on several
    resolutions at once. How the two classification losses and the distance are weighted is our choice. The head is
    ArcFace by default, as in the paper; the other defaults are those of `Recognizer`.

    Args:
        feature_weight: Weight of the distance between the views; 0 only classifies.
        kwargs: The other arguments, as of `EmbeddingMethod`.

    Raises:
        ValueError: If `feature_weight` is negative.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Callable[[int, int], MarginHead] = ArcFaceHead,
        feature_weight: float = 1.0,
        **kwargs: Any,
    ) -> None:
        if feature_weight < 0:
            raise ValueError(f"feature_weight must be at least 0, got {feature_weight}")
        super().__init__(backbone, head, **kwargs)
        self.feature_weight = feature_weight

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Take one step on `image` and `lq`; what is logged is of rank 0's share of the batch.

        Raises:
            ValueError: If both views are the same, because no degradation is configured.
        """
        if batch["lq"] is batch["image"]:
            raise ValueError("data.degradation is not set: siamese training needs a low-resolution view of every image")
        embedding, norm = self.backbone(torch.cat((batch["image"], batch["lq"])))  # (2B,D), (2B,1)
        output = self.training_head().loss(embedding, norm, batch["label"].repeat(2))
        hr, lr = embedding.chunk(2)
        distance = 1 - (hr * lr).sum(1)  # (B,): 1 - cos(h, l)
        classification = output.per_sample_loss.view(2, -1).mean(0)  # (B,): (head(h) + head(l)) / 2
        per_sample_loss = classification + self.feature_weight * distance
        self.require_finite(per_sample_loss, batch, batch_idx)
        loss: Tensor = per_sample_loss.mean() + output.regulariser
        self.log("train/loss", loss.detach(), prog_bar=True)
        self.log("train/feature_distance", distance.detach().mean(), prog_bar=True)
        self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("train/target_probability", output.target_probability.detach().mean())
        return loss
