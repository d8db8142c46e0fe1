import torch

from facequal.procedural.mouth import draw_mouth
from tests.procedural.planes import BLOCK, SIZE_PX, frontal, look_of, person_with


def drawn(**numbers: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The picture, and the light that moist lips reflect."""
    look = {**look_of(0), **{name: torch.full((BLOCK, 1, 1), value) for name, value in numbers.items()}}
    picture = torch.full((3, BLOCK, SIZE_PX, SIZE_PX), 0.5)
    shine, slope = torch.zeros(2, BLOCK, SIZE_PX, SIZE_PX)
    u, v = frontal()
    draw_mouth(picture, shine, slope, u, v, person_with(asymmetry=0.0), look, 2.0 / SIZE_PX)
    return picture, shine


def test_lips_are_red_and_where_the_mouth_is() -> None:
    picture, shine = drawn(smile=0.0, mouth_open=0.0)
    u, v = frontal()
    traits = person_with().traits
    far = (u.abs() > traits["mouth_width"] + 0.15) | ((v - traits["mouth_v"]).abs() > 0.25)
    assert (picture - 0.5)[:, far].abs().max() == 0
    lips = (picture[0] - 0.5).abs() > 0.05
    assert lips.flatten(1).any(dim=1).all()
    assert (picture[0] >= picture[1])[lips].all()
    torch.testing.assert_close(picture, picture.flip(3), atol=1e-5, rtol=0)
    assert shine.max() > 0


def test_an_open_mouth_shows_teeth_and_the_dark() -> None:
    closed, _ = drawn(smile=0.0, mouth_open=-0.5)
    still_closed, _ = drawn(smile=0.0, mouth_open=-1.0)
    opened, _ = drawn(smile=0.0, mouth_open=1.0)
    assert torch.equal(closed, still_closed)
    assert opened[2].amin(dim=(1, 2)).max() < closed[2].amin(dim=(1, 2)).min()
    assert ((opened - closed).abs().amax(dim=0) > 0.05).sum() > 10
