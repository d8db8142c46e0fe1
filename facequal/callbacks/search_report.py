"""Writes what a search has come to: the genotype, its drawing, the heat map of alpha."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from facequal.analysis.nasfe_drawings import draw_alpha, draw_cell
from facequal.evaluation.folders import run_folder
from facequal.evaluation.loggers import log_files, log_picture
from facequal.evaluation.pictures import png
from facequal.evaluation.results import write_atomically
from facequal.methods.nasfe_search import NASFESearch

GENOTYPE_FILE = "genotype.json"
PICTURES = ("cell.png", "alpha.png")


class SearchReport(Callback):
    """After every epoch ``genotype.json``, ``cell.png`` and ``alpha.png`` in the folder of the run.

    Loggers that take images (W&B, TensorBoard) get both pictures as ``search/cell`` and ``search/alpha``; W&B gets the
    files of the last epoch as an artifact of type ``genotype``.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the files.

        Raises:
            TypeError: the method searches nothing.
        """
        if not isinstance(pl_module, NASFESearch):
            raise TypeError(f"SearchReport is for NASFESearch, not for {type(pl_module).__name__}")
        folder, genotype = run_folder(trainer), pl_module.derive()
        if not trainer.is_global_zero:
            return
        folder.mkdir(parents=True, exist_ok=True)
        genotype.save(folder / GENOTYPE_FILE, pl_module.derived_size(genotype))
        with torch.no_grad():
            probabilities = torch.cat(pl_module.fusion.operator_weights()).float().cpu().numpy()
            edges = torch.cat(pl_module.fusion.input_weights()).float().cpu().numpy()
        for name, figure in zip(PICTURES, (draw_cell(genotype), draw_alpha(probabilities, edges)), strict=True):
            path = write_atomically(folder / name, png(figure, dpi=120))
            log_picture(trainer, f"search/{path.stem}", path)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say what was found, and log its files."""
        assert isinstance(pl_module, NASFESearch)
        folder, genotype = run_folder(trainer), pl_module.derive()
        counts = ", ".join(f"{number} {name}" for name, number in sorted(genotype.counts.items()))
        size = f"{pl_module.derived_size(genotype):.3f} M parameters"
        rank_zero_info(f"genotype: {folder / GENOTYPE_FILE}: {counts}; {size}")
        if trainer.is_global_zero:
            log_files(trainer, "genotype", [folder / name for name in (GENOTYPE_FILE, *PICTURES)])
