import torch

from facequal.procedural.eyes import draw_eyes
from facequal.procedural.pose import EYE_V
from tests.procedural.planes import BLOCK, SIZE_PX, frontal, look_of, person_with


def test_eyes_are_drawn_around_their_points_alone() -> None:
    person, look, (u, v) = person_with(), look_of(0), frontal()
    picture, shine = torch.full((3, BLOCK, SIZE_PX, SIZE_PX), 0.5), torch.zeros(BLOCK, SIZE_PX, SIZE_PX)
    is_skin = draw_eyes(picture, shine, u, v, person, look, 2.0 / SIZE_PX)
    changed = (picture - 0.5).abs().amax(dim=0) > 1e-3
    far = ((u.abs() - person.traits["eye_u"]).abs() > 0.35) | ((v - EYE_V).abs() > 0.25)
    assert changed.flatten(1).any(dim=1).all()
    assert not (changed & far).any()
    assert is_skin[far].min() == 1
    assert is_skin.amin(dim=(1, 2)).max() < 0.5
    assert shine[is_skin == 1].max() == 0  # it glints where the ball is


def test_wider_eyes_show_more_of_the_ball() -> None:
    u, v = frontal()
    shares = []
    for opening in (0.5, 1.0, 1.5):
        look = {**look_of(0), "eyes_open": torch.full((BLOCK, 1, 1), opening)}
        picture, shine = torch.full((3, BLOCK, SIZE_PX, SIZE_PX), 0.5), torch.zeros(BLOCK, SIZE_PX, SIZE_PX)
        is_skin = draw_eyes(picture, shine, u, v, person_with(), look, 2.0 / SIZE_PX)
        shares.append((1 - is_skin).mean(dim=(1, 2)))
    assert (shares[0] < shares[1]).all()
    assert (shares[1] < shares[2]).all()
