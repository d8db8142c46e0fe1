"""Evaluates a verification protocol: pairs, searches and norms from the embeddings of its images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from facequal.data.protocols.base import VerificationProtocol
from facequal.evaluation.collection import OutputCollector, Views, split_views
from facequal.evaluation.evaluator import Evaluator
from facequal.evaluation.identification import evaluate_search
from facequal.evaluation.norms import norm_results
from facequal.evaluation.panel import write_panel
from facequal.evaluation.settings import EvaluationSettings
from facequal.evaluation.verification import evaluate_pairs


class RecognitionEvaluator(Evaluator[VerificationProtocol]):
    """The embeddings of a protocol's images, and the figures computed from them.

    A step returns `embedding`, `norm`, `index` and `view`.

    Args:
        protocol: The benchmark.
        settings: How it is evaluated.
    """

    def __init__(self, protocol: VerificationProtocol, settings: EvaluationSettings) -> None:
        super().__init__(protocol, settings)
        self.collector = OutputCollector()
        self.views = Views({}, {})

    def add(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
        """Keep the rows of a batch."""
        self.collector.add(outputs)

    def compute(self, trainer: Trainer, seed: int | None) -> None:
        """Compute the figures of the protocol, and the ROC curves of its lists of pairs.

        Raises:
            ValueError: If images are missing, or the resolutions leave out the images' own, which is the clean one.
        """
        rows = self.collector.gather(trainer)
        self.collector = OutputCollector()
        self.views = split_views(rows, len(self.protocol.images), self.protocol.name)
        settings = self.settings.recognition
        clean = self.protocol.images[0]["image"].shape[-2]
        by_name = {str(view): embeddings for view, embeddings in self.views.embeddings.items()}
        for pair_list in self.protocol.pair_lists:
            one = evaluate_pairs(
                by_name,
                pair_list.pairs,
                pair_list.is_same,
                protocol=pair_list.name,
                folds=pair_list.folds,
                rule=settings.rule or self.protocol.rule,
                clean=str(clean),
                conditions=settings.conditions,
                fars=settings.fars,
                seed=seed,
            )
            self.results += one.results
            self.curves.update(one.curves)
        for search in self.protocol.searches:
            self.results += evaluate_search(
                by_name,
                search,
                self.protocol.images.labels,
                clean=str(clean),
                conditions=settings.conditions,
                ranks=settings.ranks,
                seed=seed,
            )
        if settings.norms:
            self.results += norm_results(self.views.norms, self.protocol.name, seed)

    def write(self, folder: Path) -> list[Path]:
        """Draw some pairs, if that is asked for and no earlier protocol has done so: `pairs.png`."""
        num_rows = self.settings.recognition.num_panel_rows
        if not (self.settings.is_first and num_rows and self.views.embeddings):
            return []
        return [write_panel(folder / "pairs.png", self.protocol.pair_lists[0], self.views.embeddings, num_rows)]
