"""Installing, listing and removing models, against a real server and small models made here."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError, NekoError, ServerFault
from neko_cli.local.manifest import MANIFEST
from neko_cli.local.models import KnownModel, ModelFile, ModelKind
from neko_cli.local.store import STAGING, ModelStore
from tests.fakes.http_box import HttpBox, Request, http_box

WEIGHTS = os.urandom(2_500_000)


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        yield running


def small_whisper(box: HttpBox, *, sha256: str = "") -> KnownModel:
    """A whisper model of two files that the box serves."""
    box.script["/model.bin"] = lambda request: request.answer(200, WEIGHTS, ETag='"w"')
    box.script["/config.json"] = lambda request: request.answer(200, b"{}")
    files = (
        ModelFile("config.json", f"{box.url}/config.json"),
        ModelFile("model.bin", f"{box.url}/model.bin", sha256),
    )
    return KnownModel(kind=ModelKind.WHISPER, name="base", title="t", language="en", about_mb=1, files=files)


def voice_folder(at: Path, name: str = "en_XX-test-low") -> Path:
    at.mkdir(parents=True)
    (at / f"{name}.onnx").write_bytes(WEIGHTS[:5000])
    (at / f"{name}.onnx.json").write_text('{"audio": {"sample_rate": 22050}}')
    return at


def sherpa_tar(path: Path) -> bytes:
    inside = path.parent / "sherpa-onnx-tiny"
    inside.mkdir(parents=True)
    (inside / "tokens.txt").write_text("a 0\n")
    (inside / "encoder.onnx").write_bytes(WEIGHTS[:9000])
    with tarfile.open(path, "w:bz2") as archive:
        archive.add(inside, "sherpa-onnx-tiny")
    return path.read_bytes()


async def test_install_by_name_lists_and_removes(box: HttpBox, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models", catalogue=[small_whisper(box)])
    assert store.installed() == []
    seen: dict[str, int] = {}
    model = await store.install("base", progress=lambda name, done, total: seen.update({name: done}))
    assert (model.key, model.fresh, model.checked) == ("whisper:base", True, False)
    assert model.path == tmp_path / "models" / "whisper" / "base"
    assert (model.path / "model.bin").read_bytes() == WEIGHTS
    assert seen["model.bin"] == len(WEIGHTS)
    manifest = json.loads((model.path / MANIFEST).read_text())
    recorded = {file["path"]: file["sha256"] for file in manifest["files"]}
    assert recorded["model.bin"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert [one.key for one in store.installed()] == ["whisper:base"]
    found = store.find("base")
    assert found is not None
    assert found.size == model.size
    assert store.remove("whisper:base").key == "whisper:base"
    assert store.installed() == []
    assert not model.path.exists()


async def test_a_second_install_does_nothing(box: HttpBox, tmp_path: Path) -> None:
    store = ModelStore(tmp_path, catalogue=[small_whisper(box)])
    await store.install("base")
    count = len(box.requests)
    again = await store.install("whisper:base")
    assert not again.fresh
    assert len(box.requests) == count


async def test_a_broken_install_leaves_no_model_and_goes_on_later(box: HttpBox, tmp_path: Path) -> None:
    catalogue = [small_whisper(box)]

    def breaks(request: Request) -> None:
        if "range" in request.headers:
            request.answer(503)
        else:
            request.head(200, ETag='"w"', Content_Length=str(len(WEIGHTS)))
            request.write(WEIGHTS[:1_000_000])

    box.script["/model.bin"] = breaks
    store = ModelStore(tmp_path, catalogue=catalogue)
    with pytest.raises(ServerFault):
        await store.install("base")
    assert store.installed() == []

    def resumes(request: Request) -> None:
        start = int(request.headers["range"].removeprefix("bytes=").rstrip("-"))
        span = f"bytes {start}-{len(WEIGHTS) - 1}/{len(WEIGHTS)}"
        request.answer(206, WEIGHTS[start:], Content_Range=span, ETag='"w"')

    box.script["/model.bin"] = resumes
    configs = len([request for request in box.requests if request.path == "/config.json"])
    model = await store.install("base")
    assert (model.path / "model.bin").read_bytes() == WEIGHTS
    assert len([request for request in box.requests if request.path == "/config.json"]) == configs


async def test_a_known_checksum_is_verified(box: HttpBox, tmp_path: Path) -> None:
    good = ModelStore(
        tmp_path / "a", catalogue=[small_whisper(box, sha256=hashlib.sha256(WEIGHTS).hexdigest())]
    )
    assert (await good.install("base")).fresh
    bad = ModelStore(tmp_path / "b", catalogue=[small_whisper(box, sha256="0" * 64)])
    with pytest.raises(NekoError, match="checksum"):
        await bad.install("base")
    assert bad.installed() == []


async def test_an_archive_from_an_address_is_unpacked_and_recognised(box: HttpBox, tmp_path: Path) -> None:
    data = sherpa_tar(tmp_path / "made" / "sherpa-onnx-tiny.tar.bz2") if _made(tmp_path) else b""
    box.script["/sherpa-onnx-tiny.tar.bz2"] = lambda request: request.answer(200, data)
    store = ModelStore(tmp_path / "models")
    digest = hashlib.sha256(data).hexdigest()
    model = await store.install(f"{box.url}/sherpa-onnx-tiny.tar.bz2?token=secret", sha256=digest)
    assert (model.key, model.checked) == ("sherpa:tiny", True)
    assert {path.name for path in model.path.iterdir()} == {"tokens.txt", "encoder.onnx", MANIFEST}
    assert "secret" not in model.source


def _made(tmp_path: Path) -> bool:
    (tmp_path / "made").mkdir()
    return True


async def test_a_voice_from_an_address_brings_its_configuration(box: HttpBox, tmp_path: Path) -> None:
    box.script["/v/de_XX-a-low.onnx"] = lambda request: request.answer(200, WEIGHTS[:999])
    box.script["/v/de_XX-a-low.onnx.json"] = lambda request: request.answer(200, b"{}")
    model = await ModelStore(tmp_path).install(f"{box.url}/v/de_XX-a-low.onnx")
    assert model.key == "piper:de_XX-a-low"
    assert (model.path / "de_XX-a-low.onnx.json").exists()


async def test_from_a_folder_a_file_and_an_archive(tmp_path: Path) -> None:
    folder = voice_folder(tmp_path / "src" / "myvoice")
    store = ModelStore(tmp_path / "models")
    assert (await store.install(str(folder))).key == "piper:myvoice"
    single = await store.install(str(folder / "en_XX-test-low.onnx"), name="second")
    assert single.key == "piper:second"
    assert len(list(single.path.glob("*.onnx*"))) == 2
    packed = tmp_path / "third.zip"
    with zipfile.ZipFile(packed, "w") as zipped:
        for file in folder.iterdir():
            zipped.write(file, f"deep/er/{file.name}")
    assert (await store.install(str(packed))).key == "piper:third"
    assert sorted(model.key for model in store.installed()) == [
        "piper:myvoice",
        "piper:second",
        "piper:third",
    ]
    assert folder.exists(), "the source stays"


async def test_what_is_no_model_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "readme.txt").write_text("hello")
    store = ModelStore(tmp_path / "models")
    for source, words in (
        (str(empty), "not a model"),
        (str(tmp_path / "nothing.onnx"), "no file or folder"),
        (str(empty / "readme.txt"), "neither"),
        ("whisper:bass", "No model"),
        ("http://127.0.0.1:9/model.exe", "neither an archive"),
        ("http://127.0.0.1:9/", "names no file"),
        ("ftp://127.0.0.1/a.zip", "http"),
    ):
        with pytest.raises(ConfigError, match=words):
            await store.install(source)
    with pytest.raises(ConfigError, match="whisper model: model.bin is missing"):
        await store.install(str(voice_folder(tmp_path / "v")), kind=ModelKind.WHISPER)
    assert store.installed() == []
    assert not list((tmp_path / "models").glob("*/*/manifest.json"))


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", "x" * 200])
async def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = voice_folder(tmp_path / "ok")
    store = ModelStore(tmp_path / "models")
    if name:
        with pytest.raises(ConfigError, match="name"):
            await store.install(str(folder), name=name)
    else:
        assert (await store.install(str(folder), name=name)).name == "ok"


async def test_a_wrong_file_checksum_is_refused(tmp_path: Path) -> None:
    folder = voice_folder(tmp_path / "ok")
    store = ModelStore(tmp_path / "models")
    with pytest.raises(ConfigError, match="checksum"):
        await store.install(str(folder / "en_XX-test-low.onnx"), sha256="0" * 64)
    with pytest.raises(ConfigError, match="single file"):
        await store.install(str(folder), sha256="0" * 64)


async def test_two_installations_of_one_model_at_once_are_kept_apart(box: HttpBox, tmp_path: Path) -> None:
    catalogue = [small_whisper(box)]
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(request: Request) -> None:
        loop.call_soon_threadsafe(began.set)
        box.released.wait(10)
        request.answer(200, WEIGHTS)

    box.script["/model.bin"] = slow
    async with asyncio.TaskGroup() as group:
        first = group.create_task(ModelStore(tmp_path, catalogue=catalogue).install("base"))
        async with asyncio.timeout(10):
            await began.wait()
        with pytest.raises(ConfigError, match="another process"):
            await ModelStore(tmp_path, catalogue=catalogue).install("base")
        box.released.set()
    assert first.result().fresh


def test_remove_names_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No installed model") as caught:
        ModelStore(tmp_path).remove("whisper:base")
    assert "Nothing is installed" in caught.value.hint


async def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(ConfigError, match="cannot be written"):
        await ModelStore(blocked / "models").install(str(voice_folder(tmp_path / "ok")))


async def test_damaged_manifests_and_strange_folders_are_passed_over(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    model = await store.install(str(voice_folder(tmp_path / "ok")))
    (tmp_path / "models" / "piper" / "strange").mkdir()
    (tmp_path / "models" / "whisper").write_text("a file in the place of a folder")
    assert [one.key for one in store.installed()] == ["piper:ok"]
    (model.path / MANIFEST).write_text("{broken")
    assert store.installed() == []
    assert (await store.install(str(tmp_path / "ok"))).fresh, "a model without a manifest is replaced"
    assert [path.name for path in (tmp_path / "models" / STAGING).iterdir() if path.is_dir()] == []
