"""Downloads from a real server: resumed, verified, bounded; and archives from outside."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import socket
import tarfile
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.errors import ConfigError, InvalidRequest, LinkError, NekoError, ServerFault
from neko_cli.services import download as download_module
from neko_cli.services.archive import is_archive, unpack
from neko_cli.services.download import Downloader
from neko_cli.services.download_plan import (
    PartState,
    next_place,
    plan_answer,
    range_headers,
    strong_validator,
)
from tests.fakes.http_box import HttpBox, Request, http_box

CONTENT = os.urandom(3_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        yield running


@pytest.fixture
async def downloader() -> AsyncIterator[Downloader]:
    running = Downloader(connect_s=1, read_s=1)
    yield running
    await running.aclose()


def serve(
    content: bytes, *, etag: str = '"v1"', cut_after: int | None = None, broken: int = 0
) -> Callable[[Request], None]:
    """A file server with ranges; the first ``broken`` answers end after ``cut_after`` bytes."""
    left = [broken]

    def action(request: Request) -> None:
        wanted = request.headers.get("range", "")
        start = 0
        if wanted and request.headers.get("if-range") == etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        body = content[start:]
        headers = {"ETag": etag, "Content_Length": str(len(body))}
        if start:
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        request.head(206 if start else 200, **headers)
        if left[0] and cut_after is not None:
            left[0] -= 1
            body = body[:cut_after]
        request.write(body)

    return action


async def test_a_file_arrives_whole_and_under_its_name_only_at_the_end(
    box: HttpBox, downloader: Downloader, tmp_path: Path
) -> None:
    box.script["/model.bin"] = serve(CONTENT)
    seen: list[tuple[int, int | None, bool]] = []
    target = tmp_path / "model.bin"
    got = await downloader.fetch(
        f"{box.url}/model.bin",
        target,
        sha256=DIGEST.upper(),
        told=lambda done, total: seen.append((done, total, target.exists())),
    )
    assert target.read_bytes() == CONTENT
    assert (got.size, got.sha256, got.resumed_from) == (len(CONTENT), DIGEST, 0)
    assert seen[-1][:2] == (len(CONTENT), len(CONTENT))
    assert not any(exists for _, _, exists in seen)
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


async def test_a_download_that_breaks_off_goes_on_by_itself(
    box: HttpBox, downloader: Downloader, tmp_path: Path
) -> None:
    box.script["/m"] = serve(CONTENT, cut_after=1_200_000, broken=2)
    got = await downloader.fetch(f"{box.url}/m", tmp_path / "m", sha256=DIGEST)
    assert got.path.read_bytes() == CONTENT
    assert [request.headers.get("range") for request in box.requests] == [
        None,
        "bytes=1200000-",
        "bytes=2400000-",
    ]


async def test_a_later_run_goes_on_where_the_first_ended(box: HttpBox, tmp_path: Path) -> None:
    box.script["/m"] = serve(CONTENT)
    first = Downloader(read_s=1)
    with pytest.raises(KeyError):
        await first.fetch(f"{box.url}/m", tmp_path / "m", told=lambda done, total: _stop(done))
    await first.aclose()
    there = (tmp_path / "m.part").stat().st_size
    assert 1_000_000 <= there < len(CONTENT)
    second = Downloader(read_s=1)
    got = await second.fetch(f"{box.url}/m", tmp_path / "m", sha256=DIGEST)
    await second.aclose()
    assert got.resumed_from == there
    assert got.path.read_bytes() == CONTENT


def _stop(done: int) -> None:
    """Ends a download from within, as an interrupted process would."""
    if done >= 1_000_000:
        raise KeyError


async def test_a_part_of_another_version_is_thrown_away(
    box: HttpBox, downloader: Downloader, tmp_path: Path
) -> None:
    other = os.urandom(len(CONTENT))
    box.script["/m"] = serve(other, etag='"old"', cut_after=1_000_000, broken=1)
    with pytest.raises(KeyError):
        await downloader.fetch(f"{box.url}/m", tmp_path / "m", told=lambda done, total: _stop(done))
    box.script["/m"] = serve(CONTENT, etag='"new"')
    got = await downloader.fetch(f"{box.url}/m", tmp_path / "m")
    assert got.path.read_bytes() == CONTENT
    assert "range" in box.requests[-1].headers


async def test_an_answer_with_the_wrong_range_starts_afresh(
    box: HttpBox, downloader: Downloader, tmp_path: Path
) -> None:
    box.script["/m"] = serve(CONTENT, cut_after=1_000_000, broken=1)
    with pytest.raises(KeyError):
        await downloader.fetch(f"{box.url}/m", tmp_path / "m", told=lambda done, total: _stop(done))

    def wrong(request: Request) -> None:
        if "range" in request.headers:
            request.answer(206, CONTENT[5:], Content_Range=f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}")
        else:
            request.answer(200, CONTENT)

    box.script["/m"] = wrong
    got = await downloader.fetch(f"{box.url}/m", tmp_path / "m", sha256=DIGEST)
    assert got.sha256 == DIGEST


async def test_a_wrong_checksum_is_said_and_nothing_is_left(
    box: HttpBox, downloader: Downloader, tmp_path: Path
) -> None:
    box.script["/m"] = serve(CONTENT)
    with pytest.raises(NekoError, match="checksum is wrong"):
        await downloader.fetch(f"{box.url}/m", tmp_path / "m", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


async def test_redirects_are_followed_a_few_times(
    box: HttpBox, downloader: Downloader, tmp_path: Path
) -> None:
    box.script["/a"] = lambda request: request.answer(302, Location="/b")
    box.script["/b"] = lambda request: request.answer(307, Location=f"{box.url}/c")
    box.script["/c"] = serve(b"here")
    assert (await downloader.fetch(f"{box.url}/a", tmp_path / "x")).size == 4
    box.script["/loop"] = lambda request: request.answer(302, Location="/loop")
    with pytest.raises(LinkError, match="without end"):
        await downloader.fetch(f"{box.url}/loop", tmp_path / "y")
    assert len([request for request in box.requests if request.path == "/loop"]) == 6


async def test_a_redirect_to_plain_http_elsewhere_is_refused(
    box: HttpBox, downloader: Downloader, tmp_path: Path
) -> None:
    box.script["/a"] = lambda request: request.answer(302, Location="http://models.example/x")
    with pytest.raises(ConfigError, match="in the clear"):
        await downloader.fetch(f"{box.url}/a", tmp_path / "x")
    with pytest.raises(ConfigError):
        next_place("https://a.example/x", "http://127.0.0.1/x")


async def test_refusals_are_typed(box: HttpBox, downloader: Downloader, tmp_path: Path) -> None:
    box.script["/gone"] = lambda request: request.answer(404)
    box.script["/down"] = lambda request: request.answer(503)
    with pytest.raises(InvalidRequest):
        await downloader.fetch(f"{box.url}/gone", tmp_path / "x")
    with pytest.raises(ServerFault):
        await downloader.fetch(f"{box.url}/down", tmp_path / "x")


async def test_without_a_server_it_says_so_at_once(downloader: Downloader, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(LinkError) as caught:
        await downloader.fetch(f"http://127.0.0.1:{port}/m", tmp_path / "m")
    assert time.monotonic() - began < 3
    assert "neko local install FILE" in caught.value.hint


async def test_a_resolver_that_hangs_holds_nobody_up(
    downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [key for key in os.environ if key.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(download_module.socket, "getaddrinfo", lambda *_: time.sleep(3))
    began = time.monotonic()
    with pytest.raises(LinkError, match="cannot be resolved"):
        await downloader.fetch("https://models.invalid/m", tmp_path / "m")
    assert time.monotonic() - began < 2


async def test_a_server_that_falls_silent_keeps_the_part(
    box: HttpBox, downloader: Downloader, tmp_path: Path
) -> None:
    def stalls(request: Request) -> None:
        request.head(200, ETag='"v1"', Content_Length=str(len(CONTENT)))
        request.write(CONTENT[:500_000])
        box.released.wait(10)

    box.script["/m"] = stalls
    with pytest.raises(LinkError, match="stopped sending"):
        await downloader.fetch(f"{box.url}/m", tmp_path / "m")
    assert (tmp_path / "m.part").stat().st_size == 500_000


async def test_too_much_is_refused(box: HttpBox, downloader: Downloader, tmp_path: Path) -> None:
    box.script["/m"] = serve(CONTENT)
    with pytest.raises(ConfigError, match="larger than"):
        await downloader.fetch(f"{box.url}/m", tmp_path / "m", max_bytes=1000)

    def endless(request: Request) -> None:
        request.head(200)
        while not box.released.wait(0):
            request.write(b"x" * 65536)

    box.script["/e"] = endless
    with pytest.raises(ConfigError, match="more of"):
        await downloader.fetch(f"{box.url}/e", tmp_path / "e", max_bytes=1_000_000)


async def test_a_full_disk_is_said_before_the_download(
    box: HttpBox, downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download_module.shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    box.script["/m"] = serve(CONTENT)
    with pytest.raises(NekoError, match="not enough room"):
        await downloader.fetch(f"{box.url}/m", tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_no_range_is_asked_for_without_a_strong_validator() -> None:
    assert range_headers(PartState("u", "", 10, 5)) == {}
    assert range_headers(PartState("u", '"a"', 10, 5)) == {"Range": "bytes=5-", "If-Range": '"a"'}
    assert strong_validator({"etag": 'W/"a"'}) == ""
    assert strong_validator({"etag": 'W/"a"', "last-modified": "Thu"}) == "Thu"


def test_a_complete_part_needs_no_more() -> None:
    state = PartState("u", '"a"', 10, 10)
    assert plan_answer(416, {"content-range": "bytes */10"}, state, "u").complete
    assert plan_answer(416, {"content-range": "bytes */11"}, state, "u").restart
    assert plan_answer(416, {}, PartState("u"), "u").refused


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["content-range", "content-length", "etag"]), st.text()),
)
def test_any_headers_give_one_clear_plan(status: int, headers: dict[str, str]) -> None:
    state = PartState("u", '"a"', 10, 4)
    answer = plan_answer(status, headers, state, "u")
    assert sum((answer.refused, answer.complete, answer.restart)) <= 1
    assert answer.start in (0, 4)


def tar_with(path: Path, *members: tuple[str, bytes | str]) -> Path:
    """A tar file; a member with text for content is a link to it."""
    with tarfile.open(path, "w:bz2") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "c:/evil", "a\\..\\..\\evil"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_cannot_write_outside(tmp_path: Path, name: str, kind: str) -> None:
    into = tmp_path / "in" / "to"
    into.mkdir(parents=True)
    if kind == "tar":
        archive = tar_with(tmp_path / "a.tar.bz2", (name, b"x"))
    else:
        archive = tmp_path / "a.zip"
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr(zipfile.ZipInfo(name), b"x")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="leads out"):
        unpack(archive, into)
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_links_in_archives_are_left_out(tmp_path: Path) -> None:
    into = tmp_path / "to"
    into.mkdir()
    archive = tar_with(tmp_path / "a.tar.bz2", ("m/tokens.txt", b"a"), ("m/link", "/etc/passwd"))
    assert unpack(archive, into) == 1
    assert [path.name for path in (into / "m").iterdir()] == ["tokens.txt"]


def test_bombs_are_stopped_by_size_and_count(tmp_path: Path) -> None:
    into = tmp_path / "to"
    into.mkdir()
    bomb = tmp_path / "a.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("zeros", bytes(20_000_000))
    with pytest.raises(ConfigError, match="more than"):
        unpack(bomb, into, max_bytes=1_000_000)
    many = tar_with(tmp_path / "b.tar.bz2", *((f"f{n}", b"") for n in range(12)))
    with pytest.raises(ConfigError, match="files"):
        unpack(many, into, max_files=10)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["a.zip", "a.tar.bz2", "a.tar.gz", "a.tar"]))
def test_any_bytes_as_an_archive_are_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / name).write_bytes(data)
    (folder / "to").mkdir()
    said = ""
    try:
        unpack(folder / name, folder / "to")
    except NekoError as error:
        said = error.message
    assert said or data.startswith(b"PK") or not data.strip(b"\0")
    assert is_archive(name)
