import numpy as np
import pytest
import torch

from facequal.procedural.appearance import NEAR_NORMAL, UNIFORM, draw_appearances


def test_numbers_have_the_mean_and_the_spread_of_the_tables() -> None:
    look = next(draw_appearances(3, 4000, 4000, 0))
    for name, (mean, sd) in NEAR_NORMAL.items():
        values = look[name].flatten().numpy()
        assert values.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(4000)), name
        assert values.std() == pytest.approx(sd, rel=0.06), name
        assert np.abs(values - mean).max() <= 3.5 * sd, name
    for name, (low, high) in UNIFORM.items():
        values = look[name].flatten().numpy()
        assert low <= values.min() < values.max() <= high, name
        assert values.mean() == pytest.approx((low + high) / 2, abs=4 * (high - low) / np.sqrt(12 * 4000)), name


def test_identities_and_seeds_draw_differently() -> None:
    looks = [next(draw_appearances(*settings)) for settings in ((1, 4, 4, 0), (2, 4, 4, 0), (1, 4, 4, 1))]
    assert len({tuple(look["yaw"].flatten().tolist()) for look in looks}) == 3


def test_appearance_of_an_image_does_not_depend_on_its_block() -> None:
    together, apart = next(draw_appearances(5, 6, 6, 3)), list(draw_appearances(5, 5, 2, 3))
    assert len(apart) == 3
    for name in (*NEAR_NORMAL, *UNIFORM):
        assert torch.equal(together[name], torch.cat([look[name] for look in apart])), name
    assert torch.equal(together["scene"][:, 3], apart[1]["scene"][:, 1])
