"""``neko doctor``: the machine, the profile, and the program as a whole."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from neko_cli.cli.doctor import table
from neko_cli.cli.doctor_checks import facts
from neko_cli.cli.doctor_findings import Finding, Level, worst_code
from neko_cli.cli.doctor_machine import check_terminal, judge_devices
from neko_cli.cli.doctor_providers import check_profile, check_providers, survey_providers
from neko_cli.core.ports import DeviceInfo
from neko_cli.core.profile import Profile, ProviderTable
from neko_cli.wiring.options import Options
from tests.cli.running import KEY, clean, neko
from tests.fakes.http_box import http_box

NO_KEY: dict[str, str | None] = {
    "OPENAI_API_KEY": None,
    "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
}


def device(name: str, inputs: int = 0, outputs: int = 0, *, default: bool = False) -> DeviceInfo:
    return DeviceInfo(
        index=0, name=name, host_api="ALSA", inputs=inputs, outputs=outputs, default_rate=48_000,
        default_input=default and inputs > 0, default_output=default and outputs > 0,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEKO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return tmp_path / "home"


def write_profile(home: Path, name: str, text: str) -> None:
    folder = home / "config" / "profiles"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text)


def test_devices() -> None:
    found = judge_devices([device("Mic", 1), device("Best", 1, default=True), device("Out", 0, 2)])
    assert [(f.area, f.level) for f in found] == [("microphone", Level.OK), ("loudspeaker", Level.OK)]
    assert found[0].text == "Best, 48000 Hz and 1 more"
    assert [f.level for f in judge_devices([])] == [Level.WARNING, Level.WARNING]


def test_only_problems_make_an_exit_code() -> None:
    warning = Finding("a", Level.WARNING, "x", code=7)
    problem = Finding("a", Level.PROBLEM, "x", code=3)
    assert worst_code([]) == 0
    assert worst_code([warning]) == 0
    assert worst_code([warning, problem, Finding("b", Level.PROBLEM, "y", code=6)]) == 6


def test_the_table_is_aligned_and_sanitised() -> None:
    text = table(
        [Finding("a", Level.OK, "x\x1b[2J"), Finding("long", Level.PROBLEM, "y", "do it")], colour=False
    )
    assert text == "ok  a     x\nXX  long  y\n          do it\n"
    assert "\x1b[31mXX" in table([Finding("a", Level.PROBLEM, "x")], colour=True)


def test_profiles() -> None:
    profile, found = check_profile(Options())
    assert profile is not None
    assert found[0].level is Level.OK
    profile, found = check_profile(Options(profile="nobody"))
    assert profile is None
    assert (found[0].level, found[0].code) == (Level.PROBLEM, 2)
    assert check_profile(Options(provider="nobody"))[1][0].code == 2


def test_the_options_are_laid_over_the_profile(home: Path) -> None:
    write_profile(home, "mine", '[provider]\nname = "qwen"\nregion = "intl"\nmodel = "m"\n')
    profile, _ = check_profile(Options(profile="mine"))
    assert profile is not None
    assert (profile.provider.region, profile.provider.model) == ("intl", "m")
    profile, _ = check_profile(Options(profile="mine", provider="openai", url="ws://127.0.0.1:1"))
    assert profile is not None
    assert profile.provider == ProviderTable(name="openai", url="ws://127.0.0.1:1")


def test_whoever_is_set_up_is_found_with_the_key_of_a_conversation(home: Path, monkeypatch) -> None:
    write_profile(home, "there", '[provider]\nname = "chat"\nurl = "https://openrouter.ai/api/v1"\n')
    write_profile(home, "broken", "[provider\n")
    monkeypatch.setenv("OPENROUTER_API_KEY", "key-of-openrouter")
    monkeypatch.setenv("GEMINI_API_KEY", "key-of-gemini")
    survey = survey_providers(Profile())
    assert [(setup.table.name, target.key) for setup, target in survey.visits] == [
        ("embedded", ""),
        ("chat", "key-of-openrouter"),
        ("gemini", "key-of-gemini"),
    ]
    assert "key-of" not in repr(survey)


def test_a_damaged_file_of_keys_is_told_once(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    file = home / "config" / "keys.json"
    file.write_text("{")
    file.chmod(0o600)
    problems = [one for one in survey_providers(Profile()).findings if one.level is Level.PROBLEM]
    assert [(one.area, one.code) for one in problems] == [("keys", 2)]


async def test_nobody_is_visited_without_reach() -> None:
    async def last(name: str, url: str = "") -> Finding:
        return (await check_providers(Profile(provider=ProviderTable(name=name, url=url)), reach=False))[-1]

    assert (await last("embedded")).level is Level.OK
    assert (await last("openai", "ws://127.0.0.1:1")).text == "not tried"
    found = await last("azure-preview")
    assert (found.level, found.code) == (Level.PROBLEM, 2)
    assert "has no address" in found.text
    assert "your resource" in found.hint


def test_not_a_terminal_is_a_note() -> None:
    assert check_terminal()[0].level in (Level.NOTE, Level.OK, Level.WARNING)


def test_facts_name_what_is_missing_as_none() -> None:
    versions = facts()["libraries"]
    assert versions["typer"]
    assert set(versions) >= {"textual", "numpy", "pocketsphinx"}


# The program


def findings(home: Path, *arguments: str, code: int, env: dict[str, str | None]) -> dict[str, Any]:
    """What the program finds, by area."""
    done = neko("doctor", "--json", *arguments, home=home, env=env)
    clean(done)
    assert done.returncode == code, done.stdout
    return {finding["area"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_the_program_prints_json_and_writes_a_bundle_without_keys(tmp_path: Path) -> None:
    path = tmp_path / "report.zip"
    done = neko("doctor", "--no-reach", "--json", "--bundle", str(path), home=tmp_path)
    clean(done)
    assert done.returncode == 0
    areas = {finding["area"] for finding in json.loads(done.stdout)["findings"]}
    assert {"terminal", "profile", "key: openai", "folders", "engine", "embedded"} <= areas
    with zipfile.ZipFile(path) as archive:
        assert all(KEY.encode() not in archive.read(name) for name in archive.namelist())


def test_the_program_fails_for_what_the_wanted_provider_lacks(tmp_path: Path) -> None:
    done = neko("doctor", "--provider", "openai", "--no-reach", home=tmp_path, env=NO_KEY)
    clean(done)
    assert done.returncode == 3
    assert b"neko keys set openai" in done.stdout


def test_the_program_opens_a_session_and_says_nothing(tmp_path: Path, provider) -> None:
    server = provider()
    env = {**NO_KEY, "NEKO_PROVIDER": "openai", "NEKO_URL": server.url}
    found = findings(tmp_path, code=0, env=env)["openai"]
    assert "no key sent, session opened in " in found["text"]
    assert [event["type"] for event in server.received] == ["session.update"]
    seen = {stage["stage"]: stage for stage in found["stages"]}
    assert [(name, stage["outcome"]) for name, stage in seen.items()] == [
        ("name", "ok"), ("connect", "ok"), ("tls", "skipped"), ("handshake", "ok"), ("session", "ok"),
    ]  # fmt: skip
    assert seen["session"]["ms"] > 0


def test_the_program_tells_a_refused_key_by_its_exit_code(tmp_path: Path, provider) -> None:
    env = {**NO_KEY, "NEKO_TOKEN": KEY}
    done = neko("doctor", "--provider", "embedded", "--url", provider(refuse=401).url, home=tmp_path, env=env)
    clean(done)
    assert done.returncode == 3
    assert b"XX  embedded" in done.stdout
    assert b"rejected the key" in done.stdout
    assert b"neko keys set embedded" in done.stdout


def test_what_other_providers_lack_is_a_warning(tmp_path: Path, provider) -> None:
    dead = '[provider]\nname = "openai"\nurl = "ws://127.0.0.1:1"\n'
    write_profile(tmp_path, "dead", dead)
    write_profile(tmp_path, "unknown", dead.replace("ws://127.0.0.1:1", "wss://no.such.host.invalid"))
    write_profile(tmp_path, "refusing", dead.replace("ws://127.0.0.1:1", provider(refuse=403).url))
    done = neko("doctor", home=tmp_path, env=NO_KEY)
    clean(done)
    assert done.returncode == 0
    lines = [line for line in done.stdout.decode().splitlines() if line[2:].startswith("  openai ")]
    assert len(lines) == 3
    assert all(line.startswith("!!") for line in lines)
    # The same for the one that is asked for decides how it ends.
    assert neko("doctor", "--profile", "refusing", home=tmp_path, env=NO_KEY).returncode == 3


def test_the_program_asks_a_chat_server_for_its_models(tmp_path: Path) -> None:
    with http_box() as box:
        box.script["/v1/models"] = lambda request: request.answer_json(200, {"data": [{"id": "talker"}]})
        arguments = ["--provider", "chat", "--url", f"{box.url}/v1"]
        found = findings(tmp_path, *arguments, code=0, env=NO_KEY)["chat"]
        assert [sent.method for sent in box.requests] == ["GET"]
    assert "(model talker)" in found["text"]
    assert found["level"] == "ok"


def test_a_model_can_be_named_where_there_is_no_list(tmp_path: Path) -> None:
    with http_box() as box:
        arguments = ["--provider", "chat", "--url", f"{box.url}/v1"]
        without = findings(tmp_path, *arguments, code=0, env=NO_KEY)["chat"]
        named = findings(tmp_path, *arguments, "--model", "mine", code=0, env=NO_KEY)["chat"]
    assert (without["level"], named["level"]) == ("warning", "ok")
    assert "--model" in without["hint"]
