"""The image cache, with a real web server."""

import fcntl
import hashlib
import logging
import os
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import structlog

from stbernard.errors import ImageError
from stbernard.images import ImageCache
from stbernard.images import cache as module
from stbernard.settings import Pxe, Settings
from tests.unit.images.server import ImageServer

MIB = 1 << 20


def test_an_image_is_fetched_once(server: ImageServer, settings: Settings) -> None:
    server.files["/kernel"] = b"kernel" * 1000
    cache = ImageCache(settings)
    assert cache.get(f"{server.url}/kernel").read_bytes() == server.files["/kernel"]
    assert cache.get(f"{server.url}/kernel").read_bytes() == server.files["/kernel"]
    assert server.sent == ["/kernel"]
    assert len(server.asked) == 2, "and asked for again, as it may have changed"


def test_a_changed_image_is_fetched_again(server: ImageServer, settings: Settings) -> None:
    cache = ImageCache(settings)
    server.files["/kernel"] = b"old"
    old = cache.get(f"{server.url}/kernel").open("rb")
    server.files["/kernel"] = b"new and longer"
    assert cache.get(f"{server.url}/kernel").read_bytes() == b"new and longer"
    assert old.read() == b"old", "whoever boots the old one goes on with it"
    old.close()


def test_what_is_kept_is_not_asked_for(server: ImageServer, settings: Settings) -> None:
    server.files["/kernel"] = b"kernel"
    cache = ImageCache(settings)
    image = cache.get(f"{server.url}/kernel")
    server.files["/kernel"] = b"another"
    assert cache.kept(f"{server.url}/kernel") == image
    assert image.read_bytes() == b"kernel"
    assert len(server.asked) == 1


def test_an_old_server_knows_dates_only(server: ImageServer, settings: Settings) -> None:
    date = "Sun, 22 Nov 2026 12:00:00 GMT"

    def answer(request: BaseHTTPRequestHandler) -> None:
        known = request.headers.get("If-Modified-Since") == date
        request.send_response(304 if known else 200)
        request.send_header("Last-Modified", date)
        request.end_headers()
        if not known:
            server.sent.append(request.path)
            request.wfile.write(b"kernel")

    server.odd["/kernel"] = answer
    for _ in range(2):
        assert ImageCache(settings).get(f"{server.url}/kernel").read_bytes() == b"kernel"
    assert server.sent == ["/kernel"]


def test_a_server_that_is_gone_does_not_matter_for_what_is_here(
    server: ImageServer, settings: Settings
) -> None:
    server.files["/kernel"] = b"kernel"
    ImageCache(settings).get(f"{server.url}/kernel")
    server.stop()
    with structlog.testing.capture_logs() as logs:
        image = ImageCache(settings).get(f"{server.url}/kernel")
    assert image.read_bytes() == b"kernel"
    assert "cannot be connected to" in logs[0]["because"]


def test_a_server_that_is_gone_is_named(server: ImageServer, settings: Settings) -> None:
    server.stop()
    with pytest.raises(ImageError, match=r"/kernel cannot be fetched: its server cannot be conn"):
        ImageCache(settings).get(f"{server.url}/kernel")


def test_an_image_that_was_removed_is_gone(server: ImageServer, settings: Settings) -> None:
    server.files["/kernel"] = b"kernel"
    ImageCache(settings).get(f"{server.url}/kernel")
    del server.files["/kernel"]
    with pytest.raises(ImageError, match="the server answered 404 Not Found"):
        ImageCache(settings).get(f"{server.url}/kernel")


def _breaks_off(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"half of it")


def _is_empty(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "0")
    request.end_headers()


def _is_in_trouble(request: BaseHTTPRequestHandler) -> None:
    request.send_error(503)


@pytest.mark.parametrize(
    ("odd", "text"),
    [
        (_breaks_off, "the connection broke in the middle"),
        (_is_empty, "came incomplete: 0 of 0 bytes"),
        (_is_in_trouble, "answered 503"),
    ],
)
def test_half_an_image_is_none(
    server: ImageServer, settings: Settings, odd: object, text: str
) -> None:
    server.odd["/kernel"] = odd  # type: ignore[assignment]
    with pytest.raises(ImageError, match=text):
        ImageCache(settings).get(f"{server.url}/kernel")
    assert list(settings.image_cache.glob("*.image")) == []
    assert list(settings.image_cache.glob("*.new")) == []


def small(settings: Settings) -> Settings:
    """The same with room for one MiB."""
    return Settings(
        default=settings.default, conductor=settings.conductor, pxe=Pxe(image_cache_size=1)
    )


