"""What a recogniser makes of galleries and references."""

import pytest
import torch

from facequal.data.protocols.restoration import RestorationSet
from facequal.evaluation.identity import IdentityJudge
from facequal.evaluation.settings import RestorationSettings
from tests.evaluation.thumbnail import Thumbnail
from tests.sources import people


def test_galleries_of_several_sizes(recognizer):
    class Mixed(type(people())):
        def __getitem__(self, index: int) -> dict:
            item = super().__getitem__(index)
            return item if index != 3 else {**item, "image": item["image"][:, :20]}

    faces = Mixed([0, 0, 1, 1], size_px=24)
    judge = RestorationSettings(**recognizer).judge
    embeddings, people_of = judge.gallery(RestorationSet(faces, "Test-N", num_images=2), torch.device("cpu"))
    assert people_of.tolist() == [0, 1]
    alone = judge.embed(faces[3]["image"][None].float() / 255)
    torch.testing.assert_close(embeddings[1:], alone)


def test_galleries_are_embedded_once(recognizer, monkeypatch):
    judge = RestorationSettings(**recognizer).judge
    protocol = RestorationSet(people(4, 3, size_px=24), "Test-N", num_images=4)
    first = judge.gallery(protocol, torch.device("cpu"))
    monkeypatch.setattr(judge, "embed", None)  # would raise
    assert judge.gallery(protocol, torch.device("cpu")) is first
    assert len(first[0]) == len(first[1]) == 4


def test_files_with_one_name_are_told_apart(recognizer, tmp_path):
    name = RestorationSettings(**recognizer).judge.name
    torch.save({"scale": torch.tensor(2.0)}, recognizer["recognizer_weights"])
    assert RestorationSettings(**recognizer).judge.name != name
    with pytest.raises(FileNotFoundError):
        IdentityJudge(Thumbnail(), str(tmp_path / "none.pt"))
