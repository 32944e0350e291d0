"""Takes the README's pictures: the real app in a real terminal on a virtual screen, with real sound.

    python -m scripts.pictures [FOLDER]

Needs what ``make test`` installs (PulseAudio, Xvfb, xterm, tmux, fonts).
"""

from __future__ import annotations

import argparse
import random
import tempfile
from array import array
from pathlib import Path

from neko_cli.audio.wav import WavWriter
from tests.real.program import Home
from tests.real.pulse import PulseBox
from tests.real.screen import VirtualScreen
from tests.real.speech import speak_into
from tests.real.terminal import Terminal

SIZES = ((80, 24), (120, 36))
TYPED = ("My name is Ada and I like green tea.", "What do I like?")


def quiet_room(path: Path) -> Path:
    """A minute of what a microphone hears where nobody speaks: noise at -75 dBFS."""
    rng = random.Random(1)
    with WavWriter.create(path, 48_000) as file:
        for _ in range(60):
            file.write(array("h", (rng.randint(-10, 10) for _ in range(48_000))).tobytes())
    return path


def main(folder: Path) -> None:
    """Hold a short conversation, typed and spoken, and take a picture at each size."""
    folder.mkdir(parents=True, exist_ok=True)
    for columns, rows in SIZES:
        with tempfile.TemporaryDirectory() as place, PulseBox() as box, VirtualScreen() as screen:
            home = Home(Path(place) / "home", box.env)
            question = speak_into(Path(place) / "question.wav", "what is two plus two", rate=48_000)
            box.play_as_microphone(quiet_room(Path(place) / "room.wav"))
            command = [*home.neko, "chat", "--profile", "test"]
            with Terminal(command, columns=columns, rows=rows, env=home.env) as terminal:
                terminal.wait_for("listening")
                for text in TYPED:
                    terminal.type(text)
                    terminal.press("Enter")
                    terminal.wait_for(r"(?s)" + text[:12] + r".*Neko.*\n.*\w+")
                    terminal.wait_for("listening")
                box.play_as_microphone(question)
                terminal.wait_for("Two plus two is 4", timeout=30.0)
                with screen.showing(terminal.attach_command, columns, rows):
                    path = folder / f"chat-{columns}x{rows}.png"
                    size = screen.picture(path, timeout=20.0)
                print(f"{path.name}: {size[0]}x{size[1]}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Take the README's pictures.")
    arguments.add_argument("folder", nargs="?", type=Path, default=Path("docs/img"))
    main(arguments.parse_args().folder)
