"""Genotypes as files: round trips, hand-made mistakes."""

import json
from collections import Counter

import pytest
import torch

from facequal.methods.nasfe.network.fusion import CellFusion
from facequal.methods.nasfe.network.genotype import Genotype, RandomGenotype, load_genotype, random_genotype
from facequal.methods.nasfe.network.network import NASFENetwork, published_genotype
from facequal.methods.nasfe.network.operators import OPERATORS


def test_round_trip(tmp_path):
    genotype = Genotype(
        nodes=((("fft", 0), ("skip", 1)), (("res2", 2), ("attn", 0)), (("dil5", 3), ("deveil", 3))),
        cells=((0, 0), (1, 0)),
        channels=8,
        score={"entropy": 1.5},
        source={"run": "here", "epoch": 3, "seed": 0},
    )
    genotype.save(tmp_path / "genotype.json", params_m=1.23456)
    loaded = load_genotype(tmp_path / "genotype.json")
    assert loaded == genotype
    assert json.loads((tmp_path / "genotype.json").read_text())["params_m"] == 1.2346
    one, other = CellFusion(genotype, 12), CellFusion(loaded, 12)
    for parameter in one.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    other.load_state_dict(one.state_dict())
    x = torch.rand(1, 12, 6, 5)
    assert torch.equal(one(x), other(x))
    assert one(x).shape == x.shape


def test_a_cell_by_hand():
    """Two blocks; sums are divided by the square root of two, and the output holds both."""
    cell = CellFusion(
        Genotype(((("skip", 0), ("skip", 1)), (("skip", 2), ("skip", 0))), cells=((0, 0),), channels=4), 6
    ).cells[0]
    x = torch.rand(1, 6, 3, 3)
    first, second = (enter(x) for enter in cell.enter)
    block = (first + second) / 2**0.5
    torch.testing.assert_close(cell(x, x), torch.cat((block, (block + first) / 2**0.5), dim=1))


@pytest.mark.parametrize("name", ["reference", "tiny"])
def test_those_of_the_package(name):
    genotype = published_genotype(name)
    assert genotype.num_blocks == {"reference": 12, "tiny": 2}[name]
    assert genotype.cells == ((0, 0), (0, 1), (1, 2))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("schema", "facequal.nasfe.genotype/2", r"schema 'facequal.nasfe.genotype/2', this version reads"),
        ("ops", ["none"], r"ops \['none'\], this version has"),
        ("blocks", 5, "blocks is 5, but nodes has 2"),
        ("nodes", [], "blocks is 2, but nodes has 0"),
        ("nodes", [[["fft", 0]], [["skip", 0], ["skip", 1]]], r"nodes\[0\]: expected 2 edges \[operator, input\]"),
        ("nodes", [[["conv", 0], ["skip", 1]], [["skip", 0]] * 2], r"nodes\[0\]\[0\]: unknown operator 'conv'"),
        ("nodes", [[["none", 0], ["skip", 1]], [["skip", 0]] * 2], r"nodes\[0\]\[0\]: unknown operator 'none'"),
        (
            "nodes",
            [[["fft", 2], ["skip", 1]], [["skip", 0]] * 2],
            r"\[0\]\[0\]: input 2, but block 0 can take 0 to 1",
        ),
        ("nodes", [[["fft", -1], ["skip", 1]], [["skip", 0]] * 2], r"nodes\[0\]\[0\]: input -1"),
        ("nodes", [[["fft", True], ["skip", 1]], [["skip", 0]] * 2], r"nodes\[0\]\[0\]: input True"),
        ("nodes", [["fft", 0], [["skip", 0]] * 2], r"nodes\[0\]\[0\]: expected \[operator, input\], got 'fft'"),
        ("cells", [], "cells must be a list of at least one"),
        ("cells", [{"s0": 0}], r"cells\[0\]: expected s0 and s1"),
        ("cells", [{"s0": 0, "s1": 1}], r"cells\[0\]: s1 is 1, but cell 0 can take 0 to 0"),
        ("channels", 6, "channels must be a positive multiple of 4, got 6"),
    ],
)
def test_mistakes_name_file_and_field(field, value, message, tmp_path):
    path = tmp_path / "edited.json"
    published_genotype("tiny").save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(ValueError, match=rf"edited.json: {message}|edited.json: .*{message}"):
        load_genotype(path)


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no genotype"):
        load_genotype(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ValueError, match=r"broken.json: no JSON"):
        load_genotype(tmp_path / "broken.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ValueError, match=r"list.json: expected an object, got list"):
        load_genotype(tmp_path / "list.json")
    (tmp_path / "empty.json").write_text("{}")
    with pytest.raises(ValueError, match=r"empty.json: no field schema, ops, blocks"):
        load_genotype(tmp_path / "empty.json")


def test_random_genotypes_follow_the_rules_of_derived_ones():
    drawn = [random_genotype(RandomGenotype(seed, blocks=6, channels=8, cells=3)) for seed in range(200)]
    assert drawn[0] == random_genotype(RandomGenotype(0, blocks=6, channels=8, cells=3))
    assert len({genotype.nodes for genotype in drawn}) == 200
    for genotype in drawn:
        assert genotype.num_blocks == 6
        assert genotype.counts.get("skip", 0) <= 2
        assert "none" not in genotype.counts
        for number, node in enumerate(genotype.nodes):
            sources = [source for _, source in node]
            assert sources == sorted(set(sources))
            assert sources[-1] < number + 2
        assert genotype.cells[0] == (0, 0)
        assert all(s0 != s1 and max(s0, s1) <= cell for cell, (s0, s1) in enumerate(genotype.cells) if cell)
    counts = sum((Counter(genotype.counts) for genotype in drawn), Counter())
    expected = 200 * 12 / 10
    assert all(abs(counts[name] - expected) < 6 * expected**0.5 for name in OPERATORS if name not in ("none", "skip"))
    free = [random_genotype(RandomGenotype(seed, max_skips=None)) for seed in range(50)]
    assert max(genotype.counts.get("skip", 0) for genotype in free) > 2
    network = NASFENetwork(
        RandomGenotype(3, blocks=2, channels=8, cells=2), widths=(8, 8, 8), channels=8, decoder_widths=(16, 8, 8)
    )
    assert network.fusion.genotype.source == {"random": 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nodes": ()}, "nodes: at least one block"),
        ({"nodes": ((("fft", 0),),)}, r"nodes\[0\]: expected 2 edges"),
        ({"nodes": ((("fft", 0), ("fft", 9)),)}, r"nodes\[0\]\[1\]: input 9, but block 0 can take 0 to 1"),
        ({"cells": ((0, 5),)}, r"cells\[0\]: s1 is 5, but cell 0 can take 0 to 0"),
        ({"channels": 6}, "channels must be a positive multiple of 4, got 6"),
    ],
)
def test_genotypes_that_no_file_holds(change, message):
    with pytest.raises(ValueError, match=message):
        Genotype(**({"nodes": ((("fft", 0), ("skip", 1)),), "cells": ((0, 0),)} | change))


@pytest.mark.parametrize(
    "change", [{"blocks": 0}, {"cells": 0}, {"blocks": -2}, {"channels": 6}, {"max_skips": -1}], ids=str
)
def test_random_genotypes_that_cannot_be(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        RandomGenotype(0, **change)
