"""Every benchmark runs in a tiny size; what it compares gives the same results."""

import mmap
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.benchmarks import (
    __main__,
    analysis,
    augmentation,
    decoding,
    degradation,
    gpu,
    head_memory,
    heads,
    nasfe,
    octuplet,
    pipeline,
    qgface,
    queue,
    table,
    timing,
    training,
    verification,
)
from experiments.benchmarks.camera import photograph
from experiments.benchmarks.face_records import faces, write_faces
from experiments.benchmarks.head_steps import ADAFACE, DENSE, PLAIN, head_steps
from experiments.benchmarks.per_image import (
    albumentations_compose,
    down_up_scale,
    photometric,
    pillow_opencv,
    pillow_qgface,
    zero_pad_crop,
)
from experiments.benchmarks.rows import Row, rates
from facequal.degradations import Keys, MultiDegradation
from facequal.methods.qgface.method import QGFace
from facequal.methods.qgface.options import Partition
from facequal.metrics.verification import kfold_accuracy
from facequal.models.iresnet import IRTiny


def assert_sane(rows: list[Row], count: int) -> None:
    assert len(rows) == count
    for row in rows:
        assert len(row.ours) == len(row.theirs) > 0
        assert all(np.isfinite(value) and value > 0 for value in [*row.ours, *row.theirs])
        assert row.met == (None if row.target is None else (row.ratio <= row.target) == (row.comparison == "cost"))


def tiny_network() -> IRTiny:
    return IRTiny(embedding_dim=8, input_size_px=16, widths=(4, 4, 4))


class TestRow:
    def row(self, comparison, target, ours=(2.0, 4.0, 8.0), theirs=(1.0, 1.0, 1.0)) -> Row:
        return Row("what", "against", ours, theirs, "s", comparison, target)

    @pytest.mark.parametrize(
        ("comparison", "ratio"), [("cost", 4.0), ("rate", 4.0), ("speed-up", 0.25)], ids=["cost", "rate", "speed-up"]
    )
    def test_ratio(self, comparison, ratio):
        assert self.row(comparison, 1.0).ratio == ratio

    def test_ratio_is_the_median_of_the_rounds(self):
        assert self.row("cost", None, ours=(1.0, 9.0, 2.0), theirs=(1.0, 1.0, 2.0)).ratio == 1.0

    @pytest.mark.parametrize(
        ("comparison", "target", "met"),
        [
            ("cost", 4.0, True),
            ("cost", 3.9, False),
            ("rate", 4.0, True),
            ("rate", 4.1, False),
            ("speed-up", 0.25, True),
            ("speed-up", 0.26, False),
            ("rate", None, None),
        ],
    )
    def test_met(self, comparison, target, met):
        assert self.row(comparison, target).met is met

    def test_cells(self):
        assert self.row("cost", 1.25).cells()[2:] == ["4 s", "1 s", "4x (2 to 8)", "≤ 1.25x", "no"]
        assert self.row("speed-up", 0.1).cells()[4:] == ["0.25x (0.125 to 0.5)", "≥ 0.1x", "yes"]
        assert self.row("rate", 0.5, (), ()).cells()[2:] == ["-", "-", "-", "≥ 0.5x", "not run: no GPU"]

    def test_rates(self):
        assert rates([0.5, 2.0], 10) == [20.0, 5.0]


class TestTiming:
    def test_rounds_take_turns(self):
        called = []
        timing.interleaved({name: lambda name=name: called.append(name) for name in "abc"}, rounds=3, shortest_s=0)
        assert "".join(called) == "abc" + "abc" + "bca" + "cab"

    def test_seconds_per_call(self):
        calls = []
        seconds = timing.interleaved(
            {"work": lambda: calls.append(sum(range(100_000)))}, rounds=1, shortest_s=0.05, warm_up=False
        )
        assert 0.05 <= seconds["work"][0] * len(calls) < 0.2


