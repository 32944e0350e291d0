"""``neko doctor``: what works here, what does not, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neko_cli.cli import options
from neko_cli.cli import wanted as asking
from neko_cli.cli.exits import Exit, tell, wants_colour
from neko_cli.cli.groups import CONTEXT, examples
from neko_cli.cli.interrupts import run_async

if TYPE_CHECKING:
    from neko_cli.cli.doctor_findings import Finding

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=CONTEXT)

_MARKS = {"ok": ("ok", "32"), "note": ("--", "2"), "warning": ("!!", "33"), "problem": ("XX", "31")}


@app.command(
    epilog=examples(
        "neko doctor",
        "neko doctor --provider openai",
        "neko doctor --no-reach",
        "neko doctor --bundle report.zip",
    )
)
def doctor(
    json: options.AsJson = False,
    bundle: Annotated[
        str,
        typer.Option(
            "--bundle",
            metavar="FILE",
            help="Write a zip for a bug report, without keys and content.",
            show_default=False,
        ),
    ] = "",
    reach: Annotated[
        bool,
        typer.Option("--reach/--no-reach", help="Open a session with each provider, and close it at once."),
    ] = True,
    profile: options.ProfileName = "",
    provider: options.ProviderName = "",
    model: options.ModelName = "",
    url: options.Url = "",
    insecure: options.Insecure = False,
) -> int:
    """Check sound, screen, terminal, keys, folders, the embedded engine and the providers.

    Looked at are the provider that would answer, those that your own profiles name, and those for which
    there is a key: name, connection, certificate, handshake and key, all at once, at most 12 s. They get
    the key and the settings of a session; nothing is said to them. Only what the first one lacks counts
    for the exit code.
    """
    from neko_cli.cli.doctor_checks import examine, facts
    from neko_cli.cli.doctor_findings import worst_code
    from neko_cli.services import log

    log.silence()  # no library's complaint among the findings
    wanted = asking.Wanted(profile=profile, provider=provider, model=model, url=url, insecure=insecure)
    findings = run_async(examine(asking.to_options(wanted), reach=reach))
    if json:
        from neko_cli.core.text import to_json

        sys.stdout.write(to_json({"facts": facts(), "findings": findings}) + "\n")
    else:
        sys.stdout.write(table(findings, colour=wants_colour(sys.stdout)))
    if bundle:
        from neko_cli.services.folders import Folders
        from neko_cli.services.report import write_bundle

        path = Path(bundle).expanduser()
        write_bundle(path, facts=facts(), findings=findings, log_folder=Folders.find().log)
        tell(f"{path} holds these findings and the end of the log. Look into it before you send it.")
    return worst_code(findings) if not bundle else Exit.OK


def table(findings: list[Finding], *, colour: bool) -> str:
    """The findings, one line each, with what to do below."""
    from neko_cli.core.text import one_line

    width = max(len(finding.area) for finding in findings)
    lines = []
    for finding in findings:
        mark, paint = _MARKS[finding.level]
        shown = f"\x1b[{paint}m{mark}\x1b[0m" if colour else mark
        lines.append(f"{shown}  {finding.area:<{width}}  {one_line(finding.text, 300)}")
        if finding.hint:
            lines.append(f"{'':<{width + 6}}{one_line(finding.hint, 300)}")
    return "\n".join(lines) + "\n"
