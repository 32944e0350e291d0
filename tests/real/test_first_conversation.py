"""From the first command to talking with the character, with real sound and a real terminal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import jsonschema
import pytest

from tests.real.conftest import require
from tests.real.program import Home
from tests.real.pulse import PulseBox
from tests.real.speech import identify, speak_into
from tests.real.terminal import Terminal

pytestmark = pytest.mark.timeout(120)

spoken = pytest.mark.serial
"""What is said into a microphone has gaps where the machine is busy, and is not understood then."""

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path, pulse_box: PulseBox) -> Home:
    return Home(tmp_path / "home", pulse_box.env)


@pytest.fixture
def silent_home(tmp_path) -> Home:
    """No sound system at all."""
    nowhere = {"PULSE_SERVER": "unix:/nonexistent"}
    return Home(tmp_path / "home", nowhere)


def chat(home: Home, *arguments: str, columns: int = 80, rows: int = 24) -> Terminal:
    require([] if shutil.which("tmux") else ["tmux"])
    command = [*home.neko, "chat", "--profile", "test", *arguments]
    return Terminal(command, columns=columns, rows=rows, env=home.env, cwd=ROOT)


# -- the app --------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 36)])
def test_typed_text_is_answered_on_the_screen_and_aloud(home, pulse_box, columns, rows):
    recording = pulse_box.record_speaker()
    with chat(home, columns=columns, rows=rows) as terminal:
        terminal.wait_for("Type a message")
        terminal.wait_for("listening|hands-free")
        terminal.type("what is two plus two?")
        terminal.press("Enter")
        terminal.wait_for("Two plus two is 4")
        recording.wait_for_sound()
        terminal.press("C-q")
        assert terminal.exit_status() == 0


@spoken
def test_spoken_words_are_shown_and_answered(home, pulse_box, tmp_path):
    wav = speak_into(tmp_path / "q.wav", "what is two plus two", rate=48_000)
    with chat(home) as terminal:
        terminal.wait_for("listening|hands-free")
        pulse_box.play_as_microphone(wav)
        terminal.wait_for("what is two plus two", timeout=20.0)
        terminal.wait_for("Two plus two is 4", timeout=20.0)
        terminal.press("C-q")
        assert terminal.exit_status() == 0


@spoken
def test_our_own_detector_ends_spoken_turns(home, pulse_box, tmp_path):
    home.with_tables('[turns]\ndetection = "local"\n')
    wav = speak_into(tmp_path / "q.wav", "what is two plus two", rate=48_000)
    with chat(home) as terminal:
        terminal.wait_for("listening|hands-free")
        pulse_box.play_as_microphone(wav)
        terminal.wait_for("what is two plus two", timeout=20.0)
        terminal.wait_for("Two plus two is 4", timeout=20.0)
        terminal.wait_for("hands-free")
        terminal.press("C-q")
        assert terminal.exit_status() == 0


@spoken
def test_silence_ends_a_turn_that_a_key_began(home, pulse_box, tmp_path):
    wav = speak_into(tmp_path / "q.wav", "what is two plus two", rate=48_000)
    with chat(home, "--push-to-talk") as terminal:
        terminal.wait_for("○ idle")
        terminal.press("C-t")
        terminal.wait_for("talking")
        pulse_box.play_as_microphone(wav)
        terminal.wait_for("Two plus two is 4", timeout=25.0)
        terminal.wait_for("open, nothing sent")
        terminal.press("C-q")
        assert terminal.exit_status() == 0


def test_a_tool_is_asked_about_then_carried_out(silent_home):
    """A program of the user's own, with the question on the screen that nothing typed answers."""
    program = silent_home.folder / "weather.sh"
    program.write_text('cat >asked.json\necho \'{"sky": "clear"}\'\n')
    silent_home.with_tables(
        "[tools.command.weather]\n"
        'description = "The weather now."\n'
        f'run = ["sh", "{program}"]\n'
        f'folder = "{silent_home.folder}"\n'
        'parameters = { type = "object", properties = { town = { type = "string" } } }\n'
    )
    with chat(silent_home, columns=100, rows=30) as terminal:
        terminal.wait_for("Type a message")
        terminal.type("what is the weather in town Ulm?")
        terminal.press("Enter")
        terminal.wait_for("May Neko use weather")
        terminal.type("a note")
        assert not (silent_home.folder / "asked.json").exists()
        terminal.wait_for("5[0-8] s left")  # a key counts only once the question could be read
        terminal.press("F6")
        terminal.wait_for("sky clear", timeout=15.0)
        screen = terminal.wait_for("Neko used weather")
        assert "a note" in screen, "what was typed meanwhile is still there"
        asked = json.loads((silent_home.folder / "asked.json").read_text())
        assert "Ulm" in asked["town"]
        terminal.press("C-q")
        assert terminal.exit_status() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_app_and_gives_the_terminal_back(home, number):
    shell = [
        "sh",
        "-c",
        f'{" ".join(home.neko)} chat --profile test; echo "after: $?"; stty -a | grep -o " echo "; read x',
    ]
    with Terminal(shell, env=home.env, cwd=ROOT) as terminal:
        terminal.wait_for("listening|hands-free")
        os.kill(child_of(terminal.pid), number)
        screen = terminal.wait_for(r"after: \d+")
        terminal.wait_for(r"(?m)^ echo$")
        assert "Traceback" not in screen
        terminal.press("Enter")


