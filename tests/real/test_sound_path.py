"""The whole path of sound, both ways, sample by sample.

Loudspeaker: server → socket → session → resampler → jitter buffer → device → a recorder at the sink.
Microphone: a player → source → device → session → resampler → socket → what the server has got.
The reference is the same sound resampled whole, in one go. All of it lies on low noise, so that each sample
of a pause counts too.
"""

from __future__ import annotations

import contextlib
import wave
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest

from neko_cli.audio.wav import WavReader
from tests.fakes.compare import REACH, Likeness, find, likeness, resampled
from tests.fakes.speaking_server import RATE as WIRE
from tests.real.pulse import RATE, PulseBox
from tests.real.scenes import scenes
from tests.real.speech import speak_into

pytestmark = [pytest.mark.real, pytest.mark.serial]

ALIKE = 0.9995
CLICK_DBFS = -60.0
NOISE = 10
"""Peak of the noise under everything: below what a break may have without a fade."""

WINDOW_S = 5
SENTENCES = ("The cat sat on the mat.", "Then it looked at the dog and went away.")


scene = scenes("path_runner")


def on_noise(sound: np.ndarray, seed: int) -> np.ndarray:
    """The sound on low noise, which begins and ends softly and has no sample of zero in between."""
    noise = np.random.default_rng(seed).integers(1, NOISE + 1, len(sound))
    noise *= np.random.default_rng(seed + 1).choice([-1, 1], len(sound))
    mixed = np.rint(sound + noise)
    return np.where(mixed == 0, 1, mixed).astype("<i2")


def tone(rate: int, seconds: float, hz: float = 997.0) -> np.ndarray:
    """A tone at half of full scale, with soft ends and a moment of quiet around it."""
    n = np.arange(round(rate * seconds))
    soft = np.clip(np.minimum(n, n[::-1]) / (rate / 50) - 0.5, 0.0, 1.0)
    return 16_000 * np.sin(2 * np.pi * hz / rate * n) * np.sin(np.pi / 2 * soft) ** 2


def spoken(folder: Path, rate: int) -> np.ndarray:
    """Two sentences with their pauses."""
    reader = WavReader.open(str(speak_into(folder / "spoken.wav", *SENTENCES, rate=rate, pause_ms=400)))
    try:
        return np.frombuffer(b"".join(reader.chunks(20)), "<i2").astype(float)
    finally:
        reader.close()


