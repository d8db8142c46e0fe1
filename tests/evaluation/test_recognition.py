"""From the outputs of the steps to the figures of a verification benchmark."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from facequal.evaluation.identification import evaluate_search
from facequal.evaluation.recognition import RecognitionEvaluator
from facequal.evaluation.settings import EvaluationSettings, RecognitionSettings
from facequal.evaluation.verification import evaluate_pairs
from tests.evaluation.small_pairs import SmallPairs

ONE_RANK = SimpleNamespace(world_size=1)


def evaluated(settings: EvaluationSettings, views: tuple[int, ...] = (4, 16)) -> RecognitionEvaluator:
    evaluator = RecognitionEvaluator(SmallPairs("small"), settings)
    for view in views:
        for index in torch.randperm(24, generator=torch.Generator().manual_seed(view)).split(7):
            generator = torch.Generator().manual_seed(0)
            embedding = torch.nn.functional.normalize(torch.randn(24, 8, generator=generator) + view)[index]
            norm = (index + float(view))[:, None]
            evaluator.add(
                {"embedding": embedding, "norm": norm, "index": index, "view": torch.full_like(index, view)}, {}
            )
    evaluator.compute(ONE_RANK, seed=3)
    return evaluator


def test_pairs_searches_and_norms_are_those_of_their_functions() -> None:
    settings = RecognitionSettings(("cross-resolution",), (0.1,), "exact", (1, 2), norms=True)
    evaluator = evaluated(EvaluationSettings(settings))
    protocol, embeddings = evaluator.protocol, {str(px): rows for px, rows in evaluator.views.embeddings.items()}
    (pairs,) = protocol.pair_lists
    given = {"clean": "16", "conditions": ["cross-resolution"], "seed": 3}
    expected = evaluate_pairs(
        embeddings, pairs.pairs, pairs.is_same, protocol="small", folds=5, rule="exact", fars=[0.1], **given
    )
    searches = evaluate_search(embeddings, protocol.searches[0], protocol.images.labels, ranks=(1, 2), **given)
    assert evaluator.results[: len(expected.results)] == expected.results
    assert evaluator.results[len(expected.results) : -3] == searches
    assert [(r.column, r.value) for r in evaluator.results[-3:-1]] == [("4 px", 15.5), ("16 px", 27.5)]
    assert list(evaluator.curves) == list(expected.curves)


def test_missing_images_and_a_missing_clean_view_are_named() -> None:
    with pytest.raises(ValueError, match=r"small: no clean view '16' among the embeddings of \['4'\]"):
        evaluated(EvaluationSettings(), views=(4,))
    evaluator = RecognitionEvaluator(SmallPairs("small"), EvaluationSettings())
    rows = {"index": torch.arange(3), "view": torch.full((3,), 16)}
    evaluator.add({"embedding": torch.rand(3, 8), "norm": torch.rand(3, 1), **rows}, {})
    with pytest.raises(ValueError, match="small: 3 of 24 images were embedded at 16 px"):
        evaluator.compute(ONE_RANK, None)


def test_pairs_are_drawn_once_and_where_asked_for(tmp_path: Path) -> None:
    drawn = evaluated(EvaluationSettings(RecognitionSettings(num_panel_rows=2)))
    assert drawn.write(tmp_path) == [tmp_path / "pairs.png"]
    assert evaluated(EvaluationSettings(RecognitionSettings(num_panel_rows=0))).write(tmp_path) == []
    assert evaluated(EvaluationSettings(is_first=False)).write(tmp_path) == []
