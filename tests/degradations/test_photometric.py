import itertools

import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from facequal.degradations import Keys, PhotometricJitter
from tests.degradations.pictures import pictures

STEPS = (
    ("brightness", reference.adjust_brightness),
    ("contrast", reference.adjust_contrast),
    ("saturation", reference.adjust_saturation),
)


def test_every_order_equals_torchvision():
    orders = list(itertools.permutations(range(3))) * 4
    images, count = pictures(len(orders), 20, 27), len(orders)
    params = PhotometricJitter().sample(Keys(torch.arange(count)))
    params["order"] = torch.tensor(orders)
    jittered = PhotometricJitter().apply(images, params)
    for i, order in enumerate(orders):
        expected = images[i]
        for step in order:
            name, adjust = STEPS[step]
            expected = adjust(expected, float(params[name][i]))
        torch.testing.assert_close(jittered[i], expected, atol=2e-6, rtol=0)


def test_order_matters():
    image = pictures(1, 16, 16)
    factors = {name: torch.full((2,), 1.5) for name, _ in STEPS}
    orders = torch.tensor([[0, 1, 2], [2, 1, 0]])
    jittered = PhotometricJitter().apply(image.expand(2, -1, -1, -1), {"order": orders, **factors})
    assert float((jittered[0] - jittered[1]).abs().max()) > 0.01


def test_strengths_bound_the_factors():
    params = PhotometricJitter(0.5, 0.0, 2.0).sample(Keys(torch.arange(3000)))
    assert 0.5 <= float(params["brightness"].min()) < 0.51
    assert 1.49 < float(params["brightness"].max()) < 1.5
    assert params["contrast"].unique().tolist() == [1.0]
    assert 0.0 <= float(params["saturation"].min()) < 0.01
    assert 2.98 < float(params["saturation"].max()) < 3.0
    _, counts = params["order"].unique(dim=0, return_counts=True)
    assert len(counts) == 6
    assert int(counts.min()) > 400


def test_order_and_factors_are_independent():
    params = PhotometricJitter().sample(Keys(torch.arange(6000)))
    factors = torch.stack([params[name] for name, _ in STEPS], dim=1).double()
    for step in range(3):
        place = (params["order"] == step).double().argmax(dim=1)
        both = torch.stack((place.double(), *factors.unbind(1)))
        assert float(torch.corrcoef(both)[0, 1:].abs().max()) < 4 / 6000**0.5


def test_no_strength_is_the_identity():
    images = pictures(3, 12, 12)
    jittered, _ = PhotometricJitter(0.0, 0.0, 0.0)(images, Keys(torch.arange(3)))
    assert torch.equal(jittered, images)


def test_wrong_strengths_are_named():
    with pytest.raises(ValueError, match="contrast must be at least 0, not -1"):
        PhotometricJitter(contrast=-1)
