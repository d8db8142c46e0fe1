import pytest
import torch

from facequal.procedural.hair import FEMALE_STYLES, MALE_STYLES, draw_hair
from facequal.procedural.identities import Identity
from facequal.procedural.pose import head_frame
from tests.procedural.planes import BLOCK, SIZE_PX, look_of, person_with


@pytest.mark.parametrize("is_male", [True, False])
@pytest.mark.parametrize("style", range(8))
def test_every_style_covers_the_head_and_leaves_the_face(is_male: bool, style: int) -> None:
    assert len(MALE_STYLES) == len(FEMALE_STYLES) == 8
    person = Identity(**{**vars(person_with()), "is_male": is_male, "hair_style": (style + 0.5) / 8})
    look = look_of(0)
    look["restyle"] = torch.ones(BLOCK, 1, 1)  # the usual style
    frame = head_frame(person, look, SIZE_PX)
    hair = draw_hair(frame, person, look, 2.0 / SIZE_PX)
    for coverage in (hair.back, hair.front, hair.contact):
        assert coverage.shape == frame.u.shape
        assert 0 <= coverage.min() <= coverage.max() <= 1
    assert (hair.front <= hair.back + 1e-6).all()
    nose = (frame.u.abs() < 0.1) & ((frame.v - 0.2).abs() < 0.1)
    assert hair.front[nose].max() == 0
    is_bald = is_male and style == 5
    assert (hair.front.flatten(1).max(dim=1).values > (0.2 if is_bald else 0.6)).all()
    assert hair.shade.isfinite().all()
    assert hair.gloss.min() >= 0


def test_half_of_the_images_show_another_style() -> None:
    person, look = person_with(), look_of(0, 64)
    frame = head_frame(person, look, 16)
    usual = draw_hair(frame, person, {**look, "restyle": torch.ones(64, 1, 1)}, 0.1)
    changed = (draw_hair(frame, person, look, 0.1).front != usual.front).flatten(1).any(dim=1)
    assert not changed[(look["restyle"] >= 0.5).flatten()].any()
    assert changed[(look["restyle"] < 0.5).flatten()].all()