def child_of(pid: int) -> int:
    """The only child of a process."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def test_without_sound_it_is_a_text_chat_that_says_what_is_missing(silent_home):
    with chat(silent_home) as terminal:
        terminal.wait_for("(?i)no (sound|microphone|speaker|loudspeaker)|sound system")
        terminal.type("what is two plus two?")
        terminal.press("Enter")
        terminal.wait_for("Two plus two is 4")
        terminal.press("C-q")
        assert terminal.exit_status() == 0


def test_a_tiny_terminal_is_survived_and_grows(home):
    with chat(home, columns=20, rows=5) as terminal:
        terminal.wait_for("[>│─]|Type|neko|Neko")
        terminal.type("hello")
        terminal.press("Enter")
        terminal.resize(80, 24)
        terminal.wait_for("Neko here")
        terminal.press("C-q")
        assert terminal.exit_status() == 0


# -- say ------------------------------------------------------------------------------------


def test_a_piped_question_gives_one_answer_and_nothing_else(home):
    done = home.run("say", "--profile", "test", text="what is two plus two?\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Two plus two is 4.\n", "")


def test_json_holds_to_its_schema(home):
    schema = json.loads((ROOT / "docs" / "events.schema.json").read_text())
    done = home.run("say", "--profile", "test", "--json", "what is two plus two?")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for event in events:
        jsonschema.validate(event, schema)
    ended = [event for event in events if event["type"] == "turn_ended"]
    assert [event["text"] for event in ended] == ["Two plus two is 4."]
    assert done.returncode == 0


def test_the_voice_in_a_file_says_what_is_printed(home, tmp_path):
    out = tmp_path / "r.wav"
    done = home.run("say", "--profile", "test", "--out", str(out), "what is two plus two?")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Two plus two is 4.\n"
    candidates = [f"two plus two is {n}" for n in ("three", "four", "five", "six", "nine")]
    assert identify(out, candidates) == "two plus two is four"


@pytest.mark.parametrize("pace", ["realtime", "fast"])
def test_a_spoken_file_is_heard_and_answered(home, tmp_path, pace):
    wav = speak_into(tmp_path / "q.wav", "what is two plus two")
    done = home.run("say", "--profile", "test", "--audio", str(wav), "--pace", pace, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    heard = [e["text"] for e in events if e["type"] == "user_text" and e["final"]]
    answers = [e["text"] for e in events if e["type"] == "turn_ended"]
    assert heard == ["what is two plus two"], done.stderr
    assert answers == ["Two plus two is 4."]
    assert done.returncode == 0


def test_two_spoken_sentences_are_two_turns(home, tmp_path):
    wav = speak_into(tmp_path / "q.wav", "what is two plus two", "tell me your name", pause_ms=2500)
    done = home.run("say", "--profile", "test", "--audio", str(wav), "--pace", "fast")
    assert done.returncode == 0, done.stderr
    assert "Two plus two is 4." in done.stdout
    assert "Neko" in done.stdout


@spoken
def test_the_microphone_is_listened_to_once(home, pulse_box, tmp_path):
    wav = speak_into(tmp_path / "q.wav", "what is two plus two", rate=48_000)
    run = subprocess.Popen(
        [*home.neko, "say", "--profile", "test", "--listen", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=home.env,
    )
    assert run.stdout is not None
    try:
        for line in run.stdout:
            event = json.loads(line)
            if event["type"] == "status" and event["new"] == "listening":
                pulse_box.play_as_microphone(wav)
            if event["type"] == "turn_ended":
                assert event["text"] == "Two plus two is 4."
                break
        assert run.wait(20) == 0
    finally:
        run.kill()
        run.communicate()


@spoken
def test_open_loudspeakers_do_not_talk_back_to_the_character(home, pulse_box):
    pulse_box.pactl(
        "load-module", "module-loopback", "source=speaker.monitor", "sink=mic_in", "latency_msec=20",
        "source_dont_move=true", "sink_dont_move=true",
    )  # fmt: skip
    recording = pulse_box.record_speaker()
    with chat(home) as terminal:
        terminal.wait_for("hands-free")
        terminal.type("who are you?")
        terminal.press("Enter")
        terminal.wait_for("waits \\(half duplex\\)")
        recording.wait_for_sound()
        screen = terminal.wait_for("hands-free", timeout=30.0)
        assert screen.count("You") == 1
        terminal.type("what is two plus two?")
        terminal.press("Enter")
        screen = terminal.wait_for("Two plus two is 4", timeout=30.0)
        assert screen.count("▌ You") == 2