class TestHeads:
    def test_formulations_agree(self):
        steps = head_steps(num_classes=40, batch=16, embedding_dim=8)
        torch.testing.assert_close(steps[ADAFACE](), steps[DENSE](), rtol=1e-5, atol=1e-5)
        assert steps[PLAIN]() < steps[ADAFACE]() - 1

    def test_rows(self, monkeypatch):
        memory = {ADAFACE: 12.0, PLAIN: 10.0, DENSE: 24.0}
        monkeypatch.setattr(heads, "head_memory_mb", lambda name, *sizes: memory[name])
        rows = heads.rows({30: 1.25, 60: 1.1}, batch=16, embedding_dim=8, rounds=1)
        assert_sane(rows, 8)
        assert [row.target for row in rows] == [1.25, 1.4, 1.1, None, 1.1, 1.4, 1.1, None]
        assert [row.ratio for row in rows[2:4]] == [1.2, 0.5]

    @pytest.mark.slow  # in processes of its own
    def test_memory_of_a_step(self):
        num_classes, batch = 20_000, 64
        matrices = head_memory.head_memory_mb(DENSE, num_classes, batch, 8) / (num_classes * batch * 4 / 1e6)
        assert 6 < matrices < 10

    def test_peak_growth(self):
        def work(num_bytes: int) -> None:
            # Given back at once, so that only the high-water mark knows of it; malloc might keep it instead.
            with mmap.mmap(-1, num_bytes) as memory:
                for _ in range(num_bytes // 1_000_000):
                    memory.write(b"1" * 1_000_000)

        work(160_000_000)  # an earlier, higher peak must not hide the later ones
        assert 79e6 < head_memory.peak_growth(lambda: work(80_000_000)) < 90e6
        assert 39e6 < head_memory.peak_growth(lambda: work(40_000_000)) < 50e6


class TestOctuplet:
    def test_formulations_agree(self):
        torch.testing.assert_close(*(step() for step in octuplet.loss_steps(16, 32).values()), rtol=1e-5, atol=1e-4)

    def test_rows(self):
        rows = octuplet.rows({8: 1.5, 16: 1.1}, embedding_dim=8, rounds=1)
        assert_sane(rows, 4)
        assert [row.target for row in rows] == [1.5, 0.6, 1.1, 0.6]

    def test_share_of_a_step(self):
        row = octuplet.share_of_step(tiny_network, "tiny", batch=4, rounds=1)
        assert_sane([row], 1)
        assert "tiny (8 images)" in row.against

    def test_peak_of_tensors(self):
        def step() -> None:
            first = torch.ones(1000)
            second = first + 1
            del first
            torch.stack((second, second))

        assert octuplet.peak_tensor_kb(step) == pytest.approx(12, abs=0.5)  # 4 kB, then 8, then 4 + 8


class TestQueue:
    def test_formulations_agree(self):
        ring, concatenated = (queue.filled_queue(name, 30, 8) for name in (queue.OURS, queue.CONCATENATED))
        for seed in range(6):  # 42 rows: around the end
            new = queue.random_batch(7, 30, 8, seed, "cpu")
            (keys, labels), (expected, expected_labels) = queue.step(ring, *new), queue.step(concatenated, *new)
            shift = -int(ring.position)
            assert torch.equal(labels.roll(shift), expected_labels)
            torch.testing.assert_close(keys.roll(shift, 0), expected, rtol=1e-5, atol=1e-5)

    def test_keys_move(self):
        """The step's class weights are not those of the rows that were there before."""
        concatenated = queue.filled_queue(queue.CONCATENATED, 30, 8)
        features = concatenated.features
        keys, _ = queue.step(concatenated, *queue.random_batch(7, 30, 8, 1, "cpu"))
        assert (keys[7:] - features[:23]).abs().amax() > 0.1

    @pytest.mark.slow  # one row of it compiles
    def test_rows(self):
        rows = queue.rows({20: 5.0, 40: 8.0}, batch=8, embedding_dim=4, rounds=1)
        assert_sane(rows, 6)
        assert [row.target for row in rows] == [None, 5.0, 1.0, None, 8.0, 1.0]

    def test_memory(self):
        """In matrices as large as the features. Ours: origins, keys. Theirs: features, proxies, two on the way."""
        ours, theirs = (queue.memory_mb(name, 4000, 50, 16) / 0.256 for name in (queue.OURS, queue.CONCATENATED))
        assert 2.1 < ours < 2.4
        assert 4.1 < theirs < 4.7


class TestVerification:
    def test_loops_agree_with_ours(self):
        scores, is_same = verification.pairs(500)
        distances, same = 2 - 2 * scores.numpy(), is_same.numpy()
        ours = kfold_accuracy(scores, is_same).mean
        assert 0.8 < ours < 1
        for accuracy in (verification.published_accuracy, verification.lean_accuracy):
            assert verification.looped_accuracy(distances, same, accuracy) == pytest.approx(ours, abs=1e-12)

    def test_rows(self):
        assert_sane(verification.rows(num_pairs=100, rounds=1), 2)


class TestData:
    def test_records_hold_the_faces(self, tmp_path):
        records = write_faces(tmp_path, num_images=20, copies=2)
        images = faces(20)
        assert records.labels.tolist() == [0] * 16 + [1] * 4 + [2] * 16 + [3] * 4
        for index in (0, 19, 39):
            difference = records.read_image(index).astype(int) - images[index % 20]
            assert np.abs(difference).mean() < 5  # JPEG

    def test_decoding_rows(self):
        assert_sane(decoding.rows(num_images=8, rounds=1), 2)

    def test_pipeline_rows(self):
        assert_sane(pipeline.rows(num_images=16, batch=8, rounds=1), 1)


class TestAugmentation:
    def test_crop_keeps_a_box_in_place(self):
        image = np.arange(1, 1 + 28 * 28 * 3, dtype=np.uint16).reshape(28, 28, 3) % 255 + 1
        random.seed(0)
        areas = []
        for _ in range(200):
            cropped = zero_pad_crop(image.astype(np.uint8))
            inside = cropped.any(axis=2)
            areas.append(inside.mean())
            rows, columns = inside.any(axis=1), inside.any(axis=0)
            assert np.array_equal(inside, np.outer(rows, columns))
            assert np.array_equal(cropped[inside], image[inside])
        assert 0.17 < min(areas) < 0.3
        assert 0.5 < np.mean(areas) < 0.7

    @pytest.mark.parametrize("change", [down_up_scale, photometric, pillow_qgface])
    def test_changes(self, change):
        image = faces(1)[0]
        random.seed(0)
        changed = change(image)
        assert changed.shape == image.shape
        assert changed.dtype == np.uint8
        assert 0.5 < np.abs(changed.astype(int) - image).mean() < 60

    @pytest.mark.parametrize("build", [lambda: pillow_opencv, albumentations_compose], ids=["pillow", "albumentations"])
    def test_half_the_images_stay(self, build):
        """Each of the three changes leaves 80 %: .8^3 = .512."""
        image = faces(1)[0]
        random.seed(0)
        augment = build()
        stayed = np.mean([np.array_equal(augment(image), image) for _ in range(300)])
        assert 0.42 < stayed < 0.62

    def test_rows(self, monkeypatch):
        monkeypatch.setattr(augmentation, "SHORTEST_S", 0.0)
        rows = augmentation.rows(batch=4, rounds=1)
        assert_sane(rows, 4)
        assert_sane([augmentation.qgface_row(batch=4, rounds=1)], 1)

    def test_gpu_rows(self):
        rows = augmentation.gpu_rows((4, 70), rounds=1, device="cpu")
        assert_sane(rows, 4)
        assert {row.theirs[0] for row in rows} == {50_000.0}


class TestDegradation:
    def test_opencv_agrees_with_ours(self):
        """But for the border of the mosaic, and OpenCV's 16 bits where a response is steep."""
        multi = MultiDegradation({"BNL": 1}, sigma_s=(0.0, 0.0), sigma_c=(0.0, 0.0), r=(0.3, 0.5))
        images = degradation.pictures((48, 40), 12)
        degraded, params = multi(images, Keys(torch.arange(12)))
        assert len(params["mosaic_id"].unique()) == 4
        for image, ours, shot in zip(images, degraded, degradation.shots_of(multi, params), strict=True):
            theirs = photograph(image.permute(1, 2, 0).contiguous().numpy(), shot, np.random.default_rng(0))
            difference = np.abs(theirs - ours.permute(1, 2, 0).numpy())[2:-2, 2:-2]
            assert difference.mean() < 1e-3
            assert difference.max() < 0.05

    def test_rows(self):
        for threads in (1, 2):
            assert_sane([degradation.row((32, 28), batch=2, rounds=1, threads=threads, shortest_s=0.0)], 1)
        assert torch.get_num_threads() == 1
        assert_sane(degradation.stage_rows((32, 28), batch=2, rounds=1, shortest_s=0.0), 7)
        assert_sane(degradation.gpu_rows(4, rounds=1, device="cpu", build=tiny_network, name="tiny"), 3)


class TestNASFE:
    def test_the_slower_forms_agree_with_ours(self):
        torch.manual_seed(0)
        x = torch.randn(2, 8, 6, 5)
        for ours, theirs in (
            (nasfe.FourierOperator(8), nasfe.ComplexFourier(8)),
            (nasfe.SelfAttention(8), nasfe.PlainAttention(8)),
        ):
            for parameter in ours.parameters():
                torch.nn.init.normal_(parameter, std=0.5)
            theirs.load_state_dict(ours.state_dict())
            torch.testing.assert_close(ours(x), theirs(x), atol=1e-4, rtol=1e-4)

    @pytest.mark.slow
    def test_rows(self):
        assert_sane(nasfe.benchmark(quick=True), count=10)


class TestAnalysis:
    def test_rows(self):
        assert_sane([analysis.gst_map(side=20, rounds=2)], count=1)

    @pytest.mark.slow
    def test_the_quick_run(self):
        assert_sane(analysis.benchmark(quick=True), count=2)


class TestQGFace:
    def test_step_learns_from_its_queue(self):
        torch.manual_seed(0)
        method = QGFace(tiny_network(), partition=Partition(0.5), num_classes=20)
        qgface.fill_queue(method, 20)
        assert method.queue.num_filled == 20
        batch = {"image": torch.rand(8, 3, 16, 16), "lq": torch.rand(8, 3, 16, 16), "label": torch.arange(8)}
        step = qgface.training_step(method, {**batch, "index": torch.arange(8), "degradation": {}})
        first = step()
        for _ in range(30):
            last = step()
        assert last < first

    def test_row(self):
        assert_sane([qgface.row(tiny_network, "tiny", batch=4, num_classes=20, rounds=1, bf16=True, shortest_s=0.0)], 1)


class TestTraining:
    def test_step_learns(self):
        torch.manual_seed(0)
        step = training.training_step(tiny_network(), num_classes=3, batch=4, bf16=True)
        first = step()
        for _ in range(30):
            last = step()
        assert last < first

    def test_rows(self, monkeypatch):
        monkeypatch.setattr(torch, "compile", lambda network: network)  # compiling takes a minute on a CPU
        rows = training.rows(tiny_network, "tiny", batch=4, num_classes=3, rounds=1, device="cpu", shortest_s=0.0)
        assert_sane(rows, 1)

    @pytest.mark.gpu
    def test_on_a_gpu(self):
        assert_sane(gpu.benchmark(quick=True), 20)


class TestMain:
    @pytest.fixture(autouse=True)
    def keep_threads(self, monkeypatch):
        monkeypatch.setattr(__main__, "use_one_thread", lambda: None)

    def test_without_a_gpu_the_rows_say_so(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        rows = gpu.benchmark(quick=False)
        assert len(rows) == 12
        assert all(row.cells()[-1] == "not run: no GPU" for row in rows)

    def test_table(self, tmp_path, monkeypatch, capsys):
        rows = [Row("one", "other", [1.32], [2640.0], "images/s", "rate", 0.9)]
        monkeypatch.setattr(__main__, "run", lambda name, quick: rows)
        output = tmp_path / "table.md"
        __main__.main(["--only", "decoding", "--output", str(output)])
        text = output.read_text()
        assert "| one | other | 1.32 images/s | 2,640 images/s | 0.0005x | ≥ 0.9x | no |" in text
        assert "`python -m experiments.benchmarks --only decoding`" in text
        assert str(tmp_path) not in text
        for fact in ("date", "CPU", "load before the run", "GPU", "versions"):
            assert re.search(rf"^- {fact}: \S", text, re.MULTILINE)

    @pytest.mark.parametrize("arguments", [["--quick"], ["--only", "decoding"]])
    def test_part_of_a_run_leaves_the_results_alone(self, arguments, tmp_path, monkeypatch):
        monkeypatch.setattr(__main__, "RESULTS", tmp_path / "RESULTS.md")
        monkeypatch.setattr(__main__, "run", lambda name, quick: [])
        __main__.main(arguments)
        assert not list(tmp_path.iterdir())

    def test_run_prints_its_rows(self, monkeypatch, capsys):
        monkeypatch.setattr(gpu, "benchmark", lambda quick: [Row("a", "b", [3.0], [1.0], "s", "cost", 1.0)])
        assert __main__.run("gpu", quick=False)[0].met is False
        assert __main__.run("gpu", quick=True)[0].met is None
        assert capsys.readouterr().out.splitlines()[0] == "a | b | 3 s | 1 s | 3x | ≤ 1x | no"

    def test_unknown_name(self, capsys):
        with pytest.raises(SystemExit):
            __main__.main(["--only", "nothing"])
        assert "heads" in capsys.readouterr().err

    def test_load_is_judged(self, tmp_path: Path):
        path = tmp_path / "table.md"
        for load, said in ((0.3, "0.30\n"), (2.0, "2.00 (a busy machine)\n"), (None, "unknown\n")):
            table.write_table(path, [], "command", load, 1.0)
            assert f"- load before the run: {said}" in path.read_text()
