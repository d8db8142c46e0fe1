"""The whole network: its published size, what it takes, and where it begins."""

import pytest
import torch
import torch.nn.functional as F

from facequal.methods.nasfe.network.network import (
    NASFENetwork,
    SingleRestorer,
    identity_information,
    pad_to_multiple,
    published_genotype,
)
from facequal.methods.nasfe.network.operators import OPERATORS, FourierOperator
from facequal.methods.nasfe.network.supernet import SearchSpace

TINY = {"widths": (8, 8, 8), "channels": 8, "blocks": (1, 1, 1), "decoder_widths": (16, 8, 8)}


def count(**arguments) -> int:
    return sum(parameter.numel() for parameter in NASFENetwork(**arguments).parameters())


def test_parameters_are_those_of_the_papers_table():
    """6.00, 6.25 (6.24 here), 6.25 and 6.40 million; the class prior and the identity branch to the last one."""
    assert count() == 6_000_515
    assert count(genotype="reference") == 6_240_665
    assert count(genotype="reference", class_prior=True) == 6_240_665 + 2_304
    assert count(genotype="reference", class_prior=True, identity_channels=256) == 6_240_665 + 2_304 + 147_520
    assert set(published_genotype("reference").counts) == set(OPERATORS) - {"none"}
    assert min(published_genotype("reference").counts.values()) >= 2


@pytest.mark.parametrize("genotype", [None, "tiny"])
def test_it_begins_by_changing_nothing_and_every_parameter_learns(genotype):
    torch.manual_seed(0)
    network = NASFENetwork(genotype, class_prior=True, identity_channels=6, **TINY)
    images, classes, identity = torch.rand(2, 3, 24, 16), torch.rand(2, 3), torch.rand(2, 6, 3, 2)
    assert torch.equal(network(images, classes, identity), images)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    clean, losses = images.flip(3), []
    for _ in range(5):  # from the last layer, which is 0 at first, the gradient comes further at every step
        optimizer.zero_grad()
        loss = F.mse_loss(network(images, classes, identity), clean)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    silent = [name for name, parameter in network.named_parameters() if not parameter.grad.any()]
    assert silent == []


def test_fourier_operators_as_printed():
    """The option reaches those of the encoder, of cells and of a supernet, and changes what they do."""
    space = SearchSpace(blocks=2, channels=8, cells=2, partial=2)
    for options in ({"genotype": "reference"}, {"search": space}):
        torch.manual_seed(0)
        wiener = NASFENetwork(**TINY, **options)
        for parameter in wiener.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        printed = NASFENetwork(**TINY, **options, conjugate=False)
        printed.load_state_dict(wiener.state_dict())
        operators = [module for module in printed.modules() if isinstance(module, FourierOperator)]
        assert len(operators) > 3
        assert not any(operator.conjugate for operator in operators)
        images = torch.rand(1, 3, 16, 16)
        with torch.no_grad():
            assert not torch.allclose(printed(images), wiener(images))


def test_fourier_operator_of_a_single_restorer_as_printed():
    alone = SingleRestorer("blur", widths=(8, 8, 8), channels=8, conjugate=False)
    operators = [module for module in alone.modules() if isinstance(module, FourierOperator)]
    assert operators
    assert not any(operator.conjugate for operator in operators)


def test_the_number_of_res2_blocks():
    sizes = [count(num_res2_blocks=number) for number in (3, 4, 5)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] > 0
    assert sizes[1] == 6_000_515


@pytest.mark.parametrize("size", [(8, 8), (9, 30), (13, 7), (3, 5), (1, 1)])
def test_any_size(size):
    network = NASFENetwork("tiny", **TINY)
    torch.nn.init.normal_(network.decoder.leave[-1].bias)
    assert network(torch.rand(1, 3, *size)).shape == (1, 3, *size)
    padded = pad_to_multiple(torch.rand(1, 3, *size))
    assert padded.shape[2] % 8 == padded.shape[3] % 8 == 0


def test_classes_and_identity_have_their_effect():
    torch.manual_seed(0)
    network = NASFENetwork("tiny", class_prior=True, identity_channels=6, **TINY)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    images, classes, identity = torch.rand(2, 3, 16, 16), torch.rand(2, 3), torch.rand(2, 6, 2, 2)
    with torch.no_grad():
        base = network(images, classes, identity)
        assert not torch.allclose(network(images, 1 - classes, identity), base)
        assert not torch.allclose(network(images, classes, identity + 1), base)
    for arguments, message in (
        ((None, identity), "this network takes classes"),
        ((classes, None), "this network takes identity"),
    ):
        with pytest.raises(ValueError, match=message):
            network(images, *arguments)
    with pytest.raises(ValueError, match="this network takes no classes"):
        NASFENetwork(**TINY)(images, classes)


def test_identity_information_is_adain_averaged_over_references():
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(2, 4, 5, 6, generator=generator, dtype=torch.float64)
    references = torch.rand(2, 3, 4, 7, 2, generator=generator, dtype=torch.float64)
    expected = torch.zeros_like(features)
    for sample in range(2):
        for channel in range(4):
            f = features[sample, channel]
            for reference in references[sample, :, channel]:
                std, wanted = ((each.var(unbiased=False) + 1e-5).sqrt() for each in (f, reference))
                expected[sample, channel] += (wanted * (f - f.mean()) / std + reference.mean()) / 3
    torch.testing.assert_close(identity_information(features, references), expected)
    torch.testing.assert_close(identity_information(features, features[:, None]), features)
    assert identity_information(features, None) is features


def test_references_of_every_sample():
    features, references = torch.rand(3, 4, 5, 5), torch.rand(3, 2, 4, 3, 3)
    information = identity_information(features, references, torch.tensor([2, 1, 0]))
    torch.testing.assert_close(information[:1], identity_information(features[:1], references[:1]))
    torch.testing.assert_close(information[1:2], identity_information(features[1:2], references[1:2, :1]))
    assert torch.equal(information[2], features[2])
    assert torch.equal(identity_information(features, None, None), features)
