"""When runs of W&B are kept offline."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch.loggers import CSVLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from facequal.engine import wandb_account
from facequal.engine.wandb_account import stay_offline_without_account
from tests.loggers import RememberedRun

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:wandb")


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> SimpleNamespace:
    """A W&B without an account, and how it is set up; nothing of it starts."""
    world = SimpleNamespace(account=False, mode="online", offline=[], asked=0)

    def setup(settings: Any = None) -> SimpleNamespace:
        if settings is not None:
            world.offline.append(settings.mode)
        world.asked += 1
        return SimpleNamespace(settings=SimpleNamespace(mode=world.mode))

    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setattr("wandb.setup", setup)
    monkeypatch.setattr(wandb_account, "has_account", lambda: world.account)
    caplog.set_level(logging.INFO)
    return world


def logger(folder: Path, **arguments: Any) -> WandbLogger:
    return WandbLogger(experiment=RememberedRun(folder), save_dir=folder, **arguments)  # type: ignore[arg-type]


def test_offline_without_an_account(wandb: SimpleNamespace, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "wandb" / "offline-run-1"
    stay_offline_without_account([CSVLogger(tmp_path), logger(folder)])
    assert wandb.offline == ["offline"]
    (line,) = caplog.messages
    assert line == f"W&B: no account, so the run stays on this machine; `wandb sync {folder}` uploads it"
    assert "WANDB_MODE" not in os.environ


def test_online_with_an_account(wandb: SimpleNamespace, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wandb.account = True
    stay_offline_without_account([logger(tmp_path)])
    assert (wandb.offline, caplog.messages) == ([], [])


@pytest.mark.parametrize("given", [{"offline": True}, {"mode": "online"}, "WANDB_MODE"])
def test_what_is_given_wins(
    given: Any, wandb: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given == "WANDB_MODE":
        monkeypatch.setenv("WANDB_MODE", "online")
        given = {}
    stay_offline_without_account([logger(tmp_path, **given)])
    assert wandb.asked == 0  # it reads the environment when it is set up, and Lightning has yet to write there


def test_settings_of_wandb_win(wandb: SimpleNamespace, tmp_path: Path) -> None:
    wandb.mode = "disabled"
    stay_offline_without_account([logger(tmp_path)])
    assert wandb.offline == []


def test_other_loggers_and_other_ranks_have_nothing_to_do_with_it(
    wandb: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay_offline_without_account([CSVLogger(tmp_path)])
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    stay_offline_without_account([logger(tmp_path)])
    assert wandb.asked == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["none", "key", "netrc", "netrc of another host"])
def test_accounts_are_found(kind: str, tmp_path: Path) -> None:
    """In processes of their own: W&B keeps what it found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "NETRC"))}
    environment["HOME"] = str(tmp_path)
    if kind == "key":
        environment["WANDB_API_KEY"] = "a" * 40
    elif kind != "none":
        host = "api.wandb.ai" if kind == "netrc" else "example.org"
        (tmp_path / ".netrc").write_text(f"machine {host}\n  login user\n  password {'b' * 40}\n")
        (tmp_path / ".netrc").chmod(0o600)
    code = "import sys; from facequal.engine.wandb_account import has_account; sys.exit(has_account())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == (kind in ("key", "netrc")), done.stderr
