"""Evaluation as a component: whatever embeds or restores images is validated and tested by the same protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info

from facequal.data.protocols.base import EvaluationProtocol, VerificationProtocol
from facequal.data.protocols.photos import RealPhotos
from facequal.data.protocols.restoration import DegradedSet
from facequal.degradations.suites import resolution_suite
from facequal.evaluation.classification import ClassificationEvaluator
from facequal.evaluation.evaluator import Evaluator
from facequal.evaluation.loggers import log_report, log_results
from facequal.evaluation.photos import PhotoEvaluator
from facequal.evaluation.pictures import PictureEvaluator
from facequal.evaluation.recognition import RecognitionEvaluator
from facequal.evaluation.restoration import RestorationEvaluator
from facequal.evaluation.settings import EvaluationSettings, RecognitionSettings, RestorationSettings
from facequal.evaluation.verification import CONDITIONS
from facequal.metrics.verification import AccuracyRule
from facequal.reports.info import RunInfo
from facequal.reports.results import Result
from facequal.reports.run_folder import run_folder
from facequal.reports.run_report import report_files, write_report
from facequal.reports.tables import print_table, render_table

# Kind of protocol and key among a step's outputs -> evaluator. A protocol that names its own one needs no row here.
EVALUATORS: dict[tuple[type[EvaluationProtocol], str], type[Evaluator[Any]]] = {
    (VerificationProtocol, "embedding"): RecognitionEvaluator,
    (DegradedSet, "restored"): RestorationEvaluator,
    (RealPhotos, "restored"): PhotoEvaluator,
    (DegradedSet, "logits"): ClassificationEvaluator,
}


def evaluator_class(protocol: EvaluationProtocol, outputs: Mapping[str, Any]) -> type[Evaluator[Any]]:
    """Return the protocol's own evaluator, or the one in `EVALUATORS` for its kind and what the steps return.

    Args:
        protocol: The benchmark.
        outputs: What a step returned.

    Raises:
        TypeError: If there is none: the method does not make what the protocol is about.
    """
    if protocol.evaluator is not None:
        return protocol.evaluator
    for (kind, key), evaluator in EVALUATORS.items():
        if isinstance(protocol, kind) and key in outputs:
            return evaluator
    kind_name = type(protocol).__qualname__
    raise TypeError(
        f"{protocol.name} is a {kind_name}, but this method gives {', '.join(outputs)}: nothing evaluates that"
    )


class ProtocolEvaluation(Callback):
    """Figures of every protocol from what the steps make of it, logged, and the report of a test.

    Each protocol has one loader and each image is counted once: the repeats that fill up uneven splits over ranks are
    dropped by index.

    Args:
        conditions: Which images of a pair are degraded: `"cross-resolution"` the second one, `"same-resolution"`
            both.
        fars: False acceptance rates at which the true acceptance rate is reported, where the impostors are numerous
            enough.
        rule: Rule of the accuracy for all protocols; None leaves each its own.
        folder: Folder of the report; None takes `report` in the folder of the run.
        num_panel_rows: Pairs in the picture of the report; 0 draws none.
        ranks: Ranks at which searches in a gallery are reported, for protocols that have one.
        norms: Report the feature norms of each resolution and how they correlate with it.
        restoration: How restoration sets are evaluated; the validations of a training leave the baselines out.

    Raises:
        ValueError: If a condition is unknown, or a rank is below 1.

    Attributes:
        results: Figures of the last test.
        config_hash: What tells configurations apart in the report; the CLI sets it.
    """

    def __init__(
        self,
        conditions: Sequence[str] = CONDITIONS,
        fars: Sequence[float] = (1e-4, 1e-3, 1e-2),
        rule: AccuracyRule | None = None,
        folder: str | None = None,
        num_panel_rows: int = 6,
        ranks: Sequence[int] = (1,),
        norms: bool = False,
        restoration: RestorationSettings | None = None,
    ) -> None:
        names = tuple(resolution_suite(condition).name for condition in conditions)
        recognition = RecognitionSettings(names, tuple(fars), rule, tuple(ranks), norms, num_panel_rows)
        self.settings = EvaluationSettings(recognition, restoration or RestorationSettings())
        self.folder = folder
        self.results: list[Result] = []
        self.config_hash: str | None = None
        self.protocols: list[EvaluationProtocol] = []
        self.evaluators: dict[int, Evaluator[Any]] = {}

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the outputs of the validation before."""
        fitting = trainer.state.fn == TrainerFn.FITTING
        self.begin(trainer.datamodule.val_protocols, fitting)  # type: ignore[attr-defined]  # set by fit and validate

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the outputs of the test before."""
        self.begin(trainer.datamodule.test_protocols)  # type: ignore[attr-defined]  # set by fit and test

    def begin(self, protocols: Sequence[EvaluationProtocol], fitting: bool = False) -> None:
        """Start with these protocols and no outputs: the first outputs of a protocol tell what evaluates it."""
        self.protocols, self.evaluators = list(protocols), {}
        self.settings = replace(self.settings, fitting=fitting)

    def add(self, outputs: Mapping[str, Any], batch: Mapping[str, Any], dataloader_idx: int) -> None:
        """Hand a batch to the evaluator of its protocol.

        Raises:
            TypeError: If there is none: the method does not make what the protocol is about.
        """
        if dataloader_idx not in self.evaluators:
            protocol = self.protocols[dataloader_idx]
            kind = evaluator_class(protocol, outputs)
            is_first = not any(isinstance(evaluator, kind) for evaluator in self.evaluators.values())
            self.evaluators[dataloader_idx] = kind(protocol, replace(self.settings, is_first=is_first))
        self.evaluators[dataloader_idx].add(outputs, batch)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Hand the outputs of a step to the evaluator of its protocol."""
        self.add(outputs, batch, dataloader_idx)

    on_test_batch_end = on_validation_batch_end

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the figures of all validation protocols, and `val/accuracy`, the mean of their accuracies."""
        if not trainer.sanity_checking:
            log_results(pl_module, "val", self.compute(trainer, seed=None))
        self.evaluators = {}

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compute the figures of all test protocols, print the table and write the report; loggers get all of it."""
        self.results = self.compute(trainer, trainer.datamodule.seed)  # type: ignore[attr-defined]
        log_results(pl_module, "test", self.results)
        folder = self.report_folder(trainer)
        if trainer.is_global_zero:
            log_report(trainer, self.results, self.write(folder, trainer))
        self.evaluators = {}

    def compute(self, trainer: Trainer, seed: int | None) -> list[Result]:
        """Return the figures of all protocols; none where the trainer limits the batches.

        Raises:
            ValueError: If a protocol has no images.
        """
        if batches_are_limited(trainer):
            rank_zero_info("the evaluation is left out, since the trainer limits its batches")
            self.evaluators = {}
            return []
        for number, protocol in enumerate(self.protocols):
            if number not in self.evaluators:
                raise ValueError(f"{protocol.name}: no batch was evaluated, the set is empty")
            self.evaluators[number].compute(trainer, seed)
        results = [result for evaluator in self.evaluators.values() for result in evaluator.results]
        return results if self.settings.fitting else [*results, *self.sizes(trainer, seed)]

    def sizes(self, trainer: Trainer, seed: int | None) -> list[Result]:
        """Return the learnable parameters of a method that restores, in millions: what is frozen does not count."""
        columns = [part.restored for part in self.evaluators.values() if isinstance(part, PictureEvaluator)]
        if not columns:
            return []
        parameters = trainer.lightning_module.parameters()
        size = sum(parameter.numel() for parameter in parameters if parameter.requires_grad) / 1e6
        return [Result("network", "size", columns[0], "parameters", size, unit="M", seed=seed)]

    def report_folder(self, trainer: Trainer) -> Path:
        """Return the folder of the report, equal on all ranks."""
        return run_folder(trainer) / "report" if self.folder is None else Path(self.folder)

    def write(self, folder: Path, trainer: Trainer) -> list[Path]:
        """Print the table, write the report with its pictures, and return its files."""
        print_table(render_table(self.results))
        datamodule = trainer.datamodule  # type: ignore[attr-defined]
        info = RunInfo.collect(self.config_hash, datamodule.seed, tested_checkpoint(trainer))
        curves = {key: curve for evaluator in self.evaluators.values() for key, curve in evaluator.curves.items()}
        print(f"report: {write_report(folder, self.results, curves, info, datamodule.left_out_tests)}")
        written = [path for evaluator in self.evaluators.values() for path in evaluator.write(folder)]
        for path in written:
            print(f"{'picture' if path.suffix == '.png' else 'table'}: {path}")
        return [*report_files(folder), *written]


def tested_checkpoint(trainer: Trainer) -> str | None:
    """Return the file whose weights are tested: a checkpoint, or the method's `weights`; None after a training."""
    weights = trainer.lightning_module.hparams.get("weights") if trainer.global_step == 0 else None
    path = trainer.ckpt_path or weights
    return None if path is None else str(path)


def batches_are_limited(trainer: Trainer) -> bool:
    """Return whether the trainer evaluates only some of the images, as in a quick trial."""
    limit = trainer.limit_test_batches if trainer.testing else trainer.limit_val_batches
    # 1.0 is all of them, 1 a single batch; `fast_dev_run` sets the limits too.
    return limit is not None and not (isinstance(limit, float) and limit == 1.0)
