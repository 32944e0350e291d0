"""The devices as they are now, by a process of its own: ``python -m neko_cli.audio.listing`` prints JSON.

PortAudio reads the devices only when it is initialised, which is not allowed while a stream is open. A
fresh process (about 0.2 s) sees what was plugged in meanwhile, and disturbs no stream.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import msgspec

from neko_cli.audio.programs import output_of
from neko_cli.core.errors import AudioError
from neko_cli.core.ports import DeviceInfo

DEADLINE_S = 4.0


async def listed_elsewhere() -> Sequence[DeviceInfo] | None:
    """The devices there are; None when that could not be found out in time."""
    told = await output_of([sys.executable, "-m", __name__], within=DEADLINE_S)
    try:
        return msgspec.json.decode(told, type=list[DeviceInfo]) if told is not None else None
    except msgspec.MsgspecError:
        return None


def main() -> int:
    """Print the list."""
    from neko_cli.audio.streams import read_devices

    try:
        devices = read_devices()
    except AudioError:
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(devices))
    return 0


if __name__ == "__main__":
    sys.exit(main())
