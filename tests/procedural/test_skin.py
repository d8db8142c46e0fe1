import pytest
import torch

from facequal.procedural.relief import ears
from facequal.procedural.skin import albedo, fold_line
from tests.procedural.planes import face_map, person_with


@pytest.mark.parametrize("number", [0, 100, 200])
def test_skin_has_the_colour_of_the_person(number: int) -> None:
    person, (u, v) = person_with(number), face_map()
    picture = albedo(person, u, v, ears(person, u, v))
    assert picture.shape == (3, 81, 81)
    cheek = picture[:, (v.flatten() - 0.2).abs() < 0.06][:, :, (u.flatten().abs() - 0.25).abs() < 0.06]
    ratio = cheek.flatten(1).median(dim=1).values / person.skin
    assert (ratio > 0.6).all()
    assert (ratio < 1.1).all()
    assert picture.min() >= 0


def test_brows_are_darker_than_the_forehead() -> None:
    person, (u, v) = person_with(brow_density=0.9, brow_thickness=0.04), face_map()
    picture = albedo(person, u, v, ears(person, u, v)).mean(dim=0)
    column = (u.flatten() - 0.3).abs().argmin()
    brow = picture[(v.flatten() - person.traits["brow_v"]).abs() < 0.08, column].min()
    forehead = picture[(v.flatten() + 0.55).abs() < 0.05, column].mean()
    assert brow < 0.6 * forehead


def test_age_draws_lines_on_the_forehead() -> None:
    u, v = face_map(161)
    forehead = slice(int((v < -0.62).sum()), int((v < -0.40).sum()))
    young, old = (
        albedo(person_with(age=age, forehead_lines=0.0), u, v, ears(person_with(), u, v)) for age in (0.2, 0.9)
    )
    middle = slice(65, 96)
    assert old[0, forehead, middle].mean() < young[0, forehead, middle].mean()


def test_the_fold_runs_from_the_nose_to_the_mouth() -> None:
    person, (u, v) = person_with(), face_map(161)
    fold = fold_line(person, u, v)
    assert 0 <= fold.min() <= fold.max() <= 1
    assert torch.equal(fold, fold.flip(1))
    rows = v.flatten()[fold.amax(dim=1) > 0.3]
    assert person.traits["nose_v"] - 0.1 < rows.min() < rows.max() < person.traits["mouth_v"] + 0.2
    assert fold[:, 80].max() == 0  # none in the middle
