"""Loading the engine: late, and with a reason when it is not there."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from neko_cli.audio import echo_engine
from neko_cli.audio.echo import make_canceller
from neko_cli.audio.echo_engine import PACKAGE, EchoSettings, EchoUnavailable, Why, webrtc
from neko_cli.core.errors import AudioError


def test_importing_it_loads_nothing_heavy() -> None:
    program = (
        "import sys, neko_cli.audio.echo_engine, neko_cli.audio.echo_clock, neko_cli.audio.echo_server\n"
        "print(sorted({'numpy', 'soxr', 'pywebrtc_audio'} & set(sys.modules)))\n"
        "import neko_cli.audio.echo\n"
        "print('pywebrtc_audio' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert done.stdout == "[]\nFalse\n", done.stderr


def test_a_missing_package_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(EchoUnavailable, match="pywebrtc-audio") as caught:
        make_canceller()
    assert caught.value.why is Why.NOT_INSTALLED
    assert "neko-cli[aec]" in caught.value.hint
    assert isinstance(caught.value, AudioError)


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libstdc++.so.6: version not found"),
        OSError("cannot open shared object file"),
        ModuleNotFoundError("No module named 'numpy'", name="numpy"),
    ],
)
def test_a_broken_package_is_another_reason(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Any:
        raise error

    monkeypatch.setattr(echo_engine.importlib, "import_module", fail)
    with pytest.raises(EchoUnavailable) as caught:
        webrtc()
    assert caught.value.why is Why.BROKEN
    assert str(error) in caught.value.message


def test_gain_is_not_touched_unless_asked() -> None:
    quiet = (300 * np.sin(np.arange(48_000) / 20)).astype(np.int16)
    silence = np.zeros(480, dtype=np.int16)

    def level(settings: EchoSettings) -> float:
        engine = webrtc(settings)(48_000)
        out = [engine.process(quiet[at : at + 480], silence) for at in range(0, 48_000, 480)]
        return float(np.std(np.concatenate(out[50:]).astype(float)))

    plain = EchoSettings(noise_suppression=False)
    assert level(plain) == pytest.approx(np.std(quiet.astype(float)), rel=0.1)
    assert EchoSettings() == EchoSettings(noise_suppression=True, high_pass=True, automatic_gain=False)


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000])
def test_every_rate_of_devices_works(rate: int) -> None:
    engine = webrtc()(rate)
    frame = np.zeros(rate // 100, dtype=np.int16)
    assert engine.process(frame, frame).size == rate // 100
    engine.reset()
