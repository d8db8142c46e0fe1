"""A module as a user writes it, outside of the package: a method, a head and a degradation of his own."""

from pathlib import Path

SOURCE = """
from facequal.degradations import Resolution
from facequal.methods import Recognizer
from facequal.models.heads import CosFaceHead
from subprocess import Popen
from torch.optim import SGD, Optimizer


class OwnMethod(Recognizer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)


class OwnHead(CosFaceHead):
    pass


class OwnDegradation(Resolution):
    pass


def own_sgd(parameters) -> Optimizer:
    return SGD(parameters, lr=0.125)
"""


def write_module(folder: Path, name: str) -> Path:
    """Write the module into a folder, from where it can be imported."""
    path = folder / f"{name}.py"
    path.write_text(SOURCE)
    return path
