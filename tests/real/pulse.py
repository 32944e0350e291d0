"""A private PulseAudio for tests: real sound without a sound card.

Everything lies in one temporary directory: no file outside it is touched, no system daemon, D-Bus
or hardware is needed, and several boxes run side by side. ``speaker`` is a null sink whose monitor
is recorded; ``mic`` is a source that hears whatever is played into the null sink ``mic_in``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from neko_cli.core.pcm import level_dbfs

START_TIMEOUT_S = 10.0
RATE = 48_000
"""Sample rate in Hz of both sinks, and of what ``record_speaker`` yields."""

# norewinds=1 is essential: without it the null sink stalls for 2 s at the start and spins.
DEFAULT_PA = """\
.fail
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
load-module module-null-sink norewinds=1 sink_name=speaker rate=48000 channels=2
load-module module-null-sink norewinds=1 sink_name=mic_in rate=48000 channels=1
load-module module-remap-source source_name=mic master=mic_in.monitor channels=1 \
master_channel_map=mono channel_map=mono remix=no
set-default-sink speaker
set-default-source mic
"""

ALSA_CONF = """\
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.pulse { type pulse }
ctl.pulse { type pulse }
"""

PROGRAMS = ("pulseaudio", "pactl", "paplay", "parec")


def missing_programs() -> list[str]:
    """Programs that a PulseBox needs and that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


class Recording:
    """What is being recorded at the speaker's null sink: s16le mono at RATE."""

    def __init__(self, process: subprocess.Popen[bytes], path: Path) -> None:
        """Wraps a running ``parec`` that writes raw PCM to ``path``."""
        self._process = process
        self.path = path

    def wait_for_samples(self, n: int, timeout: float = 10.0) -> None:
        """Wait until ``n`` samples are on disk; raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while self.path.stat().st_size < 2 * n:
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {self.path.stat().st_size // 2} of {n} samples recorded")
            time.sleep(0.01)

    def wait_for_sound(self, above_dbfs: float = -50.0, timeout: float = 10.0) -> None:
        """Wait until 100 ms in a row are louder; raises TimeoutError."""
        deadline = time.monotonic() + timeout
        block = RATE // 10 * 2
        at = 0
        while time.monotonic() < deadline:
            pcm = self.path.read_bytes()
            while at + block <= len(pcm):
                if level_dbfs(pcm[at : at + block]) > above_dbfs:
                    return
                at += block
            time.sleep(0.02)
        raise TimeoutError(f"nothing louder than {above_dbfs} dBFS was played")

    def stop(self) -> bytes:
        """End the recording and return all of it."""
        _stop(self._process)
        return self.path.read_bytes()


class PulseBox:
    """A private sound server; use as a context manager or call ``start`` and ``stop``."""

    def __init__(self, *, extra_config: str = "", extra_alsa: str = "") -> None:
        """Add ``extra_config`` (pulse script) and ``extra_alsa`` (more devices) when given."""
        self._extra_config = extra_config
        self._extra_alsa = extra_alsa
        self._daemon: subprocess.Popen[bytes] | None = None
        self._children: list[subprocess.Popen[bytes]] = []
        self._recordings = 0
        self.folder = Path()
        self.env: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        assert self._daemon is not None, "the box is not started"
        return self._daemon.pid

    def start(self) -> None:
        """Start the daemon and wait until it answers; raises RuntimeError with its log."""
        self.folder = Path(tempfile.mkdtemp(prefix="neko-pulse-"))
        self.env = self._make_env()
        self._run_daemon()

    def _run_daemon(self) -> None:
        socket = self.folder / "run" / "native"
        script = self.folder / "default.pa"
        script.write_text(DEFAULT_PA.format(socket=socket) + self._extra_config)
        (self.folder / "client.conf").write_text("autospawn = no\n")
        (self.folder / "alsa.conf").write_text(ALSA_CONF + self._extra_alsa)
        log = self.folder / "daemon.log"
        with log.open("wb") as sink:
            self._daemon = subprocess.Popen(
                ["pulseaudio", "-n", "-F", str(script), "--daemonize=no", "--system=false"]
                + ["--exit-idle-time=-1", "--log-target=stderr"],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (socket.exists() and self._answers()):
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                text = log.read_text(errors="replace")
                self.stop()
                raise RuntimeError(f"pulseaudio did not start:\n{text}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop every process of the box and remove its folder; idempotent."""
        for child in self._children:
            _stop(child)
        self._children.clear()
        if self._daemon is not None:
            with contextlib.suppress(ProcessLookupError):
                self._daemon.send_signal(signal.SIGCONT)
            _stop(self._daemon)
            self._daemon = None
        if self.folder != Path():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = Path()

    def kill(self) -> None:
        """The daemon dies at once, as in a crash."""
        assert self._daemon is not None
        self._daemon.kill()
        self._daemon.wait(timeout=5)

    def restart(self) -> None:
        """Start the daemon again after it was killed, with the devices that it had at first."""
        for name in ("native", "pid"):
            (self.folder / "run" / name).unlink(missing_ok=True)
        self._run_daemon()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The daemon hangs (SIGSTOP) inside the block."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def pactl(self, *args: str) -> str:
        """Run ``pactl`` against the box and return its output."""
        done = subprocess.run(
            ["pactl", *args], env=self.env, check=True, capture_output=True, text=True, timeout=10
        )
        return done.stdout.strip()

    def play_as_microphone(self, path: Path) -> subprocess.Popen[bytes]:
        """Speak a WAV file into the virtual microphone; the player ends with the file."""
        player = subprocess.Popen(["paplay", "--device=mic_in", str(path)], env=self.env)
        self._children.append(player)
        return player

    def record_speaker(self, *, channels: int = 1) -> Recording:
        """Record what the speaker plays from now on; returns when samples are arriving."""
        self._recordings += 1
        path = self.folder / f"speaker-{self._recordings}.pcm"
        with path.open("wb") as sink:
            process = subprocess.Popen(
                ["parec", "--device=speaker.monitor", "--format=s16le", f"--rate={RATE}"]
                + [f"--channels={channels}", "--latency-msec=10", "--raw"],
                env=self.env,
                stdout=sink,
            )
        self._children.append(process)
        recording = Recording(process, path)
        recording.wait_for_samples(1)
        return recording

    def _answers(self) -> bool:
        probe = subprocess.run(["pactl", "info"], env=self.env, capture_output=True, timeout=10)
        return probe.returncode == 0

    def _make_env(self) -> dict[str, str]:
        """The environment in which programs see this box and nothing else."""
        folder = self.folder
        for name in ("run", "home", "config", "state"):
            (folder / name).mkdir(mode=0o700)
        keep = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV")
        return {name: os.environ[name] for name in keep if name in os.environ} | {
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "PULSE_RUNTIME_PATH": str(folder / "run"),
            "PULSE_STATE_PATH": str(folder / "state"),
            "PULSE_CONFIG_PATH": str(folder / "config"),
            "PULSE_SERVER": f"unix:{folder / 'run' / 'native'}",
            "PULSE_CLIENTCONFIG": str(folder / "client.conf"),
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "ALSA_CONFIG_PATH": str(folder / "alsa.conf"),
            "TMPDIR": str(folder),
        }


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Terminate a process that we started, the hard way after 5 s."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=5)
