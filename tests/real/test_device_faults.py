"""The sound server dies, hangs, or loses a device while somebody talks: the conversation goes on."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import require
from tests.real.program import Home
from tests.real.pulse import PulseBox, missing_programs
from tests.real.speech import speak_into
from tests.real.terminal import Terminal

pytestmark = [pytest.mark.real, pytest.mark.serial, pytest.mark.timeout(150)]

ROOT = Path(__file__).parents[2]
QUIT = 2.0
"""Seconds that leaving may take, whatever has become of the sound server."""

SPARE = (
    "load-module module-null-sink norewinds=1 sink_name=spare rate=48000 channels=2\n"
    "load-module module-null-sink norewinds=1 sink_name=spare_in rate=48000 channels=1\n"
    "load-module module-remap-source source_name=spare_mic master=spare_in.monitor channels=1 "
    "master_channel_map=mono channel_map=mono remix=no\n"
)


@pytest.fixture
def box() -> Iterator[PulseBox]:
    """A sound server with a loudspeaker and a microphone to spare."""
    require([*missing_programs(), *([] if shutil.which("tmux") else ["tmux"])])
    with PulseBox(extra_config=SPARE) as made:
        yield made


class Talk:
    """``neko chat`` with the embedded engine, and what is left when it has ended."""

    def __init__(self, box: PulseBox, folder: Path, *arguments: str, extra: str = "") -> None:
        self.home = Home(folder / "home", box.env)
        self.home.with_tables(extra)
        command = [*self.home.neko, "chat", "--profile", "test", *arguments]
        self.terminal = Terminal(command, columns=120, rows=40, env=self.home.env, cwd=ROOT)
        self._asked = 0

    def __enter__(self) -> Talk:
        self.terminal.wait_for("Type a message", timeout=30.0)
        self.terminal.wait_for("listening|hands-free", timeout=30.0)
        return self

    def __exit__(self, *exc: object) -> None:
        self.terminal.close()

    def ask(self) -> None:
        """Type a question that was not asked before, and wait for its answer."""
        self._asked += 1
        words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
        self.terminal.type(f"what is {words[self._asked]} plus one?")
        self.terminal.press("Enter")
        self.terminal.wait_for(f"plus (one|1) is {self._asked + 1}", timeout=20.0)

    def quit(self) -> None:
        """Leave within two seconds, with nothing left running."""
        assert self.running(), "the program was found by its home"
        self.terminal.press("C-q")
        begun = time.monotonic()
        assert self.terminal.exit_status() == 0
        took = time.monotonic() - begun
        assert took < QUIT, f"leaving took {took:.1f} s"
        print(f"left in {took:.2f} s")
        end = time.monotonic() + 2.0
        while self.running() and time.monotonic() < end:
            time.sleep(0.02)
        assert self.running() == []

    def running(self) -> list[int]:
        """Processes of this conversation: those that have its home."""
        mark = f"NEKO_HOME={self.home.folder}".encode()
        found = []
        for path in Path("/proc").iterdir():
            if not path.name.isdecimal():
                continue
            try:
                named = mark in (path / "environ").read_bytes().split(b"\0")
                program = (path / "cmdline").read_bytes().split(b"\0")[0]
            except OSError:
                continue
            if named and program.rpartition(b"/")[2].startswith((b"python", b"neko")):
                found.append(int(path.name))
        return found


def test_a_server_that_is_killed_and_started_again(box: PulseBox, tmp_path: Path) -> None:
    with Talk(box, tmp_path) as talk:
        talk.ask()
        box.kill()
        talk.terminal.wait_for("The loudspeaker is gone", timeout=10.0)
        talk.terminal.wait_for("The microphone is gone", timeout=10.0)
        talk.ask()
        box.restart()
        talk.terminal.wait_for("The loudspeaker '[a-z]+' is back", timeout=20.0)
        talk.terminal.wait_for("The microphone '[a-z]+' is back", timeout=20.0)
        recording = box.record_speaker()
        talk.ask()
        recording.wait_for_sound()
        talk.terminal.wait_for("hands-free", timeout=20.0)
        question = speak_into(tmp_path / "q.wav", "tell me your name", rate=48_000)
        box.play_as_microphone(question)
        talk.terminal.wait_for("tell me your name", timeout=20.0)
        talk.quit()


def test_leaving_after_the_server_was_killed(box: PulseBox, tmp_path: Path) -> None:
    with Talk(box, tmp_path) as talk:
        talk.ask()
        box.kill()
        talk.terminal.wait_for("The loudspeaker is gone", timeout=10.0)
        talk.quit()


@pytest.mark.parametrize("seconds", [3.0, pytest.param(10.0, marks=pytest.mark.soak)])
def test_a_server_that_hangs_for_a_while(box: PulseBox, tmp_path: Path, seconds: float) -> None:
    with Talk(box, tmp_path) as talk:
        talk.ask()
        with box.frozen():
            begun = time.monotonic()
            talk.terminal.wait_for("The loudspeaker is gone", timeout=10.0)
            talk.ask()
            time.sleep(max(0.0, seconds - (time.monotonic() - begun)))
        talk.terminal.wait_for("The loudspeaker '[a-z]+' is back", timeout=20.0)
        talk.terminal.wait_for("The microphone '[a-z]+' is back", timeout=20.0)
        recording = box.record_speaker()
        talk.ask()
        recording.wait_for_sound()
        talk.quit()


def test_leaving_while_the_server_hangs(box: PulseBox, tmp_path: Path) -> None:
    with Talk(box, tmp_path) as talk:
        talk.ask()
        with box.frozen():
            talk.quit()


def module_of(box: PulseBox, name: str) -> str:
    """The number of the module that made a device."""
    lines = box.pactl("list", "short", "modules").splitlines()
    return next(line.split("\t")[0] for line in lines if f"_name={name} " in line)


def test_a_sink_is_removed(box: PulseBox, tmp_path: Path) -> None:
    """The sound server itself moves the stream; we have not lost it."""
    with Talk(box, tmp_path) as talk:
        talk.ask()
        box.pactl("set-default-sink", "spare")
        box.pactl("unload-module", module_of(box, "speaker"))
        talk.ask()
        talk.terminal.wait_for("hands-free", timeout=20.0)
        assert "is gone" not in talk.terminal.screen()
        talk.quit()


def test_a_source_is_removed(box: PulseBox, tmp_path: Path) -> None:
    with Talk(box, tmp_path) as talk:
        talk.ask()
        box.pactl("set-default-source", "spare_mic")
        box.pactl("unload-module", module_of(box, "mic"))
        talk.ask()
        talk.terminal.wait_for("hands-free", timeout=20.0)
        assert "is gone" not in talk.terminal.screen()
        talk.quit()


def test_a_headset_is_unplugged_while_it_talks_and_comes_back(box: PulseBox, tmp_path: Path) -> None:
    """The headset is a sound server of its own, which ends; the default one goes on playing."""
    headset = PulseBox()
    with headset:
        socket = headset.env["PULSE_SERVER"]
        conf = box.folder / "alsa.conf"
        conf.write_text(
            conf.read_text() + f'pcm.headset {{ type pulse server "{socket}" device "speaker" }}\n'
        )
        with Talk(box, tmp_path, "--speaker", "headset") as talk:
            recording = headset.record_speaker()
            talk.ask()
            recording.wait_for_sound()
            time.sleep(6.0)  # so old that its end is no flutter
            talk.terminal.type("who are you?")
            talk.terminal.press("Enter")
            talk.terminal.wait_for("▶ speaking", timeout=20.0)
            ordinary = box.record_speaker()
            headset.kill()
            talk.terminal.wait_for(r"'(default|pulse)'\s+is\s+used\s+until", timeout=5.0)
            ordinary.wait_for_sound(timeout=5.0)
            headset.restart()
            talk.terminal.wait_for("The loudspeaker 'headset' is back", timeout=40.0)
            again = headset.record_speaker()
            talk.ask()
            again.wait_for_sound()
            talk.quit()


def test_a_headset_that_was_plugged_in_after_the_start_is_used(box: PulseBox, tmp_path: Path) -> None:
    """The sound library has never heard of it: it is started again, and the microphone listens on."""
    headset = PulseBox()
    with headset:
        conf = box.folder / "alsa.conf"
        server = headset.env["PULSE_SERVER"]
        conf.write_text(
            conf.read_text() + f'pcm.headset {{ type pulse server "{server}" device "speaker" }}\n'
        )
        headset.kill()
        with Talk(box, tmp_path) as talk:
            talk.ask()
            talk.terminal.wait_for("● listening", timeout=20.0)
            headset.restart()
            talk.terminal.type("/speaker headset")
            talk.terminal.press("Enter")
            talk.terminal.wait_for("Loudspeaker: headset\\.")
            recording = headset.record_speaker()
            talk.ask()
            recording.wait_for_sound()
            talk.terminal.wait_for("● listening", timeout=20.0)
            box.play_as_microphone(speak_into(tmp_path / "q.wav", "tell me your name", rate=48_000))
            talk.terminal.wait_for("tell me your name", timeout=20.0)
            talk.quit()


def test_another_loudspeaker_is_chosen_from_the_list_and_remembered(tmp_path: Path) -> None:
    require([*missing_programs(), *([] if shutil.which("tmux") else ["tmux"])])
    with PulseBox(extra_config=SPARE, extra_alsa='pcm.spare { type pulse device "spare" }\n') as box:
        with Talk(box, tmp_path) as talk:
            talk.ask()
            talk.terminal.type("/speaker")
            talk.terminal.press("Enter")
            screen = talk.terminal.wait_for("The system's default(.*\n)+.*spare  ALSA, 44100 Hz")
            listed = [line for line in screen.splitlines() if "ALSA" in line]
            down = 1 + next(at for at, line in enumerate(listed) if "spare" in line)
            talk.terminal.press("Home", *["Down"] * down, "Enter")
            talk.terminal.wait_for("Loudspeaker: spare\\.")
            before = box.record_speaker()
            talk.ask()
            talk.terminal.wait_for("hands-free", timeout=20.0)
            assert not before.stop().strip(b"\0"), "nothing goes to the old one"
            talk.quit()
        assert '"spare"' in (talk.home.folder / "state" / "state.json").read_text()
