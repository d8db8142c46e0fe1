"""Evaluation as a component: any method that embeds images is validated and tested by the same protocols."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info
from rich.console import Console

from facequal.data.protocols import VerificationProtocol
from facequal.degradations.suites import resolution_suite
from facequal.evaluation.collection import OutputCollector, Views, split_views
from facequal.evaluation.folders import run_folder
from facequal.evaluation.identification import evaluate_search
from facequal.evaluation.norms import norm_results
from facequal.evaluation.panel import write_panel
from facequal.evaluation.report import RunInfo, write_report
from facequal.evaluation.results import Result
from facequal.evaluation.tables import render_table
from facequal.evaluation.verification import CONDITIONS, CurveKey, PairEvaluation, evaluate_pairs
from facequal.metrics.roc import RocCurve
from facequal.metrics.verification import AccuracyRule


class ProtocolEvaluation(Callback):
    """Collect the embeddings of every protocol, compute its figures, log them, and write the report of a test.

    A step returns ``embedding``, ``norm``, ``index`` and ``view``. Each protocol has one loader and each image is
    counted once: the repeats that fill up uneven splits over ranks are dropped by index.

    Args:
        conditions: which images of a pair are degraded: ``"cross-resolution"`` the second one, ``"same-resolution"``
            both.
        fars: false acceptance rates at which the true acceptance rate is reported, where the impostors are numerous
            enough.
        rule: rule of the accuracy for all protocols; None leaves each its own.
        folder: folder of the report; None takes ``report`` in the folder of the run.
        num_panel_rows: pairs in the picture of the report; 0 draws none.
        ranks: ranks at which searches in a gallery are reported, for protocols that have one.
        norms: report the feature norms of each resolution and how they correlate with it.

    Raises:
        ValueError: a condition is unknown, or a rank is below 1.

    Attributes:
        results: figures of the last test.
        config_hash: what tells configurations apart in the report; the CLI sets it.
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
    ) -> None:
        self.conditions = tuple(resolution_suite(condition).name for condition in conditions)
        self.fars, self.rule = tuple(fars), rule
        self.folder, self.num_panel_rows = folder, num_panel_rows
        if any(rank < 1 for rank in ranks):
            raise ValueError(f"evaluation.ranks must be at least 1, got {list(ranks)}")
        self.ranks, self.norms = tuple(ranks), norms
        self.results: list[Result] = []
        self.config_hash: str | None = None
        self.collectors: dict[int, OutputCollector] = {}

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with no rows."""
        self.collectors = {}

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with no rows."""
        self.collectors = {}

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the rows of a batch."""
        self.collectors.setdefault(dataloader_idx, OutputCollector()).add(outputs)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the rows of a batch."""
        self.collectors.setdefault(dataloader_idx, OutputCollector()).add(outputs)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the figures of all validation protocols, and ``val/accuracy``, the mean of their accuracies."""
        if trainer.sanity_checking:
            return
        results: list[Result] = []
        for protocol, views in self.gathered(trainer, trainer.datamodule.val_protocols):  # type: ignore[attr-defined]
            results += self.evaluate(protocol, views, seed=None).results
        log_results(pl_module, "val", results)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compute the figures of all test protocols, log them, print the table and write the report."""
        datamodule = trainer.datamodule  # type: ignore[attr-defined]  # set by fit and test
        self.results = []
        curves: dict[CurveKey, RocCurve] = {}
        embedded = self.gathered(trainer, datamodule.test_protocols)
        for protocol, views in embedded:
            evaluation = self.evaluate(protocol, views, datamodule.seed)
            self.results += evaluation.results
            curves |= evaluation.curves
        log_results(pl_module, "test", self.results)
        folder = self.report_folder(trainer)
        if trainer.is_global_zero:
            self.write(folder, curves, trainer, embedded)

    def gathered(
        self, trainer: Trainer, protocols: Sequence[VerificationProtocol]
    ) -> list[tuple[VerificationProtocol, Views]]:
        """Each protocol with its embeddings by view, from all ranks."""
        embedded = []
        if batches_are_limited(trainer):
            rank_zero_info("the evaluation is left out, since the trainer limits its batches")
            protocols = []
        for number, protocol in enumerate(protocols):
            rows = self.collectors.get(number, OutputCollector()).gather(trainer)
            embedded.append((protocol, split_views(rows, len(protocol.images), protocol.name)))
        self.collectors = {}
        return embedded

    def evaluate(self, protocol: VerificationProtocol, views: Views, seed: int | None) -> PairEvaluation:
        """Figures of a protocol, and the ROC curves of its lists of pairs.

        Raises:
            ValueError: the resolutions leave out the images' own, which is the clean one.
        """
        evaluation = PairEvaluation([], {})
        clean = protocol.images[0]["image"].shape[-2]
        by_name = {str(view): embeddings for view, embeddings in views.embeddings.items()}
        for pair_list in protocol.pair_lists:
            one = evaluate_pairs(
                by_name,
                pair_list.pairs,
                pair_list.is_same,
                protocol=pair_list.name,
                folds=pair_list.folds,
                rule=self.rule or protocol.rule,
                clean=str(clean),
                conditions=self.conditions,
                fars=self.fars,
                seed=seed,
            )
            evaluation.results.extend(one.results)
            evaluation.curves.update(one.curves)
        for search in protocol.searches:
            found = evaluate_search(
                by_name,
                search,
                protocol.images.labels,
                clean=str(clean),
                conditions=self.conditions,
                ranks=self.ranks,
                seed=seed,
            )
            evaluation.results.extend(found)
        if self.norms:
            evaluation.results.extend(norm_results(views.norms, protocol.name, seed))
        return evaluation

    def report_folder(self, trainer: Trainer) -> Path:
        """Folder of the report, equal on all ranks."""
        return run_folder(trainer) / "report" if self.folder is None else Path(self.folder)

    def write(
        self,
        folder: Path,
        curves: dict[CurveKey, RocCurve],
        trainer: Trainer,
        embedded: list[tuple[VerificationProtocol, Views]],
    ) -> None:
        """Print the table and write the report with its pictures."""
        Console().print(render_table(self.results))
        datamodule = trainer.datamodule  # type: ignore[attr-defined]
        info = RunInfo.collect(self.config_hash, datamodule.seed, tested_checkpoint(trainer))
        report = write_report(folder, self.results, curves, info, datamodule.left_out_tests)
        print(f"report: {report}")
        if self.num_panel_rows and embedded:
            protocol, views = embedded[0]
            picture = write_panel(folder / "pairs.png", protocol.pair_lists[0], views.embeddings, self.num_panel_rows)
            print(f"picture: {picture}")


