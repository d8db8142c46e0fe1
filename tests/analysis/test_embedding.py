"""Faces embedded as they are and degraded."""

import pytest
import torch

from facequal.analysis.embedding import embed_faces, similarities_by_resolution
from facequal.degradations import Resolution
from facequal.methods.recognition.recognizer import Recognizer
from tests.models.linear import LinearBackbone
from tests.sources import people


def recognizer() -> Recognizer:
    torch.manual_seed(0)
    return Recognizer(LinearBackbone())


def test_faces_are_embedded_as_by_the_method() -> None:
    method, source = recognizer(), people(30, 3)
    found = embed_faces(method, source)  # more than one batch
    images = torch.stack([source[index]["image"] for index in range(90)]).float() / 255
    with torch.no_grad():
        embeddings, norms = method(images)
    torch.testing.assert_close(found.embeddings, embeddings)
    torch.testing.assert_close(found.norms, norms.squeeze(1))
    assert found.labels.tolist() == source.labels.tolist()
    assert found.drawn == {}
    some = embed_faces(method, source, [7, 3], Resolution([4, 8]))
    assert some.labels.tolist() == [2, 1]
    assert set(some.drawn["size_px"].tolist()) <= {4, 8}
    assert not torch.allclose(some.norms, found.norms[[7, 3]])
    with pytest.raises(ValueError, match="no face to embed"):
        embed_faces(method, source, [])


def test_probes_of_every_size_meet_a_sharp_gallery() -> None:
    method, source = recognizer(), people(5, 3)
    found = similarities_by_resolution(method, source, [4, 16])
    assert list(found) == ["4 px", "16 px"]
    assert all(len(part.matched) == 10 for part in found.values())
    sharp = embed_faces(method, source)
    expected = sharp.embeddings[1] @ sharp.embeddings[0]  # 16 px is the size of these pictures
    assert found["16 px"].matched[0] == pytest.approx(float(expected), abs=1e-6)
    assert not torch.allclose(found["4 px"].matched, found["16 px"].matched)
    with pytest.raises(ValueError, match="every probe needs its own person and another one"):
        similarities_by_resolution(method, people(1, 3), [4])
    with pytest.raises(ValueError, match="no face to embed"):
        similarities_by_resolution(method, people(5, 1), [4])
