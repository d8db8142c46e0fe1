"""The base of all evaluators."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from facequal.evaluation.evaluator import Evaluator
from facequal.evaluation.settings import EvaluationSettings


class Silent(Evaluator):
    def add(self, outputs, batch) -> None: ...

    def compute(self, trainer, seed) -> None: ...


def test_an_evaluator_begins_empty_and_writes_nothing_unless_it_says_so(tmp_path: Path) -> None:
    protocol, settings = SimpleNamespace(name="mine"), EvaluationSettings(fitting=True)
    first, second = Silent(protocol, settings), Silent(protocol, settings)
    assert (first.protocol, first.settings) == (protocol, settings)
    assert (first.results, first.curves, first.write(tmp_path)) == ([], {}, [])
    first.results.append("a result")
    assert second.results == []
    assert not list(tmp_path.iterdir())


def test_add_and_compute_are_asked_for() -> None:
    with pytest.raises(TypeError, match=r"abstract methods '?add'?, '?compute"):
        Evaluator(SimpleNamespace(name="mine"), EvaluationSettings())
