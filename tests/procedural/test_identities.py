import numpy as np
import pytest
import torch

from facequal.procedural import FAMILY_SIZE
from facequal.procedural.identities import NUM_FRECKLES, NUM_MOLES, TRAITS, draw_identity


def test_a_person_is_a_function_of_number_and_seed() -> None:
    person, again = draw_identity(11, 3), draw_identity(11, 3)
    assert person.traits == again.traits
    assert torch.equal(person.freckles, again.freckles)
    assert draw_identity(11, 4).traits != person.traits
    assert person.moles.shape == (NUM_MOLES, 5)
    assert person.freckles.shape == (NUM_FRECKLES, 5)


def test_colours_are_light_that_exists() -> None:
    for number in range(0, 300, 7):
        person = draw_identity(number, 0)
        for colour in (person.skin, person.hair, person.iris):
            assert colour.shape == (3,)
            assert 0 < colour.min() <= colour.max() < 1
        assert person.skin[0] > person.skin[2]  # skin is never blue


def test_family_members_share_what_is_coarse() -> None:
    """Share of the variance that is between families: as the table says, within sampling error."""
    people = [draw_identity(number, 0) for number in range(60 * FAMILY_SIZE)]
    for name, (mean, sd, shared) in TRAITS.items():
        values = np.array([person.traits[name] for person in people]).reshape(60, FAMILY_SIZE)
        assert abs(values.mean() - mean) < 4 * sd * np.sqrt((shared + (1 - shared) / FAMILY_SIZE) / 60), name
        within = values.var(axis=1, ddof=1).mean()
        assert within == pytest.approx((1 - shared) * sd**2, rel=0.35), name
        assert values.var() == pytest.approx(sd**2, rel=0.5), name
    assert all(len({person.is_male for person in people[i : i + FAMILY_SIZE]}) == 1 for i in range(0, 360, FAMILY_SIZE))


def test_family_members_have_one_skin_and_marks_of_their_own() -> None:
    people = [draw_identity(number, 0) for number in range(40 * FAMILY_SIZE)]
    skin = torch.stack([person.skin for person in people]).view(40, FAMILY_SIZE, 3)
    assert skin.std(dim=1).mean() < 0.15 * skin.flatten(0, 1).std(dim=0).mean()
    moles = torch.stack([person.moles[0, 1] for person in people]).view(40, FAMILY_SIZE)
    assert moles.std(dim=1).mean() > 0.8 * moles.std()


def test_train_and_test_people_are_disjoint() -> None:
    faces = {tuple(draw_identity(number, 0).traits.values()) for number in range(0, 762, 3)}
    assert len(faces) == 254