def write_wav(path: Path, sound: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(sound.astype("<i2").tobytes())


class Speaks(Protocol):
    """A microphone's sound, which begins when it is told to."""

    def begin(self) -> None:
        """Begin."""


class Microphone(Protocol):
    """Makes a microphone hear the user's sound of a talk."""

    def __call__(self, talk: Talk) -> contextlib.AbstractContextManager[Speaks]:
        """It is silent at first."""


class Talk:
    """What was said and heard in a talk over the real path."""

    def __init__(self, folder: Path, replies: list[np.ndarray], user: np.ndarray) -> None:
        self.folder, self.replies, self.user = folder, replies, user
        self.found: dict[str, Any] = {}
        self.sink = np.zeros(0)
        self.server = np.zeros(0)

    def run(self, box: PulseBox, seconds: float, microphone: Microphone | None = None) -> None:
        """Talk both ways for so long, into the box's microphone or another one."""
        for number, reply in enumerate(self.replies):
            (self.folder / f"reply-{number}.pcm").write_bytes(reply.tobytes())
        write_wav(self.folder / "user.wav", self.user)
        recording = box.record_speaker()
        with contextlib.ExitStack() as stack:
            speaks = stack.enter_context(microphone(self)) if microphone is not None else None
            running = stack.enter_context(scene(box, str(self.folder), str(seconds)))
            assert running.findings()["rate"] == [RATE, RATE]
            if speaks is None:
                player = box.play_as_microphone(self.folder / "user.wav")
            else:
                speaks.begin()
            running.go_on()
            said = running.findings()["said"]
            if speaks is None:
                assert player.wait(timeout=60) == 0
            recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 5)
            running.go_on()
            self.found = {**running.findings(), "said": said}
            running.wait()
        self.sink = np.frombuffer(recording.stop(), "<i2").astype(float)
        self.server = np.frombuffer((self.folder / "heard.pcm").read_bytes(), "<i2").astype(float)

    @property
    def device_ran_dry(self) -> bool:
        """Whether the machine was too slow for its devices, which shows nothing of us."""
        return bool(self.found["underruns"] or self.found["overflows"] or self.found["ran_dry"])

    def check(self) -> tuple[list[Likeness], list[Likeness]]:
        """All promises; returns how like each reply and each stretch of the user is."""
        assert (self.found["lost_ms"], self.found["wrong"]) == (0.0, [])
        assert {outcome for outcome, _ in self.found["outcomes"]} == {"complete"}
        return self._check_sink(), self._check_server()

    def _check_sink(self) -> list[Likeness]:
        stretches = runs(self.sink, RATE // 10)
        assert len(stretches) == len(self.found["said"])
        wanted = [resampled(reply, WIRE, RATE) for reply in self.replies]
        found = []
        for (begin, end), number in zip(stretches, self.found["said"], strict=True):
            assert end - begin == pytest.approx(len(wanted[number]), abs=3), "ends are softer than a bit"
            around = self.sink[max(0, begin - RATE // 100) : end + RATE // 100]
            found.append(likeness(around, wanted[number], min(begin, RATE // 100)))
            check(found[-1])
        assert self.found["played"] == sum(2 * len(self.replies[number]) for number in self.found["said"])
        return found

    def _check_server(self) -> list[Likeness]:
        wanted = resampled(self.user, RATE, WIRE)
        begin = find(self.server, wanted[: 2 * WIRE])
        heard = min(len(wanted), len(self.server) - begin)
        assert heard > len(wanted) - WIRE // 2, "the player may end before the last of it is heard"
        found: list[Likeness] = []
        for at in range(0, heard - WIRE, WINDOW_S * WIRE):
            piece = wanted[at : at + WINDOW_S * WIRE + 2 * REACH]
            piece = piece[: heard - at]
            lag = found[0].lag if found else float(begin)
            found.append(likeness(self.server[round(lag) + at - REACH :], piece, REACH + lag - round(lag)))
            found[-1] = found[-1]._replace(lag=found[-1].lag + round(lag) - REACH)
            check(found[-1])
            assert found[-1].lag == pytest.approx(found[0].lag, abs=0.02), "nothing is lost or repeated"
        return found


def check(found: Likeness) -> None:
    assert found.correlation >= ALIKE, found
    assert found.residual_dbfs < CLICK_DBFS, found
    assert found.gain == pytest.approx(1.0, abs=0.01), found


def runs(sound: np.ndarray, hole: int) -> list[tuple[int, int]]:
    """From where to where it is not silent; a shorter hole is none."""
    at = np.flatnonzero(sound)
    breaks = np.flatnonzero(np.diff(at) > hole)
    return list(zip([at[0], *at[breaks + 1]], [*(at[breaks] + 1), at[-1] + 1], strict=True))


def talked(
    box: PulseBox, folder: Path, seconds: float, tries: int, microphone: Microphone | None = None
) -> Talk:
    """A talk in which the machine kept up, if it did so in one of some tries."""
    replies = [on_noise(tone(WIRE, 5.0037), 1), on_noise(spoken(folder, WIRE), 3)]
    user = np.concatenate([spoken(folder, RATE), tone(RATE, 3.0)])  # speech is found, a tone anywhere
    user = np.tile(user, max(1, int(seconds / (len(user) / RATE))))
    for number in range(tries):
        talk = Talk(folder / str(number), replies, on_noise(user, 5))
        talk.folder.mkdir()
        talk.run(box, seconds, microphone)
        if not talk.device_ran_dry:
            break
        found = {name: talk.found[name] for name in ("underruns", "overflows", "ran_dry")}
        print("the machine did not keep up:", found)
    return talk


def told(replies: list[Likeness], user: list[Likeness]) -> str:
    """For who reads the output."""
    return "\n".join(
        f"{name}: {len(found)} stretches, correlation >= {min(f.correlation for f in found):.6f}, "
        f"residual <= {max(f.residual_dbfs for f in found):.1f} dBFS"
        for name, found in (("loudspeaker", replies), ("microphone", user))
    )


def test_a_tone_and_speech_come_through_whole_both_ways(pulse_box: PulseBox, tmp_path: Path) -> None:
    talk = talked(pulse_box, tmp_path, 0.0, tries=3)
    print(told(*talk.check()))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_ten_minutes_both_ways_lose_no_sample(pulse_box: PulseBox, tmp_path: Path) -> None:
    talk = talked(pulse_box, tmp_path, 600.0, tries=1)
    print(told(*talk.check()))
