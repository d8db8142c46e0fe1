"""W&B without an account: the run is kept offline, and nobody is asked to log in."""

import os
from collections.abc import Iterable
from pathlib import Path

from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_info, rank_zero_only


@rank_zero_only
def stay_offline_without_account(loggers: Iterable[Logger]) -> None:
    """Keep the runs of W&B loggers offline where there is no account, and say how to upload them later.

    An account is what `wandb login` leaves in netrc, `WANDB_API_KEY`, or whatever else W&B finds without asking.
    `WANDB_MODE`, `wandb offline`, and `mode` or `offline: true` of the logger decide alone, where they are
    given. Without a W&B logger, wandb is not imported. On the first rank only: the others have no run.

    Args:
        loggers: Those of the trainer, before they have begun.
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger) and not is_decided(logger) and not has_account():
            import wandb

            wandb.setup(wandb.Settings(mode="offline"))
            folder = Path(logger.experiment.dir).parent
            rank_zero_info(f"W&B: no account, so the run stays on this machine; `wandb sync {folder}` uploads it")


def is_decided(logger: WandbLogger) -> bool:
    """Return whether the user has said if the run is online."""
    if logger._offline or logger._wandb_init.get("mode") or "WANDB_MODE" in os.environ:
        return True  # before wandb is set up: it reads the environment, where Lightning puts `offline`, at that moment
    import wandb

    return bool(wandb.setup().settings.mode != "online")


def has_account() -> bool:
    """Return whether W&B finds credentials; the server is not asked."""
    import wandb

    return bool(wandb.login(prompt=False, verify=False))
