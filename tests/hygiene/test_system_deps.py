"""scripts/system_deps.sh: installs what is missing, or says how, and never stands in the way.

Real shell, invented machine: a PATH with stub package managers that write down how they were called,
and an empty folder in place of the system's libraries.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hygiene.tree import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the script's Linux half")

BASICS = ("cat", "dirname", "env", "mktemp", "rm", "sed", "sh", "tail", "timeout", "touch", "true", "uname")


class Machine:
    """A PATH of stubs and a root without libraries."""

    def __init__(self, folder: Path, *, user: int) -> None:
        self.root = folder / "root"
        self.bin = folder / "bin"
        self.project = folder / "project"
        self.calls = folder / "calls"
        for made in (self.root, self.bin, self.project / "scripts", self.project / ".venv"):
            made.mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "system_deps.sh", self.project / "scripts")
        for name in BASICS:
            found = shutil.which(name)
            assert found, name
            (self.bin / name).symlink_to(found)
        self.stub("id", f"echo {user}")

    def stub(self, name: str, body: str) -> None:
        """A program on the PATH that notes its arguments, then does what ``body`` says."""
        path = self.bin / name
        path.write_text(f'#!/bin/sh\n[ "$1" = -u ] || echo "{name} $*" >>"{self.calls}"\n{body}\n')
        path.chmod(0o755)

    def library(self, path: str) -> None:
        """Put a file where the script looks for libraries."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    def run(self, *arguments: str) -> tuple[str, list[str]]:
        """What the script wrote to standard error, and how the stubs were called."""
        done = subprocess.run(
            ["/bin/sh", "scripts/system_deps.sh", *arguments],
            cwd=self.project,
            env={"PATH": str(self.bin), "NEKO_SYSTEM_ROOT": str(self.root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        called = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return done.stderr, called


PORTAUDIO = "usr/lib/x86_64-linux-gnu/libportaudio.so.2"
ALSA_PULSE = "usr/lib/x86_64-linux-gnu/alsa-lib/libasound_module_pcm_pulse.so"


def test_nothing_is_done_where_nothing_is_missing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.stub("apt-get", "")
    machine.library(PORTAUDIO)
    machine.library(ALSA_PULSE)
    assert machine.run("run") == ("", [])


@pytest.mark.parametrize(
    ("manager", "call"),
    [
        ("apt-get", "apt-get install -y --no-install-recommends libportaudio2 libasound2-plugins"),
        ("dnf", "dnf install -y portaudio alsa-plugins-pulseaudio"),
        ("pacman", "pacman -S --needed --noconfirm portaudio alsa-plugins libpulse"),
        ("apk", "apk add portaudio alsa-plugins-pulse"),
        ("zypper", "zypper --non-interactive install --no-recommends libportaudio2 alsa-plugins-pulse"),
    ],
)
def test_root_installs_with_the_manager_of_the_system(manager: str, call: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.stub(manager, "")
    said, called = machine.run("run")
    assert called == [call]
    assert said.startswith("neko: installing ")


def test_only_what_is_missing_is_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.stub("apt-get", "")
    machine.library(ALSA_PULSE)
    _, called = machine.run("run")
    assert called == ["apt-get install -y --no-install-recommends libportaudio2"]


def test_an_archive_that_is_not_known_is_looked_up_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.stub("apt-get", f'[ "$1" = update ] && touch "{tmp_path}/known"\n[ -e "{tmp_path}/known" ]')
    said, called = machine.run("run")
    assert [line.split()[1] for line in called] == ["install", "update", "install"]
    assert "could not" not in said


def test_without_rights_one_line_says_what_to_run(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=1000)
    machine.stub("apt-get", "")
    machine.stub("sudo", "exit 1")  # asks for a password
    said, called = machine.run("run")
    assert called == ["sudo -n true"]
    assert "sudo apt-get install -y --no-install-recommends libportaudio2 libasound2-plugins" in said
    assert "going on without sound" in said


def test_a_sudo_without_password_is_used(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=1000)
    machine.stub("apt-get", "")
    machine.stub("sudo", '[ "$1" = -n ] && shift\nexec "$@"')
    _, called = machine.run("run")
    assert called[-1] == "apt-get install -y --no-install-recommends libportaudio2 libasound2-plugins"
    assert any(line.startswith("sudo -n env ") for line in called)


def test_a_failure_is_told_and_not_tried_again_at_the_next_start(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.stub("apt-get", 'echo "E: no network"; exit 100')
    said, _ = machine.run("run")
    assert "E: no network" in said
    assert "Try:  apt-get install" in said
    said, called = machine.run("run")
    assert called == []
    assert "Install with:  apt-get install" in said


def test_a_system_without_a_known_manager_goes_on(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    said, called = machine.run("run")
    assert called == []
    assert "portaudio" in said


def test_tests_get_a_sound_server_a_display_and_terminals(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.stub("apt-get", "")
    machine.stub("tmux", "")
    machine.library(PORTAUDIO)
    machine.library(ALSA_PULSE)
    _, called = machine.run("test")
    assert len(called) == 1
    packages = set(called[0].split()[4:])
    assert {"pulseaudio", "pulseaudio-utils", "xvfb", "xterm", "fonts-dejavu-core"} <= packages
    assert not {"tmux", "libportaudio2"} & packages


def test_debian_gets_the_venv_module_of_the_version_in_use(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.stub("apt-get", "")
    _, called = machine.run("venv", "3.12")
    assert called == ["apt-get install -y --no-install-recommends python3.12-venv"]
