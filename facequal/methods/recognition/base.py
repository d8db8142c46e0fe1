"""What the methods that embed faces share: the backbone, evaluation, the optimizer, and the head where there is one."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor
from torch.optim import SGD, Optimizer

from facequal.methods.base import FaceMethod, OptimizerFactory
from facequal.methods.schedules import Schedule, StepSchedule
from facequal.metrics.norms import NormCorrelations
from facequal.models.backbones import Backbone, decay_parameter_groups
from facequal.models.heads import AdaFaceHead, HeadOutput, MarginHead
from facequal.models.heads.margins import margin_ramp
from facequal.pretrained.importing import load_weights

PUBLISHED_LR_PER_IMAGE = 0.1 / 512  # AdaFace: rate .1 at 512 images per step


def adaface_sgd(params: Iterable[Any]) -> Optimizer:
    """Return SGD as the AdaFace paper uses it: rate .1, momentum .9; the weight decay is set per group."""
    return SGD(params, lr=0.1, momentum=0.9)


class EmbeddingMethod(FaceMethod):
    """Base of the methods that train a recognition network: they differ in the training step only.

    The defaults are the AdaFace paper's.

    Args:
        backbone: Network from images (B,3,H,W) in [0,1] to (embedding (B,D) of unit length, norm (B,1)).
        head: Classifier to train with, called as `head(embedding_dim, num_classes)`.
        optimizer: Called with parameter groups.
        schedule: Factor of the rate at every step; None: /10 at epochs 18 and 22 of 24.
        weight_decay: Of the published groups: convolutions, linear layers, PReLU and the head; not BatchNorm. The
            optimizer's own `weight_decay` is not used.
        num_classes: Identities; the CLI links it to the data. None builds no head (evaluation only).
        weights: Checkpoint to start from: ours of any method, a published AdaFace one, or a state dict of the backbone
            (see `facequal.pretrained.importing`). None starts from the backbone as it is built.
        colour_order: Colour order of `weights`, where the file does not say: "bgr" for published AdaFace ones.
        flip_test: In evaluation, add the embedding of the mirrored image, weighted by its norm (what published
            AdaFace numbers use).
        ramp: Shares of the training at which the margin of the head starts to grow and is full, such as (0.25, 0.6);
            None: full from the start.
        channels_last: Memory format of the backbone; faster with half precision and on most CPUs.

    Raises:
        ValueError: If there are fewer than two identities, or `weights` do not fit the backbone, as with another
            embedding size; the message names keys and shapes.
        FileNotFoundError: If there are no such weights.
    """

    # Names of the parts that are trained with but not evaluated with.
    training_parts: tuple[str, ...] = ("head",)

    def __init__(
        self,
        backbone: Backbone,
        head: Callable[[int, int], MarginHead] = AdaFaceHead,
        optimizer: OptimizerFactory = adaface_sgd,
        schedule: Schedule | None = None,
        weight_decay: float = 5e-4,
        num_classes: int | None = None,
        weights: str | None = None,
        colour_order: str | None = None,
        flip_test: bool = True,
        ramp: tuple[float, float] | None = None,
        channels_last: bool = False,
    ) -> None:
        super().__init__(optimizer, schedule or StepSchedule([18, 22]))
        self.backbone = backbone.to(memory_format=torch.channels_last) if channels_last else backbone
        self.head = None if num_classes is None else head(backbone.embedding_dim, num_classes)
        self.weights, self.weight_decay, self.flip_test, self.ramp = weights, weight_decay, flip_test, ramp
        self.norm_correlations = NormCorrelations()
        if weights is not None:
            rank_zero_info(str(load_weights(self.backbone, self.head, weights, colour_order=colour_order)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embed images as evaluation does.

        Args:
            images: RGB (B,3,H,W) in [0,1].

        Returns:
            Unit embeddings (B,D) and norms (B,1). With `flip_test` both come from the sum of the raw features of
            the image and its mirror image, halved.
        """
        embedding, norm = self.backbone(images)
        if not self.flip_test:
            return embedding, norm
        flipped_embedding, flipped_norm = self.backbone(images.flip(-1))
        feature = 0.5 * (embedding * norm + flipped_embedding * flipped_norm)
        fused_norm = torch.linalg.vector_norm(feature, dim=1, keepdim=True)
        return feature / fused_norm.clamp_min(torch.finfo(feature.dtype).tiny), fused_norm

    def validation_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Embed a batch; the evaluation callback computes the figures."""
        return self.embed_batch(batch)

    test_step = predict_step = validation_step

    def embed_batch(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Return embedding (B,D), norm (B,1) and what says which image and view each row is."""
        embedding, norm = self(batch["image"])
        identifiers: dict[str, Tensor] = {name: batch[name] for name in ("index", "view", "label") if name in batch}
        return {"embedding": embedding, "norm": norm, **identifiers}

    def configure_optimizers(self) -> Any:
        """Return the optimizer over the published groups, and the schedule at every step."""
        decayed, undecayed = decay_parameter_groups(self)
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": self.weight_decay},
            {"params": undecayed, "weight_decay": 0.0},
        ]
        for group in groups:
            group["params"] = [parameter for parameter in group["params"] if parameter.requires_grad]
        optimizer = self.optimizer_factory([group for group in groups if group["params"]])
        scheduled = self.with_schedule(optimizer)
        if self.head is not None:
            self.note_learning_rate(optimizer)
        return scheduled

    def note_learning_rate(self, optimizer: Optimizer) -> None:
        """Say so when an SGD rate does not fit the batch: rate .1 with batches of 32 does not converge on face data."""
        datamodule = getattr(self.trainer, "datamodule", None)
        if not isinstance(optimizer, SGD) or datamodule is None:
            return
        batch_size = datamodule.batch_size * self.trainer.accumulate_grad_batches
        rate = optimizer.param_groups[0]["initial_lr"]
        ratio = rate / (PUBLISHED_LR_PER_IMAGE * batch_size)
        if not 0.1 <= ratio <= 10:
            rank_zero_info(
                f"note: learning rate {rate:g} with batch {batch_size} is {ratio:.2g} times AdaFace's .1 at 512; "
                f"in proportion it would be {PUBLISHED_LR_PER_IMAGE * batch_size:.3g}"
            )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what only training needs unless training goes on: to evaluate, the backbone is enough."""
        if self.head is None or (self._trainer is not None and self.trainer.state.fn != "fit"):
            prefixes = tuple(f"{part}." for part in self.training_parts)
            state = checkpoint["state_dict"]  # changed in place: a copy would lose the metadata with the colour order
            for key in [key for key in state if key.startswith(prefixes)]:
                del state[key]
            state.update({key: value for key, value in self.state_dict().items() if key.startswith(prefixes)})

    def on_train_epoch_end(self) -> None:
        """Log `train/norm_correlation/NAME` for every drawn value that norms were compared with over the epoch."""
        super().on_train_epoch_end()
        if self.norm_correlations.names:
            correlations = {
                f"train/norm_correlation/{name}": value for name, value in self.norm_correlations.compute().items()
            }
            self.log_dict(correlations, sync_dist=True)  # equal on all ranks already, but Lightning asks for it
            self.norm_correlations.reset()

    def training_head(self) -> MarginHead:
        """Return the head, with its margin as it is at this point of the training.

        Raises:
            RuntimeError: If the method was built without a head.
        """
        if self.head is None:
            raise RuntimeError(
                "this recogniser has no head: num_classes is not set, because data.train is not configured"
            )
        if self.ramp is not None:
            self.head.margin_scale = margin_ramp(self.training_progress, *self.ramp)
        return self.head


def sample_values(output: HeadOutput, norm: Tensor, index: Tensor) -> dict[str, Tensor]:
    """Return what a training step knows of every sample, detached, (V*N,) each; callbacks may keep it.

    Args:
        output: Of the head, for V views of N images, one view after the other.
        norm: (V*N, 1).
        index: int64 (N,) of the images.

    Returns:
        `index`, `view` (0 to V - 1), `norm`, `probability` P(y), `margin` and `gradient_scaling`.
    """
    views = len(norm) // max(1, len(index))
    return {
        "index": index.repeat(views),
        "view": torch.arange(views, device=index.device).repeat_interleave(len(index)),
        "norm": norm.detach().squeeze(1),
        "probability": output.target_probability.detach(),
        "margin": output.margin.detach(),
        "gradient_scaling": output.gradient_scaling.detach(),
    }
