import numpy as np
import pytest
import torch

from facequal.procedural.light import develop, light_direction, light_skin
from tests.procedural.planes import BLOCK, look_of


def test_the_lamp_is_where_the_numbers_say() -> None:
    look = look_of(0)
    right, down, front = light_direction(look)
    torch.testing.assert_close(right**2 + down**2 + front**2, torch.ones(BLOCK, 1, 1))
    assert torch.equal(right.sign(), look["light_side"].sign())
    assert (down < 0).all()  # from above


def still(side: float) -> dict[str, torch.Tensor]:
    return {**look_of(0), "light_side": torch.full((BLOCK, 1, 1), side)} | {
        name: torch.zeros(BLOCK, 1, 1) for name in ("yaw", "pitch")
    }


def test_a_surface_is_brightest_where_it_faces_the_lamp() -> None:
    slope = torch.zeros(2, BLOCK, 1, 9)
    slope[0] = torch.linspace(-2, 2, 9)  # rising to the right: it faces left
    for side, brightest in ((1.0, range(4)), (-1.0, range(5, 9))):
        surface = torch.ones(3, BLOCK, 1, 9)
        gleam = light_skin(surface, slope, torch.ones(BLOCK, 1, 9), still(side))
        assert all(int(row.argmax()) in brightest for row in surface.flatten(0, 2))
        assert (surface > 0).all()
        assert (gleam >= 0).all()
    shaded = torch.ones(3, BLOCK, 1, 9)
    light_skin(shaded, slope, torch.full((BLOCK, 1, 9), 0.5), still(-1.0))
    torch.testing.assert_close(shaded, 0.5 * surface)


def test_development_follows_the_film_curve() -> None:
    """255 sqrt(1.5 x / (1 + x)), rounded, where there is no grain and no shift of colour."""
    look = look_of(0)
    for name in ("warmth", "tint", "grain"):
        look[name] = torch.zeros(BLOCK, 1, 1)
    look["exposure"] = torch.ones(BLOCK, 1, 1)
    linear = torch.linspace(0.0, 1.9, 16).view(4, 4)
    levels = develop(linear.expand(3, BLOCK, 4, 4).clone(), look)
    assert levels.shape == (BLOCK, 3, 4, 4)
    assert levels.dtype == torch.uint8
    expected = np.clip(np.sqrt(1.5 * linear.numpy() / (1 + linear.numpy())) * 255, 0, 255)
    assert np.abs(levels.numpy() - expected).max() <= 0.51


@pytest.mark.parametrize(("name", "channel"), [("warmth", 0), ("tint", 1)])
def test_white_balance(name: str, channel: int) -> None:
    look = {**look_of(0), **{other: torch.zeros(BLOCK, 1, 1) for other in ("warmth", "tint", "grain")}}
    plain = develop(torch.full((3, BLOCK, 4, 4), 0.4), look).int()
    changed = develop(torch.full((3, BLOCK, 4, 4), 0.4), {**look, name: torch.full((BLOCK, 1, 1), 0.2)}).int()
    assert (changed[:, channel] > plain[:, channel]).all()