def _sends_without_end(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(3):
        request.wfile.write(bytes(MIB))


def test_an_image_larger_than_the_cache_is_refused(server: ImageServer, settings: Settings) -> None:
    server.files["/announced"] = bytes(MIB + 1)
    server.odd["/unannounced"] = _sends_without_end
    for path in ("/announced", "/unannounced"):
        with pytest.raises(ImageError, match=r"larger than the whole cache may be \(1 MiB, \[pxe"):
            ImageCache(small(settings)).get(server.url + path)


def test_the_image_used_longest_ago_makes_room(
    server: ImageServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_USE", 10)
    cache = ImageCache(small(settings))
    images = {}
    for number, name in enumerate(("/a", "/b", "/c")):
        server.files[name] = bytes([number]) * (MIB * 2 // 5)
        images[name] = cache.get(server.url + name)
        ago = time.time() - 100 + number
        os.utime(images[name].with_suffix(".json"), (ago, ago))
    cache.get(server.url + "/b")
    assert {name for name, image in images.items() if image.exists()} == {"/b", "/c"}


def test_what_is_in_use_stays(server: ImageServer, settings: Settings) -> None:
    cache = ImageCache(small(settings))
    images = []
    for name in ("/a", "/b"):
        server.files[name] = name.encode() * (MIB * 2 // 5)
        images.append(cache.get(server.url + name))
    assert all(image.exists() for image in images)


def test_threads_that_want_the_same_image_fetch_it_once(
    server: ImageServer, settings: Settings
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    server.files["/kernel"] = b"kernel"

    def slowly(request: BaseHTTPRequestHandler) -> None:
        begun.set()
        assert go_on.wait(30)
        server.serve(request)

    server.odd["/kernel"] = slowly
    found: list[bytes] = []

    def fetch() -> None:
        found.append(ImageCache(settings).get(f"{server.url}/kernel").read_bytes())

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    go_on.set()
    for thread in threads:
        thread.join()
    assert found == [b"kernel"] * 4
    assert server.sent == ["/kernel"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_checksum_is_compared(server: ImageServer, settings: Settings, algorithm: str) -> None:
    server.files["/kernel"] = b"kernel"
    right = hashlib.new(algorithm, b"kernel").hexdigest()
    cache = ImageCache(settings)
    assert cache.get(f"{server.url}/kernel", right.upper()).read_bytes() == b"kernel"
    wrong = hashlib.new(algorithm, b"other").hexdigest()
    with pytest.raises(ImageError, match=f"has not the checksum {wrong}"):
        cache.get(f"{server.url}/kernel", wrong)
    cache.get(f"{server.url}/kernel", right)
    assert server.sent == 2 * ["/kernel"], "what was wrong is not kept"


def test_a_checksum_that_is_none_is_named(server: ImageServer, settings: Settings) -> None:
    server.files["/kernel"] = b"kernel"
    with pytest.raises(ImageError, match="neither SHA-256"):
        ImageCache(settings).get(f"{server.url}/kernel", "d41d8cd98f00b204e9800998ecf8427e")


def test_a_file_is_linked_and_not_copied(settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "allowed" / "kernel"
    source.write_bytes(b"kernel")
    for _ in range(2):
        assert ImageCache(settings).get(f"file://{source}").samefile(source)
    assert ImageCache(settings).kept(f"file://{source}").samefile(source)


def test_a_file_that_was_replaced_is_another_one(settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "allowed" / "kernel"
    source.write_bytes(b"old")
    ImageCache(settings).get(f"file://{source}")
    source.unlink()
    source.write_bytes(b"new")
    assert ImageCache(settings).get(f"file://{source}").read_bytes() == b"new"


def test_a_file_on_another_file_system_is_copied_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_file_system(self: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", other_file_system)
    source = tmp_path / "allowed" / "kernel"
    source.write_bytes(b"kernel")
    first = ImageCache(settings).get(f"file://{source}")
    inode = first.stat().st_ino
    assert ImageCache(settings).get(f"file://{source}").stat().st_ino == inode
    assert first.read_bytes() == b"kernel"


def test_a_cache_that_cannot_be_written_is_named(
    server: ImageServer, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(ImageError, match=r"cannot be kept in .*/master_images: Not a directory"):
        ImageCache(settings).get(f"{server.url}/kernel")


def test_secrets_of_a_url_are_in_no_error_and_no_log(
    server: ImageServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    url = server.url.replace("//", "//user:secret@") + "/nothing?sign=secret"
    with pytest.raises(ImageError) as caught:
        ImageCache(settings).get(url)
    assert "secret" not in str(caught.value) + caplog.text


def test_room_is_not_made_of_what_somebody_has_in_hand(
    server: ImageServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_USE", -1)
    for name in ("one", "two", "three"):
        server.files[f"/{name}"] = os.urandom(MIB)
    cache = ImageCache(replace(settings, pxe=Pxe(image_cache_size=2)))
    first = cache.get(f"{server.url}/one")
    second = cache.get(f"{server.url}/two")
    with first.with_suffix(".lock").open("w") as lock:  # as another worker has it
        fcntl.flock(lock, fcntl.LOCK_EX)
        cache.get(f"{server.url}/three")
    assert first.exists()
    assert not second.exists()
