"""`facequal fit|validate|test|predict`: LightningCLI over the shared data module and any method."""

import functools
import hashlib
import inspect
import operator
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch
import yaml
from jsonargparse import Namespace, set_parsing_settings
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from facequal.callbacks.embeddings import EmbeddingWriter
from facequal.callbacks.restored_pictures import RestoredPictures
from facequal.callbacks.save_config import SaveRunConfig
from facequal.data.datamodule import FaceDataModule
from facequal.engine.inherit import expand_inherited
from facequal.engine.parser import ClassNameParser
from facequal.engine.wandb_account import stay_offline_without_account
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.moved import present_path, refuse_moved_names
from facequal.names import import_classes, public_path
from facequal.pretrained.checkpoints import WEIGHT_FILES


def keep_whole_numbers_whole() -> None:
    """Have the trainer's options that may be a count or a share read a whole number as a count.

    `limit_train_batches: 1` is one batch, 1.0 all of them. Parsing tries the types of an option in their order, and
    Python keeps one copy of `Optional` for unions that differ in order only: whichever module asked first, such as
    rich, decides whether Lightning's "int or float" reads "float or int".
    """
    annotations = inspect.unwrap(Trainer.__init__).__annotations__
    for name, kind in annotations.items():
        kinds = get_args(kind)
        if {int, float} <= set(kinds):
            annotations[name] = functools.reduce(operator.or_, sorted(kinds, key=lambda each: each is not int))


class FaceQualCLI(LightningCLI):
    """The command line of all methods.

    Args:
        arguments: The command line after the program's name, such as `["fit", "-c",
            "experiments/demo/adaface.yaml"]`.

    Attributes:
        called: Name of the command for messages, if it is none of Lightning's.
    """

    called = ""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.command = arguments[0]
        keep_whole_numbers_whole()
        import_classes()
        # A dictionary that looks like a class is data where the type does not ask for a class, as in a checkpoint.
        set_parsing_settings(instantiate_subclass_spec_in_any=False)
        # The number of workers is a setting of the experiment, and 0 the right one for small sets in memory.
        warnings.filterwarnings("ignore", message=".*does not have many workers")
        # Networks that only look stay in evaluation mode.
        warnings.filterwarnings("ignore", message="Found .* module.* in eval mode")
        # Lightning's affair with torch, not the user's.
        warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated")
        super().__init__(
            LightningModule,
            FaceDataModule,
            subclass_mode_model=True,
            save_config_callback=SaveRunConfig,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_class=ClassNameParser,
            args=list(arguments),
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # called on the instance only
        """Return the command at hand: building the parsers of the others takes a second."""
        skipped = super().subcommands()[self.command]
        decided = {"test": {"verbose"}, "predict": {"return_predictions"}}.get(self.command, set())
        return {self.command: skipped | decided}

    def test(self, **arguments: Any) -> None:
        """Run the tests without Lightning's own table: the evaluation prints a better one."""
        self.trainer.test(**arguments, verbose=False)

    def predict(self, **arguments: Any) -> None:
        """Embed or restore without keeping a copy in memory: what comes out goes to files."""
        self.trainer.predict(**arguments, return_predictions=False)

    def setup_parser(self, *arguments: Any) -> None:
        """Set up the parser, whose messages name the command as it was called."""
        super().setup_parser(*arguments)
        for parser in (self.parser, *self._subcommand_parsers.values()):
            parser.prog = f"facequal {self.called or self.command}"

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the evaluation, the writers of predictions, inheritance, and the link from data to model."""
        parser.add_argument("--inherit", type=list[str], default=[], help="files this one builds on, relative to it")
        parser.add_lightning_class_args(ProtocolEvaluation, "evaluation")
        parser.add_lightning_class_args(EmbeddingWriter, "embeddings")
        parser.add_lightning_class_args(RestoredPictures, "restored")
        parser.link_arguments("data.num_classes", "model.init_args.num_classes", apply_on="instantiate")

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse the command line with inherited files in place. The saved configuration stands alone."""
        assert isinstance(args, list)
        try:
            arguments = expand_inherited(args)
            refuse_moved_names(arguments)
        except (OSError, ValueError) as error:
            parser.error(str(error))
        self.config = parser.parse_args([*arguments, "--inherit=[]"])
        use_public_paths(self.config)

    def _parse_ckpt_path(self) -> None:
        """Let the command line win over the hyper-parameters stored in a checkpoint.

        Lightning parses the stored ones over the command line, even the class of the model. Here they are not used; a
        checkpoint of another class is an error.
        """
        config = self.config[self.config.subcommand]
        path = config.get("ckpt_path")
        if not path:
            self.require_weights(config.model)
            return
        if "://" in str(path):
            raise ValueError(f"ckpt_path {path}: nothing is downloaded, give a file")
        if not Path(path).is_file():
            return
        # Those of the checkpoint replace them, and the files may be gone.
        forget_weight_files(config.model.init_args)
        warnings.filterwarnings("ignore", message=".* has random weights")
        content = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
        stored = content.get("hyper_parameters", {}).get("_class_path")
        if stored is not None and public_path(present_path(stored)) != config.model.class_path:
            raise ValueError(
                f"{path} holds a {stored}, but the configuration asks for a {config.model.class_path}. Use --ckpt_path "
                "to go on with the same method, and model.init_args.weights to start another one from it"
            )

    def require_weights(self, model: Namespace) -> None:
        """Refuse to evaluate a network as it was initialised.

        Raises:
            ValueError: If the command evaluates, and neither a checkpoint nor weights are given.
        """
        given = (model.get("init_args.weights"), model.get("init_args.backbone.init_args.pretrained_path"))
        if model.get("init_args.network.class_path") == "torch.nn.Identity":
            return  # nothing to initialise: baselines alone
        if self.command != "fit" and not any(given):
            raise ValueError(f"facequal {self.command} needs --ckpt_path or --model.init_args.weights")

    def after_instantiate_classes(self) -> None:
        """Tell the evaluation which configuration its figures belong to, and W&B to stay offline without an account."""
        stay_offline_without_account(self.trainer.loggers)
        self._dump_config()
        evaluation = self._get(self.config_init, "evaluation")
        # What the figures depend on; not where the run keeps its files.
        settings = {key: self.config_dump[key] for key in ("model", "data", "evaluation")}
        text = yaml.safe_dump(settings, sort_keys=True)
        evaluation.config_hash = hashlib.sha256(text.encode()).hexdigest()[:12]


def use_public_paths(config: Any) -> None:
    """Name every class of a parsed configuration as its package hands it out, however the files spell it."""
    if isinstance(config, Namespace) and isinstance(config.get("class_path"), str):
        config.class_path = public_path(config.class_path)
    parts = vars(config).values() if isinstance(config, Namespace) else config if isinstance(config, list) else ()
    for part in parts:
        use_public_paths(part)


def forget_weight_files(arguments: Namespace) -> None:
    """Set to None the files of weights that a method and its parts start from, as `load_module` does."""
    for name, value in vars(arguments).items():
        if name in WEIGHT_FILES:
            setattr(arguments, name, None)
        elif isinstance(value, Namespace):
            forget_weight_files(value)
