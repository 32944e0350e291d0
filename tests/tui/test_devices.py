"""Choosing a device: the list, the command, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from neko_cli.core.device_standing import DeviceKind
from neko_cli.core.errors import NoSpeaker
from neko_cli.core.events import Severity
from neko_cli.core.ports import DeviceInfo
from neko_cli.testing.scripted import Call, ScriptedSession
from neko_cli.tui.actions import complete, understand
from neko_cli.tui.devices import Choice, DeviceDesk, choices

DEVICES = [
    DeviceInfo(0, "Built-in", "Core Audio", 1, 2, 48_000, True, True),
    DeviceInfo(1, "Head\x1b[31mset", "Core Audio", 1, 2, 44_100),
    DeviceInfo(2, "Built-in", "MME", 1, 2, 44_100),
    DeviceInfo(3, "Line out", "MME", 0, 2, 44_100),
]


def test_the_list_holds_each_able_device_once_the_default_first() -> None:
    rows = choices(DEVICES, DeviceKind.MICROPHONE, "Built-in")
    assert [row.name for row in rows] == ["", "Built-in", "Head\x1b[31mset"]
    assert rows[1] == Choice("Built-in", "Built-in", "Core Audio, 48000 Hz, the default now", in_use=True)
    assert "\x1b" not in rows[2].label
    assert [row.name for row in choices(DEVICES, DeviceKind.SPEAKER, "")][-1] == "Line out"


class Desk:
    """A desk whose user picks what the test says."""

    def __init__(self, picked: str | None = None, *, runs: bool = True) -> None:
        self.session = ScriptedSession()
        self.session.devices.there = DEVICES
        self.told: list[str] = []
        self.listed: list[tuple[str, Sequence[Choice]]] = []

        async def pick(title: str, rows: Sequence[Choice]) -> str | None:
            self.listed.append((title, rows))
            return picked

        def tell(text: str, aside: str, severity: Severity) -> None:
            self.told.append(text)

        self.desk = DeviceDesk(lambda: self.session if runs else None, pick, tell)


async def test_one_is_picked_from_the_list() -> None:
    user = Desk("Line out")
    await user.desk.choose(DeviceKind.SPEAKER, "")
    assert user.listed[0][0] == "Loudspeaker"
    assert user.session.calls == [Call("use_speaker", ("Line out",))]
    assert user.told == ["Loudspeaker: Line out."]


async def test_nothing_is_picked() -> None:
    user = Desk(None)
    await user.desk.choose(DeviceKind.MICROPHONE, "")
    assert (user.session.calls, user.told) == ([], [])


@pytest.mark.parametrize(("typed", "name"), [(" head ", "head"), ("default", ""), ("2", "2")])
async def test_a_name_is_typed(typed: str, name: str) -> None:
    user = Desk()
    await user.desk.choose(DeviceKind.MICROPHONE, typed)
    assert user.listed == []
    assert user.session.calls == [Call("use_microphone", (name,))]


async def test_a_refusal_is_left_to_who_tells_it() -> None:
    user = Desk()
    user.session.fail_next("use_speaker", NoSpeaker("There is no such thing."))
    with pytest.raises(NoSpeaker):
        await user.desk.choose(DeviceKind.SPEAKER, "x")
    assert user.told == []


async def test_without_a_session_it_is_said() -> None:
    user = Desk(runs=False)
    await user.desk.choose(DeviceKind.SPEAKER, "x")
    assert user.told == ["That needs a running session."]


def test_the_commands_take_a_name() -> None:
    assert understand("/mic USB Headset").argument == "USB Headset"
    assert understand("/speaker").action == "speaker"
    assert complete("/speaker d") == "/speaker default"
