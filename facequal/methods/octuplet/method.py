"""Octuplet fine-tuning: makes a trained recogniser robust to resolution."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor
from torch.optim import Adagrad, Optimizer

from facequal.methods.base import OptimizerFactory
from facequal.methods.octuplet.loss import TERMS, Distance, OctupletLoss, OctupletOutput, Term
from facequal.methods.recognition.base import EmbeddingMethod
from facequal.methods.schedules import Schedule, StepSchedule
from facequal.models.backbones import Backbone
from facequal.models.heads import AdaFaceHead


def octuplet_adagrad(params: Iterable[Any]) -> Optimizer:
    """Return AdaGrad as the octuplet paper uses it for ResNet-50 and MobileNetV2: rate .01, epsilon 1."""
    return Adagrad(params, lr=0.01, eps=1.0)


class Octuplet(EmbeddingMethod):
    """Fine-tuning of a backbone with triplets over high- and low-resolution views (Knoche et al., FG 2023).

    A step embeds `image` and `lq` in one forward pass, so that BatchNorm sees both, and applies `OctupletLoss` to
    the features before normalisation, gathered over all ranks: the hardest pairs are those of the global batch. The
    data should come two images per identity (`data.identity_pairs`) with a loss of resolution as
    `data.degradation`; flip and colour belong into `data.augmentation`, which both views share.

    Args:
        margin: m of `OctupletLoss`, in the unit of the distance. The paper's 25 belongs to its features, and ours have
            lengths of their own (`train/norm_hr` logs them): about .4 of the length is a good start.
        distance: "euclidean", "squared" or "cosine".
        normalize: Bring features to unit length before distances are taken.
        terms: Triplet terms to sum: "hhh", "hll", "lhh", "lll".
        schedule: Factor of the rate at every step; None: /10 at epochs 2, 4 and 5 (the paper, 6 epochs).
        weight_decay: Of convolutions, linear layers and PReLU; the optimizer's own `weight_decay` is not used.
        kwargs: The other arguments, as of `EmbeddingMethod`, without those of a head.

    Raises:
        ValueError: If a setting of the loss is out of its range.
    """

    def __init__(
        self,
        backbone: Backbone,
        margin: float = 25.0,
        distance: Distance = "euclidean",
        normalize: bool = False,
        terms: Sequence[Term] = TERMS,
        optimizer: OptimizerFactory = octuplet_adagrad,
        schedule: Schedule | None = None,
        weight_decay: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            backbone,
            head=AdaFaceHead,  # not built: there are no classes
            optimizer=optimizer,
            schedule=schedule or StepSchedule([2, 4, 5]),
            weight_decay=weight_decay,
            num_classes=None,
            ramp=None,
            **kwargs,
        )
        self.loss = OctupletLoss(margin, distance, normalize, terms)

    def on_fit_start(self) -> None:
        """Say so when there is nothing to fine-tune."""
        if self.weights is None and self.trainer.ckpt_path is None:
            rank_zero_info(
                "note: model.init_args.weights is not set, training starts from the backbone as it was built"
            )

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Take one step on `image` (high resolution) and `lq` (low resolution).

        What is logged is of the global batch, but for the norms, which are those of rank 0's share.

        Raises:
            ValueError: If both views are the same, because no degradation is configured.
            FloatingPointError: If a feature is NaN or infinite; the message names the samples.
        """
        if batch["lq"] is batch["image"]:
            raise ValueError("data.degradation is not set: octuplets need a low-resolution view of every image")
        # One pass over both resolutions, so that BatchNorm sees both; features before they are normalised, (B,D) each
        embedding, norm = self.backbone(torch.cat((batch["image"], batch["lq"])))
        hr, lr = (embedding * norm).chunk(2)
        self.require_finite((hr + lr).sum(1), batch, batch_idx, what="embedding")
        # Those of all ranks: the hardest pairs are those of the global batch
        hr, lr = self.gather_batch(torch.stack((hr, lr), 1)).unbind(1)
        output: OctupletOutput = self.loss(hr, lr, self.gather_batch(batch["label"]))
        if batch_idx == 0 and self.current_epoch == 0:
            self.note_few_anchors(int(output.num_anchors), len(hr))
        self.log("train/loss", output.loss.detach(), prog_bar=True)
        self.log("train/active_triplets", output.active, prog_bar=True)
        self.log("train/anchors", output.num_anchors.float())
        self.log_dict({f"train/{term}": value.detach() for term, value in output.terms.items()})
        norm_hr, norm_lr = norm.detach().chunk(2)
        self.log_dict({"train/norm_hr": norm_hr.mean(), "train/norm_lr": norm_lr.mean()})
        self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        return output.loss

    def note_few_anchors(self, num_anchors: int, batch_size: int) -> None:
        """Say so when most images of a batch are alone: then there is next to nothing to learn from."""
        if num_anchors < batch_size / 2:
            rank_zero_info(
                f"note: {num_anchors} of {batch_size} images in the first batch have both a second image of their "
                "identity and another identity beside them; set data.identity_pairs"
            )

    def on_train_epoch_end(self) -> None:
        """Log how many images the sampler left over."""
        super().on_train_epoch_end()
        left_over = getattr(getattr(self.trainer.train_dataloader, "sampler", None), "left_over", None)
        if left_over is not None:
            self.log("train/images_left_over", float(left_over), sync_dist=True)
