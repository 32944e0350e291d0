"""``neko local`` as a process, against a real server."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.http_box import HttpBox, http_box

RUN = "import sys; from neko_cli.cli.app import run; sys.exit(run(sys.argv[1:]))"


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        yield running


def neko(*arguments: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "NEKO_HOME": str(home), **more}
    return subprocess.run(
        [sys.executable, "-c", RUN, "local", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=env,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_list_shows_what_can_be_installed(tmp_path: Path) -> None:
    run = neko("list", home=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "nothing yet" in run.stdout
    assert "whisper:base" in run.stdout
    found = json.loads(neko("list", "--json", home=tmp_path).stdout)
    assert found["installed"] == []
    assert {"whisper:tiny", "piper:de_DE-thorsten-medium"} <= {model["name"] for model in found["available"]}


def test_install_by_name_through_a_mirror_then_list_and_remove(box: HttpBox, tmp_path: Path) -> None:
    weights = os.urandom(3_000_000)
    base = "/Systran/faster-whisper-tiny/resolve/main"
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        box.script[f"{base}/{name}"] = lambda request: request.answer(200, b"{}")
    box.script[f"{base}/model.bin"] = lambda request: request.answer(200, weights)
    run = neko("install", "whisper:tiny", home=tmp_path, HF_ENDPOINT=box.url)
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""
    assert "model.bin: 100 % of 3.0 MB" in run.stderr
    assert 'recogniser = "whisper:tiny"' in run.stderr
    assert "No checksum was known" in run.stderr
    (model,) = json.loads(neko("list", "--json", home=tmp_path).stdout)["installed"]
    assert model["name"] == "whisper:tiny"
    assert (Path(model["path"]) / "model.bin").read_bytes() == weights
    assert "installed already" in neko("install", "tiny", home=tmp_path).stderr
    run = neko("remove", "whisper:tiny", home=tmp_path)
    assert (run.returncode, run.stdout) == (0, "")
    assert json.loads(neko("list", "--json", home=tmp_path).stdout)["installed"] == []


def test_without_a_network_it_says_so_at_once_with_the_networks_code(tmp_path: Path) -> None:
    run = neko("install", "http://127.0.0.1:9/model.zip", home=tmp_path)
    assert run.returncode == 6
    assert "No connection to 127.0.0.1:9." in run.stderr
    assert "Traceback" not in run.stderr


def test_on_a_terminal_there_is_a_bar_and_still_nothing_on_standard_output(
    box: HttpBox, tmp_path: Path
) -> None:
    weights = os.urandom(3_000_000)
    box.script["/xx_XX-a-low.onnx"] = lambda request: request.answer(200, weights)
    box.script["/xx_XX-a-low.onnx.json"] = lambda request: request.answer(200, b"{}")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", RUN, "local", "install", f"{box.url}/xx_XX-a-low.onnx"],
        env={**os.environ, "NEKO_HOME": str(tmp_path), "TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:
            pass  # Linux says so when the other end of a terminal is closed
        finally:
            os.close(ours)
        assert process.stdout is not None
        assert process.stdout.read() == b""
        assert process.wait(30) == 0, shown
    assert b"xx_XX-a-low.onnx" in shown
    assert b"3.0/3.0 MB" in shown
    assert b"Installed piper:xx_XX-a-low" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("install", "whisper:bass"),
        ("install", "./nowhere.onnx"),
        ("install", "http://example.com/a.zip"),
        ("install", "whisper:tiny", "--kind", "vosk"),
        ("install", "whisper:tiny", "--sha256", "abc"),
        ("remove", "whisper:tiny"),
        ("install",),
    ],
)
def test_a_mistake_is_a_sentence_and_code_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    run = neko(*arguments, home=tmp_path)
    assert run.returncode == 2, run.stderr
    assert run.stdout == ""
    assert run.stderr
    assert "Traceback" not in run.stderr


def test_the_help_of_local_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from neko_cli.cli.app import run\n"
        "code = run(['local', '--help'])\n"
        "heavy = {'httpx', 'numpy', 'rich.progress', 'textual', 'soxr', 'sounddevice'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else code)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "install" in run.stdout
