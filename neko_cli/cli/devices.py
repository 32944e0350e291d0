"""``neko devices``: microphones and loudspeakers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from neko_cli.cli.groups import CONTEXT, examples, with_default
from neko_cli.cli.interrupts import run_async
from neko_cli.cli.options import AsJson, Microphone, SpeakerName

app = typer.Typer(
    cls=with_default("list"),
    rich_markup_mode=None,
    add_completion=False,
    context_settings=CONTEXT,
    help="Microphones and loudspeakers.",
    epilog=examples("neko devices", "neko devices test --mic USB"),
)


@app.command("list")
def list_devices(json: AsJson = False) -> None:
    """The devices there are, with their sample rates; * marks the system's default."""
    from neko_cli.audio.rates import rates_taken
    from neko_cli.audio.sound import DeviceSound
    from neko_cli.core.errors import AudioError

    devices = run_async(DeviceSound().devices())
    rates = run_async(rates_taken(devices)) if devices else {}
    if json:
        import msgspec

        from neko_cli.core.text import to_json

        rows = [msgspec.to_builtins(device) | {"rates": rates.get(device.index, ())} for device in devices]
        sys.stdout.write(to_json(rows) + "\n")
        return
    if not devices:
        raise AudioError("There is no sound device.", hint="`neko doctor` looks for the reason.")
    from neko_cli.core.text import one_line

    for title, ours in (("Microphones", "inputs"), ("Loudspeakers", "outputs")):
        sys.stdout.write(f"{title}\n")
        for device in devices:
            if getattr(device, ours):
                default = device.default_input if ours == "inputs" else device.default_output
                mark = "*" if default else " "
                name = one_line(device.name, 60)
                taken = rates.get(device.index) or (device.default_rate,)
                where = f"{one_line(device.host_api, 20)}, {' '.join(map(str, taken))} Hz"
                sys.stdout.write(f" {mark}{device.index:>3}  {name}  ({where})\n")


@app.command(
    "test",
    epilog=examples("neko devices test --mic USB --seconds 10", "neko devices test --json"),
)
def sound_test(
    mic: Microphone = "",
    speaker: SpeakerName = "",
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=0.5, max=60.0, help="How long the meter runs.")
    ] = 3.0,
    json: AsJson = False,
) -> int:
    """Show the microphone's level, play three sweeps, measure how they come back, and say what it means.

    Delay and echo are measured by the sweeps; noise floor, clipping, rates and lost sound are told, too.
    It exits with 7 when a device is missing or the microphone gives nothing at all.
    """
    from neko_cli.audio.sound import DeviceSound
    from neko_cli.audio.stderr import quiet_libraries
    from neko_cli.cli.sound_check import run

    with quiet_libraries(None):
        return run_async(run(DeviceSound(), mic, speaker, seconds=seconds, json=json))
