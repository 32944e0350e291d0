"""The sound path loads nothing heavy before a device is opened."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_sound_path_loads_no_heavy_library() -> None:
    program = (
        "import sys\n"
        "import neko_cli.audio.sound, neko_cli.audio.wav, neko_cli.audio.meters, neko_cli.audio.stderr\n"
        "neko_cli.audio.sound.DeviceSound().speaker()\n"
        "print(sorted({'numpy', 'sounddevice', 'soxr', '_cffi_backend'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert done.stdout == "[]\n", done.stderr
