"""``neko say`` as a program, against a provider on a real socket."""

from __future__ import annotations

import json
import math
import os
import struct
import subprocess
import time
import wave
from pathlib import Path

import jsonschema
import pytest

from neko_cli.cli.schema import events_schema
from tests.cli.running import clean, neko, start


def write_wav(path: Path, parts: list[tuple[float, bool]], rate: int = 24_000) -> bytes:
    """Tones and silences, in seconds; returns the samples."""
    frames = b"".join(
        struct.pack("<h", int(8000 * math.sin(i * 0.1)) if loud else 0)
        for seconds, loud in parts
        for i in range(int(seconds * rate))
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames)
    return frames


@pytest.mark.parametrize(
    ("arguments", "given", "answer"),
    [
        (["hello"], b"", "You said: hello\n"),
        ([], b"piped\n", "You said: piped\n"),
        (["-"], b"dash", "You said: dash\n"),
        (["first"], b"second\n", "You said: first\n\nsecond\n"),
        (["first", "--no-stdin"], b"second\n", "You said: first\n"),
        (["--lines"], b"one\n\ntwo", "You said: one\n\nYou said: two\n"),
        (["--lines"], b"", ""),
    ],
)
def test_one_answer_and_nothing_else(provider, say, arguments, given, answer) -> None:
    done = say(provider(), *arguments, input=given)
    clean(done)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, answer, b"")


def test_a_pipe_that_stays_silent_is_not_waited_for_longer_than_a_second(provider, tmp_path: Path) -> None:
    server = provider()
    process = start(
        ["say", "hello", "--provider", "openai", "--url", server.url],
        home=tmp_path,
        stdin=subprocess.PIPE,
    )
    began = time.monotonic()
    assert process.stdout is not None
    assert process.stdout.read() == b"You said: hello\n"
    assert process.wait(10) == 0
    assert time.monotonic() - began < 8
    process.communicate()


def test_json_lines_are_valid_and_keep_hostile_text_as_escapes(provider, say) -> None:
    done = say(provider("hostile"), "hello", "--json")
    clean(done)
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout
    assert "\u202e".encode() not in done.stdout
    check = jsonschema.Draft202012Validator(events_schema())
    events = [json.loads(line) for line in done.stdout.decode().splitlines()]
    for event in events:
        check.validate(event)
    kinds = [event["type"] for event in events]
    assert kinds[0] == "status"
    assert kinds[-1] == "session_ended"
    for kind in ("connection", "user_text", "turn_started", "reply_text", "turn_ended"):
        assert kind in kinds
    ended = next(event for event in events if event["type"] == "turn_ended")
    assert "\x1b[31malarm" in ended["text"]


def test_hostile_text_reaches_a_pipe_without_its_teeth(provider, say) -> None:
    done = say(provider("hostile"), "hello")
    assert done.stdout == b"red alarm gnp.exe line\nbreak\n"
    assert say(provider("hostile"), "--lines", input=b"hello").stdout == b"red alarm gnp.exe line break\n"


def test_text_is_asked_for_unless_the_voice_goes_somewhere(provider, say, tmp_path: Path) -> None:
    server = provider()
    say(server, "hello")
    say(server, "hello", "--out", str(tmp_path / "r.wav"))
    say(server, "hello", "--json-audio")
    asked = [event["session"]["output_modalities"] for event in server.of("session.update")]
    assert asked == [["text"], ["audio"], ["audio"]]


