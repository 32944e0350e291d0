"""Commands that use sound, in a private PulseAudio."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import wave
from pathlib import Path

import pytest

from neko_cli.core.pcm import level_dbfs
from tests.cli.provider import Provider
from tests.cli.running import KEY, ROOT, clean, command
from tests.real.pulse import RATE, PulseBox


def run(
    box: PulseBox, home: Path, *arguments: str, timeout: float = 40
) -> subprocess.CompletedProcess[bytes]:
    """The program with the box's sound."""
    env = {**box.env, "NEKO_HOME": str(home), "OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command(*arguments),
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def speech(path: Path) -> Path:
    """Two seconds of quiet, one of a tone, and quiet again: an utterance for the test's provider."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for seconds, peak in ((2.0, 0), (1.0, 9000), (6.0, 0)):
            file.writeframes(
                b"".join(
                    struct.pack("<h", int(peak * math.sin(i * 0.06))) for i in range(int(seconds * RATE))
                )
            )
    return path


def test_devices_are_listed_with_their_defaults(pulse_box: PulseBox, tmp_path: Path) -> None:
    done = run(pulse_box, tmp_path, "devices", "--json")
    clean(done)
    assert done.returncode == 0
    devices = json.loads(done.stdout)
    assert any(device["default_input"] for device in devices)
    assert any(device["default_output"] for device in devices)
    assert b"Loudspeakers" in run(pulse_box, tmp_path, "devices").stdout


def test_the_sound_test_plays_its_tone(pulse_box: PulseBox, tmp_path: Path) -> None:
    recording = pulse_box.record_speaker()
    done = run(pulse_box, tmp_path, "devices", "test", "--seconds", "0.5", "--json")
    clean(done)
    found = json.loads(done.stdout)
    assert found["speaker"]
    assert found["hears_itself"] is False
    loud = recording.stop()
    assert level_dbfs(max((loud[i : i + 9600] for i in range(0, len(loud), 9600)), key=level_dbfs)) > -20


def loop_back(latency_ms: int, home: Path) -> dict[str, object]:
    """The sound test's findings where the microphone hears the loudspeaker so much later."""
    loop = f"load-module module-loopback source=speaker.monitor sink=mic_in latency_msec={latency_ms}\n"
    with PulseBox(extra_config=loop) as box:
        done = run(box, home, "devices", "test", "--seconds", "0.5", "--json")
    clean(done)
    assert done.returncode == 0
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.serial
def test_the_sound_test_measures_how_the_loudspeaker_comes_back(tmp_path: Path) -> None:
    near, far = loop_back(60, tmp_path), loop_back(150, tmp_path)
    for found in (near, far):
        assert found["hears_itself"] is True
        assert found["echo_db"] == pytest.approx(0.0, abs=1.0)
        assert "Use headphones or echo cancelling" in found["verdict"][0]  # type: ignore[index]
    # The loop's own account of its delay holds but for a constant, which both have.
    assert found_ms(far) - found_ms(near) == pytest.approx(90.0, abs=5.0)
    assert found_ms(near) == pytest.approx(60.0, abs=20.0)


def found_ms(found: dict[str, object]) -> float:
    """The measured delay."""
    return float(str(found["delay_ms"]))


def test_the_sound_test_recognises_a_microphone_that_hears_nothing_at_all(
    pulse_box: PulseBox, tmp_path: Path
) -> None:
    done = run(pulse_box, tmp_path, "devices", "test", "--seconds", "0.5")
    clean(done)
    assert done.returncode == 7
    assert b"The microphone hears nothing at all" in done.stdout
    assert b"dBFS\n" in done.stderr, "the meter, in lines"


def test_say_plays_the_reply(pulse_box: PulseBox, tmp_path: Path) -> None:
    recording = pulse_box.record_speaker()
    with Provider() as provider:
        done = run(
            pulse_box, tmp_path, "say", "hello", "--play", "--provider", "openai", "--url", provider.url
        )
    clean(done)
    assert (done.returncode, done.stdout) == (0, b"You said: hello\n")
    heard = recording.stop()
    loud = [level_dbfs(heard[i : i + 960]) > -30 for i in range(0, len(heard), 960)]
    assert sum(loud) * 10 == pytest.approx(400, abs=60)


def test_say_listens_for_one_turn(pulse_box: PulseBox, tmp_path: Path) -> None:
    pulse_box.play_as_microphone(speech(tmp_path / "speech.wav"))
    with Provider() as provider:
        done = run(pulse_box, tmp_path, "say", "--listen", "--provider", "openai", "--url", provider.url)
    clean(done)
    assert (done.returncode, done.stdout) == (0, b"You said: sound number 1\n")


def test_without_a_microphone_listening_is_a_sound_error(tmp_path: Path) -> None:
    env = {"NEKO_HOME": str(tmp_path), "OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT), "PATH": ""}
    with Provider() as provider:
        done = subprocess.run(
            command("say", "--listen", "--provider", "openai", "--url", provider.url),
            env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=40, check=False,
        )  # fmt: skip
    clean(done)
    assert done.returncode == 7
    assert done.stderr.startswith(b"neko: ")


def test_doctor_sees_the_devices(pulse_box: PulseBox, tmp_path: Path) -> None:
    done = run(pulse_box, tmp_path, "doctor", "--json", "--no-reach")
    clean(done)
    levels = {finding["area"]: finding["level"] for finding in json.loads(done.stdout)["findings"]}
    assert levels["microphone"] == levels["loudspeaker"] == "ok"


def test_a_sound_server_that_dies_is_told_in_our_words_alone(pulse_box: PulseBox, tmp_path: Path) -> None:
    env = {**pulse_box.env, "NEKO_HOME": str(tmp_path), "OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    say = subprocess.Popen(
        command("say", "remember that my dog likes long walks in the park with me every day", "--play"),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    recording = pulse_box.record_speaker()
    recording.wait_for_sound(timeout=30)
    pulse_box.kill()
    out, err = say.communicate(timeout=40)
    assert b"dog likes" in out
    assert b"The loudspeaker is gone" in err
    assert b"ALSA lib" not in err
    assert b"Expression" not in err
