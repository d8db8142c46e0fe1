"""The public names: what `from facequal.PACKAGE import NAME` gives, and what comes into memory for it."""

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import facequal
from facequal.names import class_packages, import_classes, is_class_name, public_path

NAMES = {
    "analysis": """
        GradientScaling draw_correlations draw_error_versus_reject draw_partition draw_scaling_maps draw_scatter
        draw_similarities draw_trajectories embed_faces error_versus_reject published_scalings quality_correlations
        read_samples
        scaling_map score_folder similarities_by_resolution
    """,
    "callbacks": """
        EmbeddingWriter RestoredPictures SaveRunConfig SearchReport TrainingPreview TrainingSamples
    """,
    "data": """
        DataError DegradedSet EvaluationProtocol FaceDataModule FaceDataset FaceSource FolderDataset FolderPairs
        HeldOutPairs IdentityPairs ImageFolder ListDataset MixtureSet PairsBin PairsFile ProceduralPairs RealPhotos
        RecordDataset ReferencedPhotos RestorationSet SampledFaces VerificationPairs VerificationProtocol check_data
        export_suite read_bin read_pairs_txt
    """,
    "degradations": """
        AdaFaceAugmentation Compose Degradation DownUpScale HorizontalFlip JPEG KernelBank KernelBlur Keys LowLight
        MultiDegradation PhotometricJitter QGFaceAugmentation RandomApply RandomRescale RandomResizedCrop Resolution
        ResolutionSuite ResponseBank RestorationSuite Rotation SensorNoise ZeroPadCrop resolution_suite
        restoration_suite
    """,
    "engine": """
        FaceQualCLI read_study read_sweep
    """,
    "evaluation": """
        BM3D Baseline CLAHE ClassificationEvaluator Evaluator GainNormalisation HistogramEqualisation IdentityJudge
        NonLocalMeans PhotoEvaluator ProtocolEvaluation RecognitionEvaluator RecognitionSettings RestorationEvaluator
        RestorationSettings load_brisque
    """,
    "methods": """
        Contrast CosineSchedule DegradationClassifier DnCNN EmbeddingMethod FaceMethod Genotype NASFE NASFENetwork
        NASFESearch Octuplet OctupletLoss Partition QGFace RandomGenotype Recognizer Restorer RestoringMethod Schedule
        SearchSpace Siamese SingleRestorer StepSchedule UNet contrastive_loss
    """,
    "metrics": """
        BRISQUEWeights KFoldAccuracy NormCorrelations NormStatistics RocCurve accuracy_interval
        brisque_features kfold_accuracy no_reference_scores pair_scores probe_ranks psnr rank_accuracy
        roc_curve ssim
    """,
    "models": """
        Backbone IRTiny IResNet TimmBackbone VGGFace
    """,
    "models.heads": """
        AdaFaceHead ArcFaceHead CosFaceHead CurricularFaceHead HeadOutput MagFaceHead MarginHead SoftmaxHead
        SphereFaceHead
    """,
    "pretrained": """
        FaceEmbedder FeatureNetwork LoadReport RecognizerFeatures VGGFaceFeatures load_backbone_weights load_module
        load_network_weights load_vggface load_weights
    """,
    "procedural": """
        FAMILY_SIZE Impostors ProceduralFaces RENDERER_VERSION procedural_pairs render_identity
    """,
    "reports": """
        Result RunInfo read_results read_run_info
    """,
}


@pytest.mark.parametrize("package", NAMES)
def test_public_names(package: str) -> None:
    module = importlib.import_module(f"facequal.{package}")
    assert module.__all__ == dir(module) == NAMES[package].split()
    for name in module.__all__:
        assert getattr(module, name) is not None
        # A module of the same name would take its place as soon as someone imports it.
        assert importlib.util.find_spec(f"facequal.{package}.{name}") is None, name
    everything: dict[str, object] = {}
    exec(f"from facequal.{package} import *", everything)
    assert everything.keys() >= set(module.__all__)


def test_every_package_with_names_is_known() -> None:
    root = Path(facequal.__file__).parent
    files = [path for path in root.glob("*/**/__init__.py") if "lazy_names(" in path.read_text()]
    assert {".".join(path.parent.relative_to(root).parts) for path in files} == set(NAMES)


def test_the_package_itself() -> None:
    assert facequal.__all__ == dir(facequal) == ["load_module"]
    assert facequal.load_module is importlib.import_module("facequal.pretrained").load_module


def test_what_is_no_public_name() -> None:
    with pytest.raises(AttributeError, match=r"module 'facequal\.data' has no attribute 'Folder'"):
        importlib.import_module("facequal.data").Folder  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Folder'"):
        exec("from facequal.data import Folder")


def test_no_name_stands_for_two_classes() -> None:
    names = [name for package in NAMES for name in NAMES[package].split() if is_class_name(name)]
    assert len(names) == len(set(names))
    assert set(class_packages()) <= set(names)


def test_packages_and_the_command_import_no_torch() -> None:
    packages = ", ".join(f"facequal.{package}" for package in NAMES)
    code = f"import sys, facequal, facequal.cli, {packages}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_public_path() -> None:
    import_classes()
    for name, package in class_packages().items():
        value = getattr(sys.modules[package], name)
        home = getattr(value, "__module__", package)
        assert public_path(f"{home}.{name}") == f"{package}.{name}" or not isinstance(value, type)
    assert public_path("somewhere.else.Resolution") == "somewhere.else.Resolution"
    assert public_path("Resolution") == "Resolution"
