import pytest
import torch
import torch.nn.functional as F

from facequal.data.protocols.gallery import first_image_gallery
from facequal.data.protocols.verification import ProceduralPairs
from facequal.evaluation.identification import evaluate_search

LABELS = [4, 4, 2, 2, 2, 9]


def test_first_image_of_every_person_is_the_gallery() -> None:
    search = first_image_gallery("mine", LABELS)
    assert search.gallery.tolist() == [0, 2, 5]
    assert search.probes.tolist() == [1, 3, 4]


def test_gallery_is_clean_or_as_the_probes() -> None:
    own = F.one_hot(torch.tensor([0, 0, 1, 1, 1, 2]), 3).float()
    small = own.roll(1, dims=1)  # every person looks like another one, but they all do so alike
    results = evaluate_search(
        {"112": own, "7": small},
        first_image_gallery("mine", LABELS),
        LABELS,
        clean="112",
        conditions=("cross-resolution", "same-resolution"),
        ranks=(1, 3),
        seed=5,
    )
    found = {(r.condition, r.column, r.metric): r.value for r in results}
    assert found == {
        ("cross-resolution", "7 px", "rank-1"): 0.0,
        ("cross-resolution", "7 px", "rank-3"): 1.0,
        ("cross-resolution", "112 px", "rank-1"): 1.0,
        ("cross-resolution", "112 px", "rank-3"): 1.0,
        ("same-resolution", "7 px", "rank-1"): 1.0,
        ("same-resolution", "7 px", "rank-3"): 1.0,
        ("same-resolution", "112 px", "rank-1"): 1.0,
        ("same-resolution", "112 px", "rank-3"): 1.0,
    }
    assert {(r.protocol, r.num, r.seed, r.unit) for r in results} == {("mine", 3, 5, "fraction")}


def test_clean_view_is_needed() -> None:
    with pytest.raises(ValueError, match="mine: no clean view '112'"):
        evaluate_search(
            {"7": torch.eye(6)},
            first_image_gallery("mine", LABELS),
            LABELS,
            clean="112",
            conditions=("cross-resolution",),
        )


def test_procedural_search() -> None:
    assert ProceduralPairs(num_identities=12, images_per_identity=3).searches == []
    (search,) = ProceduralPairs(num_identities=12, images_per_identity=3, search=True).searches
    assert search.name == "procedural/search"
    assert search.gallery.tolist() == list(range(0, 36, 3))
    assert len(search.probes) == 24
