"""NASFE: a network that restores faces, trained to look like the clean picture and like the person."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facequal.methods.nasfe.losses import TermWatch, identity_loss, perceptual_loss
from facequal.methods.nasfe.network.network import NASFENetwork, identity_information
from facequal.methods.nasfe.options import Mode, validate_options
from facequal.methods.nasfe.stages import keep_genotype, load_encoders
from facequal.methods.restoration.base import RestoringMethod, as_batch, require_size, squared_errors, training_psnr
from facequal.methods.restoration.degradation_classifier import DegradationClassifier
from facequal.methods.restoration.tiling import part_of, restore_in_tiles
from facequal.pretrained.frozen import FeatureNetwork


class NASFE(RestoringMethod):
    """Training of a `NASFENetwork` with the three terms of the paper, L = L2 + .04 L_per + .003 L_iden.

    L2 is the mean squared error (the paper prints a sum, beside which the other terms would vanish); L_per the mean
    absolute difference of features, L_iden the mean angle to those of clean pictures of the same person. Features of
    VGGFace's pool3 are divided by 255: as they are, .04 L_per would be a thousand times L2.

    The paper says both that clean pictures of the person are an input and that they are needed in training only. One
    network cannot have it both ways, so there are three modes, named in every result: "refs", with the references a
    batch brings; "self", where the degraded picture is its own reference; and "none", a network without the branch.
    In training references are left out of a sample with the probability `reference_dropout`, so that one checkpoint
    serves the first two.

    Logs `train/loss`, its three weighted terms, and `train/psnr`.

    Args:
        network: The network.
        features: Frozen network of the perceptual and identity terms and of the identity branch; None leaves both
            terms out, which a network with the branch does not allow.
        classifier: Trained classifier (with its `weights`) that gives the class prior of a network that takes it; None
            takes the true classes of the batch, an oracle.
        perceptual_weight: Of L_per.
        identity_weight: Of L_iden.
        perceptual_p: 1 or 2, see `perceptual_loss`.
        reference_dropout: Probability of a sample's references being left out.
        mode: In evaluation and prediction, for a network with the branch: "refs" or "self", or "given", which is
            "refs" where batches bring references and "self" where they do not.
        loss_balance: Divide each sample's squared error by that of its input, so that dark pictures do not dominate;
            scaled so that the mean over the batch stays what it was at the start.
        encoders: Checkpoints of `Restorer` with a `SingleRestorer` to start the encoders from, by degradation.
        kwargs: The other arguments, as of `RestoringMethod`.

    Raises:
        ValueError: If settings do not go together, or weights do not fit.
        FileNotFoundError: If there are no such weights.
    """

    network: NASFENetwork

    def __init__(
        self,
        network: NASFENetwork,
        features: FeatureNetwork | None = None,
        classifier: DegradationClassifier | None = None,
        perceptual_weight: float = 0.04,
        identity_weight: float = 0.003,
        perceptual_p: int = 1,
        reference_dropout: float = 0.3,
        mode: Mode = "given",
        loss_balance: bool = False,
        encoders: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        validate_options(network, features, reference_dropout, mode)
        load_encoders(network, encoders or {})  # before `weights`, which replace them
        super().__init__(network, **kwargs)
        keep_genotype(self.hparams, network)
        self.features = features
        self.classifier = None if classifier is None else classifier.eval().requires_grad_(False)
        self.perceptual_weight, self.identity_weight = perceptual_weight, identity_weight
        self.perceptual_p, self.reference_dropout, self.loss_balance = perceptual_p, reference_dropout, loss_balance
        self.mode: Mode = mode
        self.term_watch = TermWatch("l2")

    def mode_of(self, batch: Mapping[str, Any]) -> str:
        """Return how a batch is restored: "refs", "self" or "none"."""
        if self.network.identity is None:
            return "none"
        if self.mode != "given":
            return self.mode
        return "refs" if "references" in batch else "self"

    def train(self, mode: bool = True) -> "NASFE":
        """Set the mode of the network alone: what is frozen stays in evaluation mode."""
        super().train(mode)
        if self.classifier is not None:
            self.classifier.eval()
        return self

    def forward(
        self,
        images: Tensor,
        classes: Tensor | None = None,
        references: Tensor | None = None,
        num_references: Tensor | None = None,
    ) -> Tensor:
        """Restore pictures.

        Args:
            images: float RGB (B,3,H,W) in [0,1].
            classes: float (B,3), for a network with a class prior and without a classifier.
            references: float RGB (B,n,3,H',W') in [0,1], clean pictures of the same people; None takes the pictures
                themselves ("self").
            num_references: int64 (B,), how many of the n count; None all. Where it is 0 the mode is "self".

        Returns:
            (B,3,H,W); it may leave the range.
        """
        return self._restore(images, classes, self._reference_features(references), num_references)

    def _restore(
        self, images: Tensor, classes: Tensor | None, references: Tensor | None, num_references: Tensor | None
    ) -> Tensor:
        prior = self._prior(images, classes) if self.network.modulation is not None else None
        identity = None
        if self.network.identity is not None:
            with torch.no_grad():
                identity = identity_information(self._features_of(images), references, num_references)
        if self.tile_px is None or self.training:
            restored: Tensor = self.network(images, prior, identity)
            return restored

        # The prior and the person are those of the whole picture.
        def restore_tile(tile: Tensor, rows: slice, columns: slice) -> Tensor:
            part = None if identity is None else part_of(identity, rows, columns, images.shape[-2:])
            restored: Tensor = self.network(tile, prior, part)
            return restored

        return restore_in_tiles(restore_tile, images, self.tile_px, self.tile_overlap_px)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Return the loss L = L2 + .04 L_per + .003 L_iden, mean over the batch.

        Raises:
            ValueError: If the data module degrades nothing, or brings no references to a network that takes them.
        """
        if not batch["degradation"]:
            raise ValueError("NASFE learns to undo a degradation: set data.degradation")
        clean, degraded = batch["image"], batch["lq"]  # x and y, (B,3,H,W)
        # Features F(C_i) of clean pictures of the person (B,n,C,h,w), and how many of the n count (B,)
        references, num_references = self._references_of(batch)
        num_kept = num_references
        if num_references is not None:  # in part of the batch the network does without ("self"), the loss does not
            dropped = torch.rand(len(clean), device=clean.device) < self.reference_dropout
            num_kept = num_references.masked_fill(dropped, 0)
        restored = self._restore(degraded, batch.get("classes"), references, num_kept)  # x_hat (B,3,H,W)
        terms = {"l2": self._l2(restored, clean, degraded)}  # each (B,)
        if self.features is not None:
            of_restored = self.features.scaled(restored)  # F(x_hat) (B,C,h,w)
            with torch.no_grad():
                of_clean = self.features.scaled(clean)  # F(x)
            terms["perceptual"] = self.perceptual_weight * perceptual_loss(of_restored, of_clean, self.perceptual_p)
            if references is not None and num_references is not None:
                terms["identity"] = self.identity_weight * identity_loss(of_restored, references, num_references)
        losses = torch.stack(list(terms.values())).sum(0)  # (B,)
        self.require_finite(losses, batch, batch_idx)
        self._log_terms(terms, losses, restored, clean)
        return losses.mean()

    def _l2(self, restored: Tensor, clean: Tensor, degraded: Tensor) -> Tensor:
        """Return L2 of each picture (B,), balanced if so set."""
        errors = squared_errors(restored, clean)
        if not self.loss_balance:
            return errors
        input_errors = squared_errors(degraded, clean)
        return errors / input_errors.clamp_min(1e-4) * input_errors.mean()

    def _log_terms(self, terms: Mapping[str, Tensor], losses: Tensor, restored: Tensor, clean: Tensor) -> None:
        size = len(losses)
        means = {name: values.detach().mean() for name, values in terms.items()}
        self.log("train/loss", losses.mean(), prog_bar=True, batch_size=size)
        self.log("train/psnr", training_psnr(restored, clean), prog_bar=True, batch_size=size)
        for name, mean in means.items():
            self.log(f"train/{name}", mean, batch_size=size)
        self.term_watch.see(self.global_step, means)

    def restore_degraded(self, batch: dict[str, Any]) -> Tensor:
        """Return restored pictures (B,3,H,W).

        Raises:
            ValueError: If there are no references in the mode "refs", or they have another size than the pictures.
        """
        references, number = self._references_of(batch) if self.mode_of(batch) == "refs" else (None, None)
        return self._restore(batch["lq"], batch.get("classes"), references, number)

    def restore(
        self,
        picture: NDArray[np.uint8],
        references: Sequence[NDArray[np.uint8]] = (),
        classes: Sequence[float] | None = None,
    ) -> NDArray[np.uint8]:
        """Restore one picture, with clean pictures of the same person or without any ("self").

        Args:
            picture: uint8 RGB (H,W,3), of any size.
            references: As many as there are, uint8 RGB in the size of the picture.
            classes: Probabilities of blur, noise and low light, for a network with a class prior and without a
                classifier.

        Returns:
            uint8 RGB (H,W,3).

        Raises:
            ValueError: If a picture is something else, a reference has another size, or references or classes are given
                to a method that does not take them, or not given to one that does.
        """
        if references and self.network.identity is None:
            raise ValueError("references: this network has no identity branch to take them")
        image = as_batch(picture, self.device)
        clean = [as_batch(reference, self.device, f"references[{i}]") for i, reference in enumerate(references)]
        for i, reference in enumerate(clean):
            require_size(reference, image, f"references[{i}]")
        prior = None
        if classes is not None:
            if self.network.modulation is None or self.classifier is not None:
                raise ValueError("classes: this method has no class prior, or a classifier that finds them")
            if len(classes) != 3:
                raise ValueError(f"classes must be three probabilities, of blur, noise and low light, got {classes}")
            prior = image.new_tensor([classes])
        return self.restored_picture(image, prior, torch.stack(clean, dim=1) if clean else None)

    def _references_of(self, batch: Mapping[str, Any]) -> tuple[Tensor | None, Tensor | None]:
        """Return features of the references (B,n,C,h,w) and their numbers (B,), if the network or a loss takes them."""
        wanted = self.network.identity is not None or (self.training and self.identity_weight > 0.0)
        if self.features is None or not wanted:
            return None, None
        if "references" not in batch:
            raise ValueError(
                "clean pictures of the same people are missing: set data.num_references to train, and for the mode "
                "'refs' num_references of the test sets, or data.predict to "
                "facequal.data.protocols.photos.ReferencedPhotos"
            )
        require_size(batch["references"], batch["lq"], "references")
        return self._reference_features(batch["references"]), batch["num_references"]

    @torch.no_grad()
    def _reference_features(self, references: Tensor | None) -> Tensor | None:
        if references is None:
            return None
        features = self._features_of(references.flatten(0, 1))
        return features.view(*references.shape[:2], *features.shape[1:])

    def _features_of(self, images: Tensor) -> Tensor:
        assert self.features is not None
        return self.features.scaled(images)

    def _prior(self, images: Tensor, classes: Tensor | None) -> Tensor:
        """Return probabilities of blur, noise and low light (B,3)."""
        if self.classifier is not None:
            with torch.no_grad():
                return torch.sigmoid(self.classifier(images).float())
        if classes is None:
            raise ValueError("the network takes a class prior: give a classifier, or batches with classes")
        return classes
