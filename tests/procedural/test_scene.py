import torch

from facequal.procedural.scene import SCENES, TOP_Y, draw_background, draw_body
from tests.procedural.planes import BLOCK, SIZE_PX, frontal, look_of, person_with


def test_a_background_without_contrast_has_the_colour_of_its_scene() -> None:
    look = look_of(0, len(SCENES))
    look["scene_tone"] = ((torch.arange(len(SCENES)) + 0.5) / len(SCENES)).view(-1, 1, 1)
    look["scene"] = torch.full_like(look["scene"], 0.5)
    picture = draw_background(look, 12)
    expected = (torch.tensor(SCENES) / 255.0) ** 2
    torch.testing.assert_close(picture, expected.t()[:, :, None, None].expand_as(picture))


def test_backgrounds_are_smooth() -> None:
    picture = draw_background(look_of(0), 64)
    assert picture.shape == (3, BLOCK, 64, 64)
    steps = picture.diff(dim=3).abs().amax() / picture.std()
    assert steps < 0.5
    assert picture.min() > 0


def test_the_body_is_at_the_lower_edge() -> None:
    picture = torch.full((3, BLOCK, SIZE_PX, SIZE_PX), 9.0)
    x, y = frontal()
    draw_body(picture, x, y, person_with(), look_of(0), 2.0 / SIZE_PX)
    assert (picture[:, :, -1, SIZE_PX // 2] < 1.5).all()  # painted over
    assert picture[:, x.abs() > 0.9][:, : SIZE_PX // 8].min() == 9.0
    assert TOP_Y < 1
