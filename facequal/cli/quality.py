"""`facequal quality`: a folder of pictures scored by the feature norm of a recogniser.

The faces are aligned as the recogniser's were. Their norms go to quality.csv, and quality.png shows them from the
lowest norm to the highest. The norms are compared with measures that know nothing of faces and, for a folder that
`facequal degrade --suite` wrote, with what was drawn for every picture. BRISQUE (0 to 100, lower is better) is one of
the measures where its weights are given: OpenCV's brisque_model_live.yml and brisque_range_live.yml, or the authors'
allmodel and allrange.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from jsonargparse import ArgumentParser

from facequal.analysis.quality import drawn_values, norm_correlations, score_folder, with_drawn
from facequal.cli.options import make_parser
from facequal.data.sources.datasets import ImageFolder
from facequal.evaluation.brisque_files import load_brisque
from facequal.methods.recognition.base import EmbeddingMethod
from facequal.models.backbones import Backbone
from facequal.names import import_classes
from facequal.pretrained.checkpoints import load_module
from facequal.pretrained.importing import load_backbone_weights
from facequal.reports.contact_sheet import contact_sheet
from facequal.reports.results import write_atomically


def build_parser() -> ArgumentParser:
    """Return the options of the command."""
    parser = make_parser("quality", __doc__)
    parser.add_argument("folder", type=Path, help="folder of pictures, or one picture")
    parser.add_argument("--checkpoint", type=str, required=True, help="of a recogniser of ours, or published weights")
    parser.add_argument(
        "--trust",
        type=str,
        action="append",
        default=[],
        metavar="MODULE",
        help="whose classes the checkpoint may name, beside those of facequal; may be given several times",
    )
    parser.add_argument("--backbone", type=Backbone | None, default=None, help="network of published weights")
    parser.add_argument("--colour_order", type=str | None, default=None, help="of the weights, where they do not say")
    parser.add_argument("--brisque", type=Path, nargs=2, metavar=("MODEL", "RANGES"), help="weights of BRISQUE")
    parser.add_argument("--out", type=Path, default=Path("quality"), help="folder of the results (default: quality)")
    parser.add_argument("--device", type=str, default="cpu", help="where to compute (default: cpu)")
    return parser


def main(line: Sequence[str]) -> None:
    """Run the command.

    Args:
        line: The command line after the program's name.

    Raises:
        SystemExit: If the options or pictures do not allow it.
    """
    import_classes()
    parser = build_parser()
    options = parser.instantiate_classes(parser.parse_args(line[1:]))
    try:
        backbone = recogniser(options.checkpoint, options.backbone, options.colour_order, options.trust)
        source = ImageFolder(options.folder, backbone.input_size_px)
        drawn = drawn_values(options.folder)
        further = {"brisque": load_brisque(*options.brisque)} if options.brisque else {}
        torch.empty(0, device=options.device)
        scores = score_folder(backbone, source, options.device, further)
    except (OSError, ValueError, AssertionError, RuntimeError) as error:  # torch has all kinds for a device
        sys.exit(f"facequal quality: {error}")
    if len(drawn):
        scores = with_drawn(scores, drawn)
        degraded = scores[scores["image"].isin(drawn.index)]
    else:
        degraded = scores
    table = write_atomically(options.out / "quality.csv", scores.sort_values("norm").to_csv(index=False))
    print(f"{len(scores)} pictures, norms {scores['norm'].min():.2f} to {scores['norm'].max():.2f}")
    if len(degraded) < len(scores):
        print(f"compared are the {len(degraded)} that were degraded, not the clean ones beside them")
    correlations = norm_correlations(degraded)
    for name, (r, num) in correlations.items():
        print(f"  norm and {name}: r = {r:+.2f} ({num} pictures)")
    lines = ["quality,r,num", *(f"{name},{r!r},{num}" for name, (r, num) in correlations.items())]
    print(f"table: {table}")
    print(f"correlations: {write_atomically(options.out / 'correlations.csv', chr(10).join(lines) + chr(10))}")
    print(f"picture: {write_atomically(options.out / 'quality.png', contact_sheet(source, scores))}")


def recogniser(
    checkpoint: str, backbone: Backbone | None, colour_order: str | None, trust: Sequence[str] = ()
) -> Backbone:
    """Return the network with its weights.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the checkpoint is of no recogniser, or the weights do not fit.
    """
    if backbone is not None:
        load_backbone_weights(backbone, checkpoint, colour_order)
        return backbone
    method = load_module(checkpoint, trust)
    if not isinstance(method, EmbeddingMethod):
        raise ValueError(f"{checkpoint}: a {type(method).__name__} gives no feature norms")
    return method.backbone
