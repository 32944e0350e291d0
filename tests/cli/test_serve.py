"""``neko serve``: its token, and the program."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from neko_cli.cli.serve import find_limit, find_tls, find_token, hint
from neko_cli.core.errors import ConfigError
from tests.cli.running import clean, neko, start
from tests.fakes.certificates import make_papers

TOKEN = "a-token-of-the-test"


def test_where_the_token_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    assert find_token("from-option", "", "from-environment") == ("from-option", False)
    assert find_token("", str(path), "from-environment") == (TOKEN, False)
    assert find_token("", "", "from-environment") == ("from-environment", False)
    one, made = find_token("", "", "")
    assert made
    assert len(one) >= 24
    assert find_token("", "", "")[0] != one


def test_a_missing_token_file_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "token"
    token, made = find_token("", str(path), "")
    assert made
    assert path.read_text().strip() == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert find_token("", str(path), "") == (token, False)


@pytest.mark.parametrize("token", ["short", "two words", "tökentöken", "a\x1b[0mbcdefgh"])
def test_bad_tokens(token: str) -> None:
    with pytest.raises(ConfigError, match="one word"):
        find_token(token, "", "")
    with pytest.raises(ConfigError, match="one word"):
        find_token("", "", token)


def test_token_files_that_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="Others can read"):
        find_token("", str(path), "")
    with pytest.raises(ConfigError, match="cannot be read"):
        find_token("", str(tmp_path), "") if os.geteuid() else _folder(tmp_path)
    with pytest.raises(ConfigError, match="together"):
        find_token(TOKEN, str(path), "")


def _folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    find_token("", str(tmp_path), "")


def test_a_known_token_is_not_repeated() -> None:
    assert TOKEN not in hint("ws://127.0.0.1:1/v1/realtime", "")
    assert TOKEN in hint("ws://127.0.0.1:1/v1/realtime", TOKEN)
    assert "http://127.0.0.1:1/v1 " in hint("ws://127.0.0.1:1/v1/realtime", "")


def test_each_library_is_told_its_address() -> None:
    plain = hint("ws://127.0.0.1:1/v1/realtime", "")
    assert "url=ws://127.0.0.1:1/api-ws/v1/realtime " in plain
    assert "insists on TLS: --tls-cert and --tls-key" in plain
    secure = hint("wss://127.0.0.1:1/v1/realtime", "")
    assert "GOOGLE_GEMINI_BASE_URL=https://127.0.0.1:1 " in secure
    assert "OPENAI_BASE_URL=https://127.0.0.1:1/v1 " in secure
    assert "url=wss://127.0.0.1:1/api-ws/v1/realtime " in secure


def test_tls_needs_both_files(tmp_path: Path) -> None:
    papers = make_papers(tmp_path)
    assert find_tls("", "") is None
    assert find_tls(str(papers.certificate), str(papers.key)) is not None
    for certificate, key in ((str(papers.certificate), ""), ("", str(papers.key))):
        with pytest.raises(ConfigError, match="needed together"):
            find_tls(certificate, key)


def test_a_bad_tls_file_is_one_sentence(tmp_path: Path) -> None:
    papers = make_papers(tmp_path / "tls")
    papers.key.unlink()
    done = neko(
        "serve", "--port", "0", "--tls-cert", str(papers.certificate), "--tls-key", str(papers.key),
        home=tmp_path / "home",
    )  # fmt: skip
    clean(done)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"cannot be read" in done.stderr


def test_it_serves_over_tls(tmp_path: Path) -> None:
    papers = make_papers(tmp_path / "tls")
    arguments = ["serve", "--port", "0", "--tls-cert", str(papers.certificate), "--tls-key", str(papers.key)]
    process = start(arguments, home=tmp_path, env={"NEKO_TOKEN": TOKEN})
    assert process.stdout is not None
    url = process.stdout.readline().decode().strip()
    assert url.startswith("wss://127.0.0.1:")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with connect(url, additional_headers=headers, proxy=None, ssl=papers.client()) as client:
        assert json.loads(client.recv(10))["type"] == "session.created"
    process.terminate()
    out, errors = process.communicate(timeout=20)
    clean(subprocess.CompletedProcess([], 0, out, errors))
    assert process.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 0)])
def test_it_serves_until_a_signal_ends_it(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process = start(["serve", "--port", "0"], home=tmp_path, env={"NEKO_TOKEN": TOKEN})
    assert process.stdout is not None
    url = process.stdout.readline().decode().strip()
    assert url.startswith("ws://127.0.0.1:")
    with connect(url, additional_headers={"Authorization": f"Bearer {TOKEN}"}, proxy=None) as client:
        assert json.loads(client.recv(10))["type"] == "session.created"
    with pytest.raises(InvalidStatus):
        connect(url, additional_headers={"Authorization": "Bearer wrong-token"}, proxy=None)
    process.send_signal(number)
    out, errors = process.communicate(timeout=20)
    clean(subprocess.CompletedProcess([], code, out, errors))
    assert process.returncode == code
    assert out == b""
    assert TOKEN.encode() not in errors


def test_a_random_token_is_told_once_and_works(tmp_path: Path) -> None:
    process = start(["serve", "--port", "0", "--json"], home=tmp_path, env={"NEKO_TOKEN": None})
    assert process.stdout is not None
    assert process.stderr is not None
    said = json.loads(process.stdout.readline())
    line = b""
    while not line.startswith(b"  token"):
        line = process.stderr.readline()
    token = line.split()[1].decode()
    assert str(said["port"]) in said["url"]
    with connect(said["url"], additional_headers={"Authorization": f"Bearer {token}"}, proxy=None) as client:
        assert json.loads(client.recv(10))["type"] == "session.created"
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert token.encode() not in errors


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_it_listens_on_this_machine_alone(tmp_path: Path, host: str) -> None:
    done = neko("serve", "--host", host, "--port", "0", home=tmp_path)
    clean(done)
    assert (done.returncode, done.stdout) == (2, b"")


def test_a_port_that_is_taken(tmp_path: Path, provider) -> None:
    port = provider().url.rsplit(":", 1)[1]
    done = neko("serve", "--port", port, home=tmp_path)
    clean(done)
    assert done.returncode == 2
    assert port.encode() in done.stderr


def test_neko_talks_with_the_engine_of_another_neko(tmp_path: Path) -> None:
    process = start(["serve", "--port", "0"], home=tmp_path / "server", env={"NEKO_TOKEN": TOKEN})
    assert process.stdout is not None
    url = process.stdout.readline().decode().strip()
    done = neko(
        "say", "What is two plus three?", "--provider", "embedded", "--url", url,
        home=tmp_path / "client", env={"NEKO_TOKEN": TOKEN},
    )  # fmt: skip
    clean(done)
    process.terminate()
    process.communicate(timeout=20)
    assert done.returncode == 0
    assert b"5" in done.stdout or b"five" in done.stdout


def test_a_session_limit_is_for_tests_alone() -> None:
    assert find_limit(None, allowed=False) == find_limit(None, allowed=True) == 3600
    assert find_limit(3, allowed=True) == 3
    with pytest.raises(ConfigError, match="tests alone"):
        find_limit(3, allowed=False)
    for seconds in (0, -1, 0.1, 3601, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match="allowed: 0.5 to 3600"):
            find_limit(seconds, allowed=True)


def test_without_insecure_test_a_session_limit_is_a_usage_error(tmp_path: Path) -> None:
    done = neko("serve", "--port", "0", "--session-limit", "3", home=tmp_path)
    clean(done)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--insecure-test" in done.stderr


def test_a_session_ends_at_the_limit(tmp_path: Path) -> None:
    arguments = ["serve", "--port", "0", "--session-limit", "0.5", "--insecure-test", "--quiet"]
    process = start(arguments, home=tmp_path, env={"NEKO_TOKEN": TOKEN})
    assert process.stdout is not None
    url = process.stdout.readline().decode().strip()
    with connect(url, additional_headers={"Authorization": f"Bearer {TOKEN}"}, proxy=None) as client:
        created = json.loads(client.recv(10))
        assert created["session"]["expires_at"] <= time.time() + 1
        error = json.loads(client.recv(10))
        assert (error["type"], error["error"]["code"]) == ("error", "session_expired")
        with pytest.raises(ConnectionClosed):
            client.recv(10)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
