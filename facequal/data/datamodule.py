"""The one LightningDataModule of all methods."""

import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_info
from torch.utils.data import Dataset

from facequal.data.loader import FaceLoader, one_thread
from facequal.data.protocols.base import EvaluationProtocol
from facequal.data.protocols.verification import HeldOutPairs
from facequal.data.sampling.identity_pairs import IdentityPairs
from facequal.data.sampling.samplers import AlternatingSampler, EpochSampler, IdentityPairSampler, SamplerOptions
from facequal.data.source import FaceSource, require_source
from facequal.data.training_set import NOBODY_HELD_OUT, PLAIN_ITEMS, HeldOut, TrainingSet, TrainItems, make_training_set
from facequal.data.views import reference_views, to_unit_range, training_views
from facequal.degradations.base import Degradation
from facequal.degradations.suites import resolution_suite

RESOLUTIONS_PX = resolution_suite("cross-resolution").sizes_px


class FaceDataModule(LightningDataModule):
    """Faces for training, validation, test and prediction, degraded on the device.

    Training batches are dicts as `facequal.data.views.training_views` returns them, evaluation batches are what
    their protocol's `views` makes them: of a verification protocol every image once, at all resolutions asked for.

    Args:
        train: Data set to train on, or None to evaluate only.
        val: Protocols to validate on, beside the held-out identities.
        test: Protocols to test on; each gets one loader.
        predict: Data set whose embeddings, or restored pictures, `facequal predict` writes.
        augmentation: Device-side slot that acts on `image` before it is copied: both views share it.
        degradation: Device-side slot that makes `lq` from `image`.
        lq_augmentation: Device-side slot drawn for `lq` alone.
        held_out: Identities held out of `train` for validation.
        train_items: What the workers add to a training item, or change in it.
        num_references: Clean images of the same identity that come with every training image (`ReferencedFaces`).
        batch_size: Images per optimizer step over all ranks and nodes: each process gets its share.
        identity_pairs: Train on batches of two images per identity (see `IdentityPairs`), as losses over triplets
            need them; None shuffles single images.
        alternate_halves: Train on batches of one half of the identities and of the other in turn, as a search does for
            its weights and its architecture (see `AlternatingSampler`).
        eval_batch_size: Images per process in evaluation; each is embedded at every resolution.
        num_workers: Loader processes per rank.
        pin_memory: Pin host memory when a GPU is used.
        val_resolutions_px: Resolutions in validation, in pixels of height.
        resolutions_px: Resolutions in tests, in pixels of height.
        skip_missing_tests: Leave out test protocols whose files are missing, with a message; otherwise they are an
            error. Restoration sets are not among them: their source is read when they are made.
        seed: Seed of order, split and degradations; None takes the one of `seed_everything`, or 0.

    Attributes:
        num_classes: Identities to train on, or None without a training set.
        train_source: The items to train on, or None.

    Raises:
        TypeError: If `train` or `predict` is no data set of faces.
        ValueError: If more identities are held out than there are, two protocols have one name, batches are asked for
            in two ways, or `identity_pairs` asks for groups that are not known.

    Example:
        >>> from facequal.procedural import ProceduralFaces
        >>> data = FaceDataModule(ProceduralFaces(12, images_per_identity=4), held_out=HeldOut(3, pairs=20))
        >>> data.num_classes, [protocol.name for protocol in data.val_protocols]
        (9, ['held-out'])
    """

    def __init__(
        self,
        # jsonargparse takes no sub-class of a parametrised Dataset[...].
        train: Dataset | None = None,  # type: ignore[type-arg]
        val: list[EvaluationProtocol] | None = None,
        test: list[EvaluationProtocol] | None = None,
        predict: Dataset | None = None,  # type: ignore[type-arg]
        augmentation: Degradation | None = None,
        degradation: Degradation | None = None,
        lq_augmentation: Degradation | None = None,
        held_out: HeldOut = NOBODY_HELD_OUT,
        train_items: TrainItems = PLAIN_ITEMS,
        num_references: int = 0,
        batch_size: int = 128,
        identity_pairs: IdentityPairs | None = None,
        alternate_halves: bool = False,
        eval_batch_size: int = 64,
        num_workers: int = 0,
        pin_memory: bool = True,
        val_resolutions_px: Sequence[int] = (7, 112),
        resolutions_px: Sequence[int] = RESOLUTIONS_PX,
        skip_missing_tests: bool = False,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        if identity_pairs is not None and alternate_halves:
            raise ValueError("data: either identity_pairs or alternate_halves decides on the batches, not both")
        self.seed = int(os.environ.get("PL_GLOBAL_SEED", 0)) if seed is None else seed
        self.augmentation, self.degradation, self.lq_augmentation = augmentation, degradation, lq_augmentation
        self.identity_pairs, self.alternate_halves = identity_pairs, alternate_halves
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.num_workers, self.pin_memory = num_workers, pin_memory
        self.val_resolutions_px, self.resolutions_px = tuple(val_resolutions_px), tuple(resolutions_px)
        self.val_protocols = list(val or [])
        self.all_test_protocols, self.skip_missing_tests = list(test or []), skip_missing_tests
        self.predict_source: FaceSource | None = None if predict is None else require_source(predict, "data.predict")
        self.training: TrainingSet | None = None
        if train is not None:
            self.training = make_training_set(
                require_source(train, "data.train"),
                seed=self.seed,
                held_out=held_out,
                items=train_items,
                num_references=num_references,
                identity_pairs=identity_pairs,
            )
            if self.training.held_out is not None:
                self.val_protocols.insert(0, HeldOutPairs(self.training.held_out, held_out.pairs, self.seed))
        self.train_source = None if self.training is None else self.training.source
        self.num_classes = None if self.train_source is None else self.train_source.num_classes
        _require_distinct_names("val", self.val_protocols)
        _require_distinct_names("test", self.all_test_protocols)

    @cached_property
    def test_protocols(self) -> list[EvaluationProtocol]:
        """The protocols to test on; with `skip_missing_tests`, those whose files are there.

        Raises:
            ValueError: If all of them are left out.
        """
        left_out = set(self.left_out_tests)
        present = [protocol for protocol in self.all_test_protocols if protocol.name not in left_out]
        if left_out and not present:
            raise ValueError(f"data.test: the files of all protocols are missing: {', '.join(self.left_out_tests)}")
        return present

    @cached_property
    def left_out_tests(self) -> list[str]:
        """Names of the test protocols that `skip_missing_tests` leaves out; their missing files are logged once."""
        if not self.skip_missing_tests:
            return []
        left_out = []
        for protocol in self.all_test_protocols:
            missing = [str(path) for path in protocol.paths if not path.exists()]
            if missing:
                rank_zero_info(f"data.test: {protocol.name} is left out, there is no {' and no '.join(missing)}")
                left_out.append(protocol.name)
        return left_out

    def prepare_data(self) -> None:
        """Read an image of each source of the stage, once per node, so that faces are rendered and records indexed."""
        stage = None if self.trainer is None else self.trainer.state.fn
        source = {"fit": self.train_source, "predict": self.predict_source}.get(str(stage))
        protocols = self.val_protocols if stage in ("fit", "validate") else []
        protocols = self.test_protocols if stage == "test" else protocols
        for images in [source, *(protocol.images for protocol in protocols)]:
            if images is not None and len(images):
                images[0]

    def train_dataloader(self) -> FaceLoader:
        """Return the loader of training batches, of equal size on every rank; the last incomplete batch is dropped.

        Raises:
            ValueError: If there is no training set, the batch does not divide among the ranks, or the set is smaller
                than a batch or has too few identities for one.
        """
        if self.training is None:
            raise ValueError("data.train is not set: there is nothing to train on")
        _, world_size = self._rank_and_world_size()
        if self.batch_size % world_size:
            raise ValueError(f"data.batch_size={self.batch_size} does not divide among {world_size} processes")
        sampler = self._train_sampler(self.training)
        return self._loader(self.training.source, sampler, self.batch_size // world_size, drop_last=True)

    def val_dataloader(self) -> list[FaceLoader]:
        """Return one loader per validation protocol.

        Raises:
            ValueError: If validation was asked for and there is no protocol.
        """
        if not self.val_protocols and self.trainer is not None and self.trainer.state.fn == "validate":
            raise ValueError("data.val is empty and data.held_out.identities is 0: there is nothing to validate on")
        # Without protocols there is nothing to validate, which is no mistake.
        warnings.filterwarnings("ignore", message="Total length of `list` across ranks is zero")
        return [self._eval_loader(protocol.images, self.eval_batch_size) for protocol in self.val_protocols]

    def test_dataloader(self) -> list[FaceLoader]:
        """Return one loader per test protocol.

        Raises:
            ValueError: If no protocol is configured.
        """
        if not self.test_protocols:
            raise ValueError("data.test is empty: name at least one protocol of facequal.data.protocols.verification")
        return [self._eval_loader(protocol.images, self.eval_batch_size) for protocol in self.test_protocols]

    def predict_dataloader(self) -> FaceLoader:
        """Return the loader of images to embed or restore, in order; one by one if they come in their own sizes.

        Raises:
            ValueError: If there is no data set to predict on.
        """
        if self.predict_source is None:
            raise ValueError("data.predict is not set: there is nothing to embed or restore")
        sizes_differ = getattr(self.predict_source, "size_px", self.eval_batch_size) is None
        return self._eval_loader(self.predict_source, 1 if sizes_differ else self.eval_batch_size)

    def on_after_batch_transfer(self, batch: Mapping[str, Any], dataloader_idx: int) -> dict[str, Any]:
        """Degrade on the device: training views in fit, what its protocol asks for in validation and test."""
        trainer = self.trainer
        if trainer is None or trainer.training:
            return training_views(
                batch,
                seed=self.seed,
                epoch=0 if trainer is None else trainer.current_epoch,
                augmentation=self.augmentation,
                degradation=self.degradation,
                lq_augmentation=self.lq_augmentation,
            )
        if trainer.predicting:
            return {**batch, "image": to_unit_range(batch["image"]), **reference_views(batch)}
        if trainer.testing:
            return self.test_protocols[dataloader_idx].views(batch, self.resolutions_px)
        return self.val_protocols[dataloader_idx].views(batch, self.val_resolutions_px)

    def _train_sampler(self, training: TrainingSet) -> EpochSampler:
        rank, world_size = self._rank_and_world_size()
        options = SamplerOptions(seed=self.seed, rank=rank, world_size=world_size, epoch_cells=training.epoch_cells)
        if self.identity_pairs is not None:
            pairs = IdentityPairSampler(
                training.source,
                self.batch_size,
                groups=training.groups,
                identities_per_group=self.identity_pairs.identities_per_group,
                **options,
            )
            rank_zero_info(pairs.describe())
            return pairs
        if self.alternate_halves:
            return AlternatingSampler(training.source, self.batch_size, **options)
        if len(training.source) < self.batch_size:
            raise ValueError(f"data.batch_size={self.batch_size}, but there are only {len(training.source)} images")
        return EpochSampler(training.source, shuffle=True, smallest_batch=self.batch_size // world_size, **options)

    def _rank_and_world_size(self) -> tuple[int, int]:
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _eval_loader(self, source: FaceSource, batch_size: int) -> FaceLoader:
        rank, world_size = self._rank_and_world_size()
        sampler = EpochSampler(source, shuffle=False, rank=rank, world_size=world_size)
        return self._loader(source, sampler, batch_size, drop_last=False)

    def _loader(self, source: FaceSource, sampler: EpochSampler, batch_size: int, drop_last: bool) -> FaceLoader:
        return FaceLoader(
            source,
            batch_size=batch_size,
            sampler=sampler,
            drop_last=drop_last,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0 and source is self.train_source,
            pin_memory=self.pin_memory and torch.cuda.is_available(),
            worker_init_fn=one_thread if self.num_workers else None,
        )


def _require_distinct_names(stage: str, protocols: Sequence[EvaluationProtocol]) -> None:
    names = [protocol.name for protocol in protocols]
    if len(set(names)) < len(names):
        raise ValueError(f"data.{stage}: the protocols need names of their own, got {', '.join(names)}")
