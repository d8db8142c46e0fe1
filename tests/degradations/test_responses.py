import numpy as np
import pytest
import torch

from facequal.degradations.responses import ResponseBank, look_up

CPU = torch.device("cpu")


def test_default_curves_rise_from_black_to_white():
    curves, inverses = ResponseBank().on(CPU)
    assert curves.shape == inverses.shape == (len(ResponseBank()), 1024) == (201, 1024)
    for tables in (curves, inverses):
        assert torch.equal(tables[:, 0], torch.zeros(201))
        torch.testing.assert_close(tables[:, -1], torch.ones(201))
        assert float(tables.diff(dim=1).min()) >= 0.0


def test_default_curves_are_spread_as_those_of_cameras():
    curves, _ = ResponseBank().on(CPU)
    light = torch.linspace(0, 1, 1024)
    for row, exponent in ((0, 0.20), (50, 0.373), (100, 0.465), (150, 0.636), (200, 1.6)):
        t = light**exponent
        torch.testing.assert_close(curves[row], 0.7 * t + 0.3 * t * t * (3 - 2 * t), atol=1e-6, rtol=0)


def test_a_curve_undoes_its_inverse():
    curves, inverses = ResponseBank().on(CPU)
    values = torch.linspace(0, 1, 20_011).expand(201, -1)
    light = look_up(inverses, values)
    assert float((look_up(curves, light) - values).abs().max()) < 2e-3
    assert float(light.min()) == 0.0
    assert float(light.max()) <= 1.0


def test_looking_up_is_linear_between_entries():
    tables, values = torch.rand(5, 9), torch.rand(5, 3, 4, 4)
    values[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    expected = [np.interp(v, np.linspace(0, 1, 9), t) for t, v in zip(tables.numpy(), values.numpy(), strict=True)]
    np.testing.assert_allclose(look_up(tables, values), np.stack(expected), atol=1e-6)


def test_measured_curves_from_an_array(tmp_path):
    light = np.linspace(0, 1, 33)
    np.save(tmp_path / "curves.npy", np.stack([light, light**0.45]).astype(np.float32))
    bank = ResponseBank(str(tmp_path / "curves.npy"))
    curves, inverses = bank.on(CPU)
    assert len(bank) == 2
    torch.testing.assert_close(curves[0], torch.linspace(0, 1, 1024), atol=1e-4, rtol=0)
    assert float(look_up(curves[1:], torch.tensor([[0.25]]))) == pytest.approx(0.25**0.45, abs=1e-3)
    assert float(look_up(inverses[1:], torch.tensor([[0.25**0.45]]))) == pytest.approx(0.25, abs=2e-3)


def test_measured_curves_in_the_format_of_dorf(tmp_path):
    text = ""
    for name, values in (("agfa", "0 0.5 0.8 1"), ("kodak", "0 0.4 0.4 1")):
        text += f"{name}\ngraph\nI =\n   0 0.25 0.5 1\nB =\n {values}\n"
    (tmp_path / "dorfCurves.txt").write_text(text)
    curves, inverses = ResponseBank(str(tmp_path / "dorfCurves.txt")).on(CPU)
    found = look_up(curves, torch.tensor([[0.25, 0.375, 0.75]]).expand(2, -1))
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.65, 0.9], [0.4, 0.4, 0.7]]), atol=1e-3, rtol=0)
    assert float(inverses.diff(dim=1).min()) >= 0.0  # the level part of the second has an inverse too


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros(5), r"expected an array \(N,K\) of N curves, got float64 \(5,\)"),
        (np.zeros((0, 5)), "holds no response curve"),
        (np.array([["a", "b"]]), "expected an array"),
        (
            np.array([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]]),
            "curve 1 does not rise from 0 to 1: 1 ... 0, falling by up to 1 between",
        ),
        (np.array([[0.0, np.nan, 1.0]]), "curve 0 does not rise"),
        (np.array([[0.0, 0.5, 255.0]]), "curve 0 does not rise from 0 to 1: 0 ... 255"),
        (np.array([[-3.0, 0.5, 1.0]]), "curve 0 does not rise from 0 to 1: -3 ... 1"),
        (np.array([[0.0, 0.5, 0.4, 1.0]]), "falling by up to 0.1 between"),
        (b"not an array", "no array of numbers"),
    ],
)
def test_wrong_arrays_are_named(content, message, tmp_path):
    path = tmp_path / "curves.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(ValueError, match=message) as error:
        len(ResponseBank(str(path)))
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\nb\nI =\n", "3 lines, but DoRF has six per curve"),
        ("a\nb\nI =\n0 .5 .25 1\nB =\n0 .2 .4 1\n", "curve 'a': irradiances do not rise from 0 to 1"),
        ("a\nb\nI =\n.3 .5 1\nB =\n0 .4 1\n", "curve 'a': irradiances do not rise from 0 to 1"),
        ("a\nb\nX =\n0 1\nB =\n0 1\n", "curve 'a': expected the lines 'I =' and 'B ='"),
        ("a\nb\nI =\n0 1\nB =\n0 x\n", "curve 'a' holds something that is no number"),
        ("a\nb\nI =\n0 1\nB =\n0 .5 1\n", "curve 'a' has 2 irradiances and 3 brightnesses"),
        ("", "holds no response curve"),
    ],
)
def test_wrong_texts_are_named(text, message, tmp_path):
    (tmp_path / "curves.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        len(ResponseBank(str(tmp_path / "curves.txt")))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npy: no such file; expected an array of response curves"):
        len(ResponseBank(str(tmp_path / "none.npy")))


def test_a_measured_curve_may_waver(tmp_path):
    np.save(tmp_path / "curves.npy", np.array([[0.001, 0.3, 0.2999, 0.7, 1.0]]))
    curves, inverses = ResponseBank(str(tmp_path / "curves.npy")).on(CPU)
    assert float(curves.diff(dim=1).min()) >= 0.0
    assert float(inverses.diff(dim=1).min()) >= 0.0


def test_files_that_hold_no_array_are_named(tmp_path):
    (tmp_path / "empty.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"empty.npy: no array of numbers"):
        len(ResponseBank(str(tmp_path / "empty.npy")))
    with (tmp_path / "several.npy").open("wb") as file:
        np.savez(file, a=np.ones(3), b=np.ones(3))
    with pytest.raises(ValueError, match=r"several.npy: several arrays \(.npz\); expected one"):
        len(ResponseBank(str(tmp_path / "several.npy")))
