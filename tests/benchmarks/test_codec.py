"""The benchmark measures what codecs do in a conversation, and misses no family."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from benchmarks import codec
from benchmarks.kit.codec_samples import HUSH, PCM, SAMPLES, TEXT
from neko_cli.core.codecs.endpoints import FAMILIES, find_provider
from neko_cli.core.commands import AppendAudio, SendText
from neko_cli.core.provider_events import ReplySound, ReplyWords

HEARING = {name: sample for name, sample in SAMPLES.items() if sample.sound}


def test_each_family_has_a_sample_of_its_own() -> None:
    assert set(SAMPLES) == set(FAMILIES)
    for name, sample in SAMPLES.items():
        provider = find_provider(sample.provider)
        assert provider.family == name
        assert bool(sample.sound) is provider.capabilities.audio_input


@pytest.mark.parametrize("name", SAMPLES)
def test_text_is_news_from_the_first_to_the_last_time(name: str) -> None:
    sample = SAMPLES[name]
    talk = sample.make()
    for _ in range(codec.EVENTS):
        events = talk.decode(sample.words)
        assert isinstance(events[-1], ReplyWords)
        assert events[-1].delta == " afternoon"


@pytest.mark.parametrize("name", HEARING)
def test_sound_is_news_from_the_first_to_the_last_time(name: str) -> None:
    sample = HEARING[name]
    talk = sample.make()
    for at in range(codec.EVENTS):
        events = talk.decode(sample.sound[at % len(sample.sound)])
        assert isinstance(events[-1], ReplySound)
        assert events[-1].pcm in (PCM, HUSH)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_asked_is_in_the_frames(name: str) -> None:
    assert any(
        TEXT in frame for frame in SAMPLES[name].make().encode(SendText(TEXT)) if isinstance(frame, str)
    )


@pytest.mark.parametrize("name", HEARING)
def test_the_bare_way_writes_the_same_frame(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[object] = []

    def keep(steps: list[codec.Step]) -> float:
        call, argument = steps[0]
        written.append(call(argument))
        return float(len(steps))

    monkeypatch.setattr(codec, "timed", keep)
    sample = HEARING[name]
    assert codec.bare_encoding(sample, AppendAudio(PCM))() == codec.EVENTS
    (frame,) = sample.make().encode(AppendAudio(PCM))
    assert json.loads(str(written[0])) == json.loads(frame)
    codec.bare_decoding(sample, sample.sound, sound=True)()
    assert written[1] in (PCM, HUSH)
    assert b64decode(sample.audio_of(json.loads(sample.sound[0]))) == PCM


def test_times_are_those_of_a_thousand_events(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []
    ticks = iter((10.0, 10.5))
    monkeypatch.setattr(codec.time, "perf_counter", lambda: next(ticks))
    assert codec.timed([(called.append, number) for number in range(5)]) == 0.5 * 1000 * 1000 / 5
    assert called == [0, 1, 2, 3, 4]


def test_all_is_measured_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert codec.main(["--runs", "1"]) == 0
    told = capsys.readouterr().out
    for name, sample in SAMPLES.items():
        for what in ("text", "sound") if sample.sound else ("text",):
            assert f"{name}, decode {what} " in told
            assert f"{name}, encode {what}, bare" in told


def test_a_broken_limit_fails_the_check_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(codec, "FACTOR", 1e-9)
    assert codec.main(["--runs", "1", "--only", "chat"]) == 0
    assert codec.main(["--runs", "1", "--only", "chat", "--check"]) == 1
    assert "limits broken: chat, decode text; chat, encode text" in capsys.readouterr().err


def test_a_family_without_a_sample_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(codec, "FAMILIES", {**FAMILIES, "another": None})
    assert codec.main(["--runs", "1"]) == 1
    assert "no sample of another" in capsys.readouterr().err


def test_a_frame_without_the_sound_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "base64", lambda pcm: "something else")
    with pytest.raises(ValueError, match="does not hold the sound"):
        codec.bare_encoding(SAMPLES["openai-ga"], AppendAudio(PCM))
