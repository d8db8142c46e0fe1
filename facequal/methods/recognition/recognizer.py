"""Recognition with a margin head: AdaFace by default, any other head by configuration."""

from collections.abc import Callable, Iterable
from typing import Any

from torch.optim import SGD, Optimizer
from torchmetrics import MeanMetric

from facequal.methods.base import OptimizerFactory
from facequal.methods.recognition.base import EmbeddingMethod, sample_values
from facequal.methods.schedules import Schedule, StepSchedule
from facequal.metrics.norms import NormStatistics
from facequal.models.backbones import Backbone
from facequal.models.heads import AdaFaceHead, MarginHead


def published_sgd(params: Iterable[Any]) -> Optimizer:
    """Return SGD as the AdaFace paper uses it: rate .1, momentum .9; the weight decay is set per group."""
    return SGD(params, lr=0.1, momentum=0.9)


class Recognizer(EmbeddingMethod):
    """Train a backbone and a margin head on identities; test with the backbone alone.

    Args:
        backbone: Network from images (B,3,H,W) in [0,1] to (embedding (B,D) of unit length, norm (B,1)).
        head: Called as `head(embedding_dim, num_classes)`.
        optimizer: Called with parameter groups.
        schedule: Factor of the rate at every step. Default: /10 at epochs 18 and 22 (AdaFace paper, 24 epochs).
        weight_decay: Of the published groups: convolutions, linear layers, PReLU and the head; not BatchNorm. The
            optimizer's own `weight_decay` is not used.
        num_classes: Identities; the CLI links it to the data. None builds no head (evaluation only).
        weights: Checkpoint to start from: ours, or a published AdaFace one (see `facequal.pretrained.importing`).
        colour_order: Colour order of `weights`, where the file does not say: "bgr" for published AdaFace ones.
        flip_test: In evaluation, add the embedding of the mirrored image, weighted by its norm (what published
            AdaFace numbers use).
        ramp: Shares of the training at which the margin starts to grow and is full, such as (0.25, 0.6); None: full
            from the start.
        channels_last: Memory format of the backbone; faster with half precision and on most CPUs.

    Raises:
        ValueError: If fewer than two identities.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Callable[[int, int], MarginHead] = AdaFaceHead,
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
            StepSchedule([18, 22]) if schedule is None else schedule,
            weight_decay,
            weights,
            colour_order,
            flip_test,
            ramp,
            channels_last,
        )
        self.norms = NormStatistics()
        self.margin = MeanMetric()

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """Take one step on `lq`: `loss`, the mean of the head's per-sample losses plus its regulariser, and `samples`.

        The loss and the probability that are logged are those of rank 0's share of the batch.

        A batch may hold `quality` (B,), a score per image for heads that are given theirs (`AdaFaceHead`).
        """
        embedding, norm = self.backbone(batch["lq"])
        output = self.training_head().loss(embedding, norm, batch["label"], batch.get("quality"))
        self.require_finite(output.per_sample_loss, batch, batch_idx)
        loss = output.per_sample_loss.mean() + output.regulariser
        self.norms.update(norm.detach())
        self.norm_correlations.update(norm, batch["degradation"])
        self.margin.update(output.margin.detach())
        self.log("train/loss", loss.detach(), prog_bar=True)
        self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("train/target_probability", output.target_probability.detach().mean())
        return {"loss": loss, "samples": sample_values(output, norm, batch["index"])}

    def on_train_epoch_end(self) -> None:
        """Log the statistics of norms and margins over the epoch and all ranks."""
        super().on_train_epoch_end()
        statistics = {f"train/norm_{name}": value for name, value in self.norms.compute().items()}
        # Already those of all ranks: averaging equal values changes nothing, and Lightning asks for it.
        self.log_dict({**statistics, "train/margin_mean": self.margin.compute()}, sync_dist=True)
        self.norms.reset()
        self.margin.reset()
