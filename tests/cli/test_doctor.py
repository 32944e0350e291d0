"""``neko doctor``."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from neko_cli.cli.doctor import table
from neko_cli.cli.doctor_checks import (
    Asked,
    Finding,
    Level,
    check_keys,
    check_profile,
    check_reach,
    check_terminal,
    facts,
    judge_devices,
    worst_code,
)
from neko_cli.core.ports import DeviceInfo
from tests.cli.running import KEY, clean, neko


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


def key_of(name: str, wanted: str, url: str = "") -> Finding:
    found = {finding.area: finding for finding in check_keys(wanted, url)}
    others = [one.level for area, one in found.items() if area != f"key: {wanted}"]
    assert Level.PROBLEM not in others
    return found[f"key: {name}"]


def test_a_key_matters_for_the_provider_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_API_KEY", raising=False)
    assert key_of("openai", wanted="embedded").level is Level.NOTE
    found = key_of("openai", wanted="openai")
    assert (found.level, found.code) == (Level.PROBLEM, 3)
    assert "neko keys set openai" in found.hint
    assert key_of("openai", wanted="openai", url="ws://127.0.0.1:1").level is Level.NOTE
    # Every user of Azure has an address of Azure's: the key is needed all the same.
    for name in ("azure", "azure-preview"):
        assert key_of(name, name, "https://mine.openai.azure.com").level is Level.PROBLEM
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    found = key_of("openai", wanted="openai")
    assert found.level is Level.OK
    assert KEY not in found.text


def test_profiles(home: Path) -> None:
    profile, found = check_profile(Asked())
    assert profile is not None
    assert found[0].level is Level.OK
    profile, found = check_profile(Asked(profile="nobody"))
    assert profile is None
    assert (found[0].level, found[0].code) == (Level.PROBLEM, 2)
    assert check_profile(Asked(provider="nobody"))[1][0].code == 2


async def test_reach(provider) -> None:
    assert (await check_reach("embedded", "", wanted=True))[0].level is Level.OK
    assert (await check_reach("openai", "", wanted=False))[0].level is Level.NOTE
    (found,) = await check_reach("openai", provider().url, wanted=True)
    assert found.level is Level.OK
    assert "not encrypted" in found.text
    (found,) = await check_reach("openai", "ws://127.0.0.1:1", wanted=True)
    assert (found.level, found.code) == (Level.PROBLEM, 6)
    (found,) = await check_reach("openai", "not an address", wanted=True)
    assert found.level is Level.PROBLEM
    (found,) = await check_reach("azure-preview", "", wanted=True)
    assert (found.level, found.code) == (Level.PROBLEM, 2)
    assert "has no address" in found.text
    assert "your resource" in found.hint


async def test_the_region_decides_what_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    from neko_cli.cli import doctor_checks

    async def connect(address: str) -> str:
        return address

    monkeypatch.setattr(doctor_checks, "_connect", connect)
    (found,) = await check_reach("qwen", "", wanted=True)
    assert found.text.startswith("dashscope.aliyuncs.com ")
    (found,) = await check_reach("qwen", "", region="intl", wanted=True)
    assert found.text.startswith("dashscope-intl.aliyuncs.com ")
    assert await check_reach("qwen", "", region="mars", wanted=True) == []


async def test_encryption_is_asked_for_where_the_address_says_so(provider) -> None:
    (found,) = await check_reach("openai", provider().url.replace("ws:", "wss:"), wanted=True)
    assert (found.level, found.code) == (Level.PROBLEM, 6)


async def test_a_server_that_takes_no_connection_ends_with_the_time_limit(monkeypatch) -> None:
    import asyncio

    from neko_cli.cli import doctor_checks

    async def never(address: str) -> str:
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr(doctor_checks, "REACH_TIMEOUT_S", 0.05)
    monkeypatch.setattr(doctor_checks, "_connect", never)
    (found,) = await check_reach("openai", "wss://example.invalid", wanted=True)
    assert "does not answer" in found.text


def test_not_a_terminal_is_a_note() -> None:
    assert check_terminal()[0].level in (Level.NOTE, Level.OK, Level.WARNING)


def test_facts_name_what_is_missing_as_none() -> None:
    versions = facts()["libraries"]
    assert versions["typer"]
    assert set(versions) >= {"textual", "numpy", "pocketsphinx"}


def test_the_program_prints_json_and_writes_a_bundle_without_keys(tmp_path: Path) -> None:
    path = tmp_path / "report.zip"
    done = neko("doctor", "--json", "--bundle", str(path), home=tmp_path)
    clean(done)
    assert done.returncode == 0
    areas = {finding["area"] for finding in json.loads(done.stdout)["findings"]}
    assert {"terminal", "profile", "key: openai", "folders", "engine", "server"} <= areas
    with zipfile.ZipFile(path) as archive:
        assert all(KEY.encode() not in archive.read(name) for name in archive.namelist())


def test_the_program_fails_for_what_the_wanted_provider_lacks(tmp_path: Path) -> None:
    env = {"OPENAI_API_KEY": None, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    done = neko("doctor", "--provider", "openai", "--no-reach", home=tmp_path, env=env)
    clean(done)
    assert done.returncode == 3
    assert b"neko keys set openai" in done.stdout
