"""The search of NASFE's fusion: weights on one half of the people, architecture on the other, in turn."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.optim import Adam, Optimizer

from facequal.methods.base import OptimizerFactory
from facequal.methods.nasfe.losses import perceptual_loss
from facequal.methods.nasfe.network.derivation import derive_genotype, has_collapsed, search_statistics
from facequal.methods.nasfe.network.fusion import CellFusion
from facequal.methods.nasfe.network.genotype import Genotype
from facequal.methods.nasfe.network.network import NASFENetwork
from facequal.methods.nasfe.network.supernet import SearchFusion
from facequal.methods.nasfe.stages import load_encoders
from facequal.methods.restoration.base import RestoringMethod, squared_errors, training_psnr
from facequal.methods.schedules import CosineSchedule, Schedule
from facequal.pretrained.frozen import FeatureNetwork


def architecture_adam(parameters: Iterable[Any]) -> Adam:
    """Return Adam at 3e-3 with betas (.5, .999), as architectures are usually searched with, but without weight decay.

    The usual 1e-3 is meant for a cross entropy. A squared error of pictures has gradients of the order of 1e-6, against
    which it holds all of alpha at 0.
    """
    return Adam(parameters, lr=3e-3, betas=(0.5, 0.999))


class NASFESearch(RestoringMethod):
    """Search for the fusion of a `NASFENetwork` by continuous relaxation, first order (DARTS; Liu et al. 2019).

    The data module gives batches of two halves of the people in turn (`data.alternate_halves`): those of the first
    half train the weights, those of the second alpha, edge weights and beta. No person is in both: with a split of
    images alone the architecture would be judged on faces whose people the weights know. In the first part of the
    training (`warmup`) the weights learn alone. The loss is L2 + .04 L_per; there are no references.

    `facequal.callbacks.search_report.SearchReport` writes the genotype that follows. Logs `train/loss` and, on the
    second half, `search/loss` and `search/psnr` as means over the epoch, and what `search_statistics` tells, as
    `search/entropy` and so on; warns when more than half of the edges have come to prefer the skip, as searches do
    that collapse.

    Lightning's `global_step` counts the steps of both optimizers: schedules here count those of the weights.

    Args:
        network: The network, with a space to be searched.
        features: Frozen network of the perceptual term; None leaves it out.
        perceptual_weight: Of L_per.
        warmup: Share of the training in which the architecture stays as it is.
        max_skips: Of a derived cell, see `derive_genotype`.
        encoder_rate: Factor of the learning rate of the encoders, which know their work already.
        optimizer: Called with the weights; the encoders are a group of their own.
        architecture_optimizer: Called with alpha, edge weights and beta.
        schedule: Factor of the weights' rate; None: half a cosine down to 2 %.
        encoders: Checkpoints of `Restorer` with a `SingleRestorer` to start the encoders from, by degradation.
        gradient_clip: Largest norm of the weights' gradient; None for any.
        kwargs: The other arguments, as of `RestoringMethod`, without weights and tiles.

    Raises:
        ValueError: If the network has nothing to search, or a setting is out of its range.
        FileNotFoundError: If there are no such encoders.
    """

    network: NASFENetwork

    def __init__(
        self,
        network: NASFENetwork,
        features: FeatureNetwork | None = None,
        perceptual_weight: float = 0.04,
        warmup: float = 0.4,
        max_skips: int | None = 2,
        encoder_rate: float = 0.1,
        architecture_optimizer: OptimizerFactory = architecture_adam,
        schedule: Schedule | None = None,
        encoders: Mapping[str, str] | None = None,
        gradient_clip: float | None = 1.0,
        **kwargs: Any,
    ) -> None:
        if not isinstance(network.fusion, SearchFusion):
            raise ValueError("the network has nothing to search: set network.init_args.search")
        if not 0.0 <= warmup < 1.0:
            raise ValueError(f"warmup is a share of the training in [0, 1), got {warmup}")
        if network.identity is not None:
            raise ValueError("the search takes no references: leave identity_channels out")
        if network.modulation is not None:
            raise ValueError("the search takes no class prior: leave class_prior out")
        load_encoders(network, encoders or {})
        super().__init__(
            network,
            schedule=schedule or CosineSchedule(final=0.02),
            weights=None,
            tile_px=None,
            tile_overlap_px=0,
            **kwargs,
        )
        self.automatic_optimization = False
        self.features = features
        self.perceptual_weight, self.warmup, self.max_skips = perceptual_weight, warmup, max_skips
        self.encoder_rate, self.gradient_clip = encoder_rate, gradient_clip
        self.architecture_factory = architecture_optimizer
        self.warned = False

    @property
    def fusion(self) -> SearchFusion:
        """What is searched."""
        fusion = self.network.fusion
        assert isinstance(fusion, SearchFusion)
        return fusion

    def forward(self, images: Tensor) -> Tensor:
        """Restore RGB (B,3,H,W) in [0,1] by the network as it is mixed now."""
        restored: Tensor = self.network(images)
        return restored

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Take a step of the weights on even batches, of the architecture on odd ones after the warm-up.

        Raises:
            ValueError: If the data module degrades nothing, or its batches are not of two halves in turn.
        """
        if not batch["degradation"]:
            raise ValueError("a search learns to undo a degradation: set data.degradation")
        if not self.trainer.datamodule.alternate_halves:  # type: ignore[attr-defined]
            raise ValueError("a search needs batches of two halves of the people: set data.alternate_halves")
        of_weights = batch_idx % 2 == 0
        if not of_weights and self.searched_share < self.warmup:
            return
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        weights, architecture = optimizers
        restored = self(batch["lq"])  # x_hat (B,3,H,W)
        losses = squared_errors(restored, batch["image"])  # L2 (B,)
        if self.features is not None:
            of_restored = self.features.scaled(restored)  # F(x_hat) (B,C,h,w)
            with torch.no_grad():
                of_clean = self.features.scaled(batch["image"])  # F(x)
            losses = losses + self.perceptual_weight * perceptual_loss(of_restored, of_clean)  # L2 + .04 L_per
        self.require_finite(losses, batch, batch_idx)
        # Every parameter gets its gradient, as DDP wants it; one half of them steps.
        self.manual_backward(losses.mean())
        if of_weights:
            self._set_rates(weights)
            if self.gradient_clip is not None:
                parameters = [parameter for group in weights.param_groups for parameter in group["params"]]
                torch.nn.utils.clip_grad_norm_(parameters, self.gradient_clip)
            weights.step()
            self.log("train/loss", losses.mean(), prog_bar=True, batch_size=len(losses))
        else:
            architecture.step()
            figures = {"search/loss": losses.mean(), "search/psnr": training_psnr(restored, batch["image"])}
            self.log_dict(figures, prog_bar=True, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(losses))
        self.zero_grad()

    @property
    def searched_share(self) -> float:
        """Share of the training that is over, by batches."""
        trainer = self.trainer
        if trainer.max_epochs is not None and trainer.max_epochs > 0:
            done = trainer.current_epoch + trainer.fit_loop.epoch_loop.batch_idx / trainer.num_training_batches
            return min(1.0, done / trainer.max_epochs)
        return min(1.0, trainer.global_step / max(1, trainer.max_steps))

    def _set_rates(self, optimizer: Any) -> None:
        factor = self.schedule(float(self.trainer.current_epoch), self.searched_share)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor

    def on_train_epoch_end(self) -> None:
        """Log what the search has come to."""
        super().on_train_epoch_end()
        statistics = search_statistics(self.fusion)
        for name, value in statistics.items():
            self.log(f"search/{name}", value, sync_dist=True)
        if has_collapsed(statistics) and not self.warned and self.searched_share > self.warmup:
            self.warned = True
            rank_zero_warn(
                f"{statistics['skip_fraction']:.0%} of the edges prefer the skip: the search collapses. A longer "
                "warm-up or a lower rate of the architecture may help; max_skips bounds what is derived"
            )

    def derive(self) -> Genotype:
        """Return the genotype that follows from what is learnt so far."""
        source = {} if self._trainer is None else {"epoch": self.trainer.current_epoch}
        datamodule = None if self._trainer is None else getattr(self.trainer, "datamodule", None)
        if datamodule is not None:
            source["seed"] = datamodule.seed
        return derive_genotype(self.fusion, self.max_skips, **source)

    def derived_size(self, genotype: Genotype) -> float:
        """Return the number of parameters of a network like this one with the cells of that genotype, in millions."""
        searched = sum(parameter.numel() for parameter in self.network.parameters())
        searched -= sum(parameter.numel() for parameter in self.fusion.parameters())
        with torch.device("meta"):  # the ranks' random numbers stay the same: the first one alone asks
            fusion = CellFusion(genotype, self.fusion.leave.out_channels)
        return (searched + sum(parameter.numel() for parameter in fusion.parameters())) / 1e6

    def configure_optimizers(self) -> list[Optimizer]:
        """Return the optimizer of the weights, and that of the architecture."""
        architecture = self.fusion.architecture_parameters()
        searched = {id(parameter) for parameter in architecture}
        encoders = list(self.network.encoders.parameters())
        apart = searched | {id(parameter) for parameter in encoders}
        others = [parameter for parameter in self.network.parameters() if id(parameter) not in apart]
        weights = self.optimizer_factory([{"params": others}, {"params": encoders}])
        weights.param_groups[1]["lr"] *= self.encoder_rate
        for group in weights.param_groups:
            group["initial_lr"] = group["lr"]
        return [weights, self.architecture_factory(architecture)]
