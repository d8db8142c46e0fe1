"""The drawings of a search; the whole callback is tested with the search itself."""

from pathlib import Path

import numpy as np
import pytest

from facequal.callbacks.search_report import SearchReport, draw_alpha, draw_cell
from facequal.methods.nasfe.network.genotype import Genotype
from facequal.methods.nasfe.network.operators import OPERATORS
from tests.callbacks.recognition import recognition_data, recognizer
from tests.training import trainer

NODES = ((("skip", 0), ("sep3", 1)), (("fft", 2), ("attn", 2)))


def test_a_cell_has_a_circle_per_block_and_an_arrow_per_edge() -> None:
    genotype = Genotype(nodes=NODES, cells=((0, 0), (0, 1)))
    (axes,) = draw_cell(genotype).axes
    texts = [text.get_text() for text in axes.texts]
    assert {"s0", "s1", "0", "1", "concat"} <= set(texts)
    assert [text for text in texts if text in OPERATORS] == ["skip", "sep3", "fft", "attn"]
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == 4
    assert "cell 2: s0 = 0, s1 = 1" in axes.get_title()


def test_alpha_is_shown_edge_by_edge() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(len(OPERATORS)), 2 + 3 + 4)
    left, right, _ = draw_alpha(probabilities, np.linspace(0, 1, 9)).axes
    assert np.array_equal(left.images[0].get_array(), probabilities)
    assert right.images[0].get_array().ravel().tolist() == np.linspace(0, 1, 9).tolist()
    assert left.get_yticks().tolist() == [0, 2, 5]
    assert [label.get_text() for label in left.get_yticklabels()] == ["block 0", "block 1", "block 2"]
    assert [label.get_text() for label in left.get_xticklabels()] == list(OPERATORS)


def test_methods_that_search_nothing_are_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="SearchReport is for NASFESearch, not for Recognizer"):
        trainer(tmp_path, callbacks=[SearchReport()]).fit(recognizer(), datamodule=recognition_data())
