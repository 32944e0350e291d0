"""Names that every provider takes, and words for what a server sends that is no text."""

from __future__ import annotations

from types import SimpleNamespace

from neko_cli.services.tool_names import RemoteTool, named, words_of


def remote(name: str, **parameters: object) -> RemoteTool:
    return RemoteTool(name, "Words.", {"type": "object", **parameters})


def test_names_are_made_to_fit_and_what_cannot_be_is_told() -> None:
    tools = [
        remote("read.file"),
        remote("read/file"),
        remote("x" * 60),
        remote(""),
        remote("größe"),
        remote("list"),
    ]
    fit, problems = named("files", [*tools, remote("ok", big="x" * 40_000)], taken={"files__list"})
    assert [(one.spec.name, one.tool) for one in fit] == [
        ("files__read_file", "read.file"),
        ("files__gr__e", "größe"),
    ]
    assert problems == [
        'The tool "read/file" of "files" is left out: another one is called "files__read_file" as well.',
        f'The tool "{"x" * 60}" of "files" is left out: its name is too long or empty.',
        'The tool "" of "files" is left out: its name is too long or empty.',
        'The tool "list" of "files" is left out: another one is called "files__list" as well.',
        'The tool "ok" of "files" is left out: the description of its arguments is too long.',
    ]


def part(kind: str, **fields: object) -> SimpleNamespace:
    return SimpleNamespace(type=kind, **fields)


def test_what_is_no_text_is_named() -> None:
    blob = "A" * 40_000
    content = [
        part("text", text="one"),
        part("image", mime_type="image/png", data="AAAA"),
        part("audio", mime_type="audio/wav", data=blob),
        part("resource_link", name="notes", uri="file:///notes", description="My\nnotes"),
        part("resource", resource=SimpleNamespace(uri="file:///a", text="inside")),
        part("resource", resource=SimpleNamespace(uri="file:///b", blob=blob)),
        part("text", text=""),
        part("hologram"),
    ]
    assert words_of(content).splitlines() == [
        "one",
        "[an image, image/png, 3 bytes, which cannot be given here]",
        "[a sound, audio/wav, 30 kB, which cannot be given here]",
        "[the resource notes at file:///notes: My notes]",
        "inside",
        "[the resource file:///b, 30 kB, which is not text]",
        "[a part of another kind]",
    ]