def tested_checkpoint(trainer: Trainer) -> str | None:
    """The file whose weights are tested: a checkpoint, or the method's ``weights``; None after a training."""
    weights = trainer.lightning_module.hparams.get("weights") if trainer.global_step == 0 else None
    path = trainer.ckpt_path or weights
    return None if path is None else str(path)


def batches_are_limited(trainer: Trainer) -> bool:
    """Whether the trainer embeds only some of the images, as in a quick trial."""
    limit = trainer.limit_test_batches if trainer.testing else trainer.limit_val_batches
    # 1.0 is all of them, 1 a single batch; `fast_dev_run` sets the limits too.
    return limit is not None and not (isinstance(limit, float) and limit == 1.0)


def log_results(pl_module: LightningModule, stage: str, results: Sequence[Result]) -> None:
    """Log every figure as ``stage/protocol/condition/column/metric``, and the mean accuracy as ``stage/accuracy``.

    All ranks compute the same figures; averaging them changes nothing, and Lightning asks for it.
    """
    for result in results:
        column = result.column.replace(" ", "")
        pl_module.log(
            f"{stage}/{result.protocol}/{result.condition}/{column}/{result.metric}", result.value, sync_dist=True
        )
    accuracies = [result.value for result in results if result.metric == "accuracy"]
    if accuracies:
        pl_module.log(f"{stage}/accuracy", sum(accuracies) / len(accuracies), prog_bar=True, sync_dist=True)
