"""Terms that outweigh the main one are warned of, once."""

import warnings

import pytest
import torch

from facequal.methods.nasfe.parts import TermWatch


def watched(**terms: float) -> None:
    watch = TermWatch("l2", num_steps=2)
    for step in range(5):
        watch.see(step, {name: torch.tensor(value * (step + 1)) for name, value in terms.items()})


def test_large_terms_are_warned_of_once() -> None:
    with pytest.warns(
        UserWarning, match="perceptual term of the loss was 20 times the l2 term over the first 2 steps"
    ) as caught:
        watched(l2=1.0, perceptual=20.0, identity=5.0)
    assert len(caught) == 1


def test_others_are_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watched(l2=1.0, perceptual=9.0)
