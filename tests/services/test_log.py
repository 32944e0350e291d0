"""The debug log: private, rotating, without keys."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.services import log as logs

SECRET = "correct-horse-battery"


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    level, raising = root.level, logging.raiseExceptions
    yield
    logs.stop()
    root.setLevel(level)
    logging.raiseExceptions = raising


def test_entries_are_redacted_and_the_file_is_private(tmp_path: Path) -> None:
    path = logs.start(tmp_path, secrets=[SECRET, ""])
    assert path is not None
    log = logging.getLogger("neko.test")
    log.debug("Authorization: Bearer %s and sk-%s and %s", "abcdefghijklmnop", "1234567890abcdef", SECRET)
    text = path.read_text()
    assert "neko.test" in text
    for secret in ("abcdefghijklmnop", "1234567890abcdef", SECRET):
        assert secret not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_traceback_tells_where_but_not_what(tmp_path: Path) -> None:
    path = logs.start(tmp_path)
    assert path is not None
    for error in (ValueError("what the user said"), ConfigError("No such profile.")):
        try:
            raise error
        except Exception:
            logging.getLogger("neko.test").exception("failed")
    text = path.read_text()
    assert "what the user said" not in text
    assert "ValueError" in text
    assert "test_log.py" in text
    assert "No such profile." in text


def test_libraries_that_log_content_are_kept_to_warnings(tmp_path: Path) -> None:
    path = logs.start(tmp_path)
    assert path is not None
    logging.getLogger("websockets.client").debug("a frame with words")
    assert "words" not in path.read_text()


def test_it_rotates_privately(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 500)
    logs.start(tmp_path)
    for number in range(40):
        logging.getLogger("neko.test").info("entry %d", number)
    files = list(tmp_path.iterdir())
    assert 2 <= len(files) <= logs.KEPT_FILES + 1
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


def test_a_log_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    assert logs.start(tmp_path / "missing") is None


def test_the_end_of_the_log(tmp_path: Path) -> None:
    assert logs.recent(tmp_path) == ""
    (tmp_path / logs.FILE).write_text("first\n" + "x" * 100 + "\nsk-1234567890abcdef\nlast\n")
    text = logs.recent(tmp_path, limit=40)
    assert text.endswith("last\n")
    assert "1234567890abcdef" not in text
    assert "first" not in text


def test_without_debug_nothing_reaches_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.silence()
    logging.getLogger("neko.test").warning("hello")
    assert capsys.readouterr().err == ""