def test_out_holds_the_voice(provider, say, tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    done = say(provider(), "hello", "--out", str(path))
    assert (done.returncode, done.stdout) == (0, b"You said: hello\n")
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.getnframes() == 24_000 * 400 // 1000
    assert path.stat().st_mode & 0o077 == 0


def test_out_to_standard_output_is_a_wav_and_nothing_else(provider, say) -> None:
    done = say(provider(), "hello", "--out", "-")
    assert done.returncode == 0
    assert done.stdout[:4] == b"RIFF"
    assert len(done.stdout) == 44 + 2 * 24_000 * 400 // 1000


def test_json_audio_holds_the_samples(provider, say) -> None:
    done = say(provider(), "hello", "--json-audio")
    events = [json.loads(line) for line in done.stdout.decode().splitlines()]
    audio = [event for event in events if event["type"] == "reply_audio"]
    assert sum(event["ms"] for event in audio) == 400
    assert all(event["pcm"] for event in audio)
    assert "reply_audio" not in say(provider(), "hello", "--json").stdout.decode()


def test_a_file_at_the_providers_rate_goes_out_bit_exact(provider, say, tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    samples = write_wav(path, [(0.2, False), (0.5, True)])
    server = provider()
    done = say(server, "--audio", str(path), "--pace", "fast")
    clean(done)
    assert (done.returncode, done.stdout) == (0, b"You said: sound number 1\n")
    assert bytes(server.sound).startswith(samples)
    assert not any(server.sound[len(samples) :])


def test_sound_from_a_pipe(provider, say, tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    write_wav(path, [(0.4, True)], rate=16_000)
    done = say(provider(), "--audio", "-", "--pace", "fast", input=path.read_bytes())
    assert (done.returncode, done.stdout) == (0, b"You said: sound number 1\n")


def test_every_utterance_of_a_file_is_answered(provider, say, tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    write_wav(path, [(0.3, True), (0.6, False), (0.3, True)])
    done = say(provider(), "--audio", str(path), "--pace", "fast", "--json")
    events = [json.loads(line) for line in done.stdout.decode().splitlines()]
    heard = [event["text"] for event in events if event["type"] == "user_text" and event["final"]]
    assert heard == ["sound number 1", "sound number 2"]
    ended = [event for event in events if event["type"] == "turn_ended"]
    assert len(ended) == 2


@pytest.mark.parametrize("pace", ["fast", "realtime"])
def test_a_connection_lost_in_mid_sentence_is_no_lost_sentence(
    provider, say, tmp_path: Path, pace: str
) -> None:
    """The spoken sentence goes to the next connection whole, so that the user need not repeat it."""
    spoken = write_wav(tmp_path / "in.wav", [(0.2, False), (1.5, True), (1.0, False)])
    server = provider("cuts")
    done = say(server, "--audio", str(tmp_path / "in.wav"), "--pace", pace)
    clean(done)
    assert (done.returncode, done.stdout) == (0, b"You said: sound number 1\n")
    assert server.links == 2
    sentence = spoken[int(0.2 * 24_000) * 2 : int(1.7 * 24_000) * 2]
    assert sentence in bytes(server.sound)
    assert done.stderr.decode().count("Trying again.") == 1


def test_real_time_takes_the_files_time(provider, say, tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    write_wav(path, [(1.5, True)])
    server = provider()
    assert say(server, "--audio", str(path)).returncode == 0
    sizes = {len(event["audio"]) for event in server.of("input_audio_buffer.append")[:10]}
    assert len(sizes) == 1


def test_manual_turns_are_committed_at_the_end_of_the_file(provider, say, tmp_path: Path) -> None:
    path, profile = tmp_path / "in.wav", tmp_path / "manual.toml"
    write_wav(path, [(0.4, True)])
    profile.write_text('extends = "default"\n[turns]\ndetection = "manual"\n')
    server = provider()
    done = say(server, "--audio", str(path), "--pace", "fast", "--profile", str(profile))
    assert (done.returncode, done.stdout) == (0, b"You said: sound number 1\n")
    assert len(server.of("input_audio_buffer.commit")) == 1


def test_instructions_and_model_and_voice_reach_the_provider(provider, say) -> None:
    server = provider()
    options = ["--system", "Be brief.", "--voice", "cedar", "--model", "m-1"]
    assert say(server, "hello", *options, "--json-audio").returncode == 0
    session = server.of("session.update")[0]["session"]
    assert session["instructions"].startswith("Be brief.")
    assert session["audio"]["output"]["voice"] == "cedar"


def test_a_picture_goes_before_the_words(provider, say, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "p.png"
    Image.new("RGB", (40, 30), "red").save(path)
    server = provider()
    assert say(server, "what is it?", "--image", str(path)).returncode == 0
    parts = [
        part["type"] for event in server.of("conversation.item.create") for part in event["item"]["content"]
    ]
    assert parts == ["input_image", "input_text"]


def test_a_failed_line_is_empty_and_the_rest_go_on(provider, say) -> None:
    done = say(provider("fails on bad"), "--lines", input=b"a\nbad\nb\n")
    clean(done)
    assert done.stdout == b"You said: a and more\n\nYou said: b and more\n"
    assert done.returncode == 6
    assert done.stderr.startswith(b"neko: ")


def test_when_every_model_has_reached_its_limit_the_code_says_so(provider, say) -> None:
    done = say(provider("limits on bad"), "--lines", input=b"a\nbad\nb\n")
    clean(done)
    assert done.stdout == b"You said: a and more\n\n"
    assert done.returncode == 5
    assert done.stderr.count(b"exhausted.") == 1
    assert b"no connection" not in done.stderr


@pytest.mark.parametrize("behaviour", ["deaf", "stalls"])
def test_a_line_that_is_not_answered_in_time_is_one_empty_line(provider, say, behaviour: str) -> None:
    done = say(provider(behaviour), "--lines", "--timeout", "0.7", input=b"a\nb\n")
    clean(done)
    assert (done.returncode, done.stdout) == (6, b"\n\n")


def test_a_rate_limit_that_refuses_the_connection_again_ends_the_lines(provider, say) -> None:
    done = say(provider("limits when it drops"), "--lines", input=b"a\nb\nc\nd\ne\n")
    clean(done)
    assert done.stdout == b"You said: a\n\n"
    assert done.returncode == 5
    assert done.stderr.count(b"neko: ") == 1


def test_a_lost_connection_costs_nothing_but_a_line_on_standard_error(provider, say) -> None:
    done = say(provider("drops"), "--lines", input=b"a\nb\nc\n")
    clean(done)
    assert done.stdout == b"You said: a\nYou said: b\nYou said: c\n"
    assert done.returncode == 0
    [line] = done.stderr.decode().splitlines()  # lost twice within moments: one outage
    assert line.endswith("Trying again.")


def test_quiet_says_nothing_of_a_lost_connection_that_came_back(provider, say) -> None:
    done = say(provider("drops"), "--lines", "--quiet", input=b"a\nb\n")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("status", "code"), [(401, 3), (403, 3), (404, 4), (429, 5), (500, 6), (503, 6)])
def test_a_refused_connection(provider, say, status: int, code: int) -> None:
    done = say(provider(refuse=status), "hello")
    clean(done)
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.startswith(b"neko: ")


@pytest.mark.parametrize("behaviour", ["nothing", "deaf", "stalls"])
def test_a_provider_that_does_not_answer_ends_with_the_time_limit(provider, say, behaviour: str) -> None:
    began = time.monotonic()
    done = say(provider(behaviour), "hello", "--timeout", "1")
    clean(done)
    assert done.returncode == 6
    assert b"1 s" in done.stderr
    assert time.monotonic() - began < 8


def test_a_provider_that_sends_garbage(provider, say) -> None:
    done = say(provider("garbage"), "hello", "--timeout", "5")
    clean(done)
    assert (done.returncode, done.stdout) == (6, b"")


def test_a_failure_is_a_json_line_too(say, provider, tmp_path: Path) -> None:
    done = neko("say", "hello", "--json", "--provider", "openai", "--url", "ws://127.0.0.1:1", home=tmp_path)
    clean(done)
    events = [json.loads(line) for line in done.stdout.decode().splitlines()]
    failures = [event for event in events if event["type"] == "failure"]
    assert done.returncode == 6
    assert all(failure["category"] == "link" for failure in failures)
    assert [failure["fatal"] for failure in failures] == [False] * (len(failures) - 1) + [True]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["hello", "--url", "ws://127.0.0.1:1", "--provider", "openai"], 6, b"127.0.0.1"),
        (["hello", "--url", "ws://example.com/x", "--provider", "openai"], 2, b"--insecure"),
        (["hello", "--provider", "nobody"], 2, b"nobody"),
        (["hello", "--profile", "missing"], 2, b"missing"),
        (["hello", "--profile", "broken.toml"], 2, b"broken.toml"),
        (["hello", "--profile", "wrong.toml"], 2, b"speed"),
        (["--audio", "missing.wav", "--provider", "openai"], 2, b"missing.wav"),
        (["--audio", "broken.toml", "--provider", "openai"], 2, b"broken.toml"),
        (["hello", "--out", "no/such/folder/r.wav", "--provider", "openai"], 2, b"folder"),
        (["hello", "--image", "missing.png", "--provider", "openai"], 2, b"missing.png"),
        (["hello", "--out", "-", "--json"], 2, b"--out"),
        (["hello", "--bogus"], 2, b"--bogus"),
        (["hello", "--timeout", "soon"], 2, b"timeout"),
        (["hello", "--timeout", "0"], 2, b"--timeout"),
        (["hello", "there"], 2, b"there"),
        ([], 2, b"nothing to say"),
    ],
)
def test_mistakes_are_one_sentence_and_a_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, word: bytes
) -> None:
    (tmp_path / "broken.toml").write_text("[character\n")
    (tmp_path / "wrong.toml").write_text("[voice]\nspeed = 9.0\n")
    monkeypatch.chdir(tmp_path)
    done = neko("say", *arguments, home=tmp_path / "home")
    clean(done)
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.startswith(b"neko: ")
    assert word in done.stderr
    assert len(done.stderr.splitlines()) <= 3


def test_a_missing_key(tmp_path: Path) -> None:
    done = neko("say", "hello", "--provider", "openai", home=tmp_path, env={"OPENAI_API_KEY": None})
    clean(done)
    assert done.returncode == 3
    assert b"neko keys set openai" in done.stderr


def test_settings_come_from_the_environment(provider, tmp_path: Path) -> None:
    server = provider()
    env = {"NEKO_PROVIDER": "openai", "NEKO_URL": server.url, "NEKO_MODEL": "m-2"}
    done = neko("say", "hello", home=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (0, b"You said: hello\n")


def test_the_log_is_private_and_holds_neither_key_nor_words(provider, say, tmp_path: Path) -> None:
    done = say(provider(), "my-secret-words", "--debug")
    assert done.returncode == 0
    (log,) = (tmp_path / "home" / "log").glob("neko.log")
    assert str(log).encode() in done.stderr
    assert log.stat().st_mode & 0o077 == 0
    text = log.read_text()
    assert "link 1 is live" in text
    assert "my-secret-words" not in text
    assert "sk-test" not in text


def test_a_recording_is_made(provider, say, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    assert say(provider(), "hello", "--record", str(path)).returncode == 0
    text = path.read_text()
    assert "neko-recording" in text.splitlines()[0]
    assert "sk-test" not in text
    assert os.stat(path).st_mode & 0o077 == 0  # noqa: PTH116


def test_an_answer_that_nobody_hears_is_printed_and_ends_with_the_sound_code(
    provider, tmp_path: Path
) -> None:
    url = provider().url
    done = neko(
        "say", "hello", "--play", "--provider", "openai", "--url", url,
        home=tmp_path,
        env={"PULSE_SERVER": "unix:/nonexistent"},
    )  # fmt: skip
    assert done.stdout == b"You said: hello\n"
    assert done.returncode == 7
    assert b"No sound" in done.stderr
