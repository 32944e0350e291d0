"""The desktop's portal: a real bus of our own, and a portal that the test plays."""

from __future__ import annotations

import io
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from neko_cli.core.companions.eyes import ScreenError
from neko_cli.core.companions.sources import parse_source
from neko_cli.core.ports import Look
from neko_cli.vision import portal
from neko_cli.vision.portal import BUS_NAME, OBJECT, REQUEST, portal_screenshot
from neko_cli.vision.screen import ScreenEye

jeepney = pytest.importorskip("jeepney")
pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="no dbus-daemon here")

PATIENCE = 10.0
CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path}</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>"""


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    """The address of a message bus of our own."""
    path = tmp_path / "b"
    (tmp_path / "bus.conf").write_text(CONFIGURATION.format(path=path))
    arguments = ["dbus-daemon", f"--config-file={tmp_path / 'bus.conf'}", "--nofork", "--print-address"]
    daemon = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert daemon.stdout is not None
    try:
        yield daemon.stdout.readline().strip()
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE)
        daemon.stdout.close()


class Portal:
    """Answers one request as the test says; ``asked`` holds what it was asked."""

    def __init__(self, address: str, answer: tuple[int, str] | None, *, refuse: bool = False) -> None:
        from jeepney.io.blocking import open_dbus_connection

        self.asked: queue.Queue[Any] = queue.Queue()
        self._answer, self._refuse = answer, refuse
        self._bus = open_dbus_connection(bus=address)
        self._bus.send_and_get_reply(jeepney.DBus().RequestName(BUS_NAME), timeout=PATIENCE)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            message = self._bus.receive(timeout=PATIENCE)
            fields = message.header.fields
            if fields.get(jeepney.HeaderFields.member) == "Screenshot":
                break
        self.asked.put(message.body)
        if self._refuse:
            self._bus.send(jeepney.new_error(message, "org.freedesktop.DBus.Error.UnknownMethod"))
            return
        sender = fields[jeepney.HeaderFields.sender]
        handle = f"{OBJECT}/request/{sender[1:].replace('.', '_')}/{message.body[1]['handle_token'][1]}"
        # As a quick portal does: the answer comes before the reply.
        if self._answer is not None:
            code, uri = self._answer
            emitter = jeepney.DBusAddress(handle, interface=REQUEST)
            signal = jeepney.new_signal(emitter, "Response", "ua{sv}", (code, {"uri": ("s", uri)}))
            signal.header.fields[jeepney.HeaderFields.destination] = sender
            self._bus.send(signal)
        self._bus.send(jeepney.new_method_return(message, "o", (handle,)))

    def close(self) -> None:
        self._thread.join(PATIENCE)
        self._bus.close()


@pytest.fixture
def play(bus: str) -> Iterator[Callable[..., Portal]]:
    made: list[Portal] = []

    def start(*arguments: Any, **options: Any) -> Portal:
        made.append(Portal(bus, *arguments, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


def screenshot(folder: Path) -> Path:
    path = folder / "shot ü.png"
    Image.new("RGB", (64, 48), "orange").save(path)
    return path


async def test_the_eye_sees_by_the_portal_and_its_file_is_removed(bus: str, play, tmp_path: Path) -> None:
    path = screenshot(tmp_path)
    served = play((0, path.as_uri()))
    eye = ScreenEye({"WAYLAND_DISPLAY": "w", "DBUS_SESSION_BUS_ADDRESS": bus, "PATH": str(tmp_path)})
    look = Look(source=parse_source("0"), media_types=("image/png",))
    glance = await eye.glance(look, lambda seen: True)
    assert glance.picture is not None
    assert Image.open(io.BytesIO(glance.picture.data)).getpixel((3, 3)) == (255, 165, 0)
    parent, options = served.asked.get(timeout=PATIENCE)
    assert parent == ""
    assert options["interactive"] == ("b", False)
    assert not path.exists()


def test_a_file_that_was_there_before_is_left_alone(bus: str, play, tmp_path: Path) -> None:
    import os

    path = screenshot(tmp_path)
    os.utime(path, (time.time() - 60, time.time() - 60))
    play((0, path.as_uri()))
    assert portal_screenshot(bus, timeout=PATIENCE) == path.read_bytes()


@pytest.mark.parametrize(
    ("answer", "options", "said"),
    [
        ((1, ""), {}, "it was not allowed"),
        ((0, "https://a.example/x.png"), {}, "that can be read"),
        ((0, "file:///no/such/file.png"), {}, "that can be read"),
        (None, {"refuse": True}, "there is none, or it cannot"),
    ],
)
def test_a_portal_that_gives_nothing_is_a_sentence(bus: str, play, answer, options, said: str) -> None:
    play(answer, **options)
    with pytest.raises(ScreenError, match=said):
        portal_screenshot(bus, timeout=PATIENCE)


def test_a_portal_that_never_answers_is_left(bus: str, play) -> None:
    play(None)
    began = time.monotonic()
    with pytest.raises(ScreenError, match="it does not answer"):
        portal_screenshot(bus, timeout=0.3)
    assert time.monotonic() - began < PATIENCE


def test_no_portal_and_no_bus_are_sentences(bus: str, tmp_path: Path) -> None:
    with pytest.raises(ScreenError, match="there is none, or it cannot"):
        portal_screenshot(bus, timeout=PATIENCE)
    for address in (f"unix:path={tmp_path / 'none'}", "nonsense", ""):
        with pytest.raises(ScreenError, match="there is no session bus"):
            portal_screenshot(address, timeout=PATIENCE)


def test_the_library_is_found() -> None:
    assert portal.has_library()
