"""Images of the Image service: what is asked of it, what is checked, what is kept."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stbernard.errors import ImageError
from stbernard.images import ImageCache, glance, head, probe
from stbernard.settings import Pxe, Settings
from tests.unit.images.glance import FakeGlance

IMAGE = "6f1eb4c5-a3f6-4d0f-8c3c-0d7a1c9d1c11"
MIB = 1 << 20


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGlance]:
    monkeypatch.setattr(glance, "PAUSE", 0)
    fake = FakeGlance()
    fake.put(IMAGE, b"kernel" * 1000)
    yield fake
    fake.stop()


@pytest.fixture
def with_glance(settings: Settings, fake: FakeGlance) -> Settings:
    return replace(settings, glance=fake.options())


def test_an_image_is_fetched_once_whatever_it_is_called(
    fake: FakeGlance, with_glance: Settings
) -> None:
    cache = ImageCache(with_glance)
    names = (IMAGE, f"glance://{IMAGE}", f"Glance://{IMAGE.upper()}")
    assert {cache.get(name).read_bytes() for name in names} == {fake.content[IMAGE]}
    assert fake.sent == [IMAGE]
    probe(IMAGE, with_glance)
    assert fake.sent == [IMAGE]


def test_only_the_beginning_of_an_image(fake: FakeGlance, with_glance: Settings) -> None:
    assert head(IMAGE, with_glance, 8) == b"kernelke"


def test_an_image_that_is_another_one_is_fetched_again(
    fake: FakeGlance, with_glance: Settings
) -> None:
    cache = ImageCache(with_glance)
    cache.get(IMAGE)
    fake.put(IMAGE, b"another")
    assert cache.get(IMAGE).read_bytes() == b"another"


def test_what_breaks_off_is_tried_again(fake: FakeGlance, with_glance: Settings) -> None:
    fake.broken = 2
    retrying = replace(with_glance, glance=fake.options(num_retries=2))
    assert ImageCache(retrying).get(IMAGE).read_bytes() == fake.content[IMAGE]
    assert len(fake.sent) == 3


@pytest.mark.parametrize("retries", [0, 1])
def test_but_no_more_than_that(fake: FakeGlance, with_glance: Settings, retries: int) -> None:
    fake.broken = 9
    retrying = replace(with_glance, glance=fake.options(num_retries=retries))
    with pytest.raises(ImageError, match=f"Image {IMAGE} c"):
        ImageCache(retrying).get(IMAGE)
    assert len(fake.sent) == retries + 1
    assert list(with_glance.image_cache.glob("*.image")) == []


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"status": "queued"}, r"its status is 'queued' and not 'active'"),
        ({"os_hash_value": "0" * 128}, r"sha512 is not the one .*os_hash_value"),
        ({"os_hash_algo": "rot13"}, r"it has the hash 'rot13'"),
        ({"os_hash_algo": None}, r"it has the hash 'none'"),
        ({"size": 5000}, r"came incomplete: 6000 of 5000 bytes"),
        ({"size": 3 * MIB}, r"larger than the whole cache may be \(2 MiB"),
    ],
)
def test_what_cannot_be_used_is_told(
    fake: FakeGlance, with_glance: Settings, said: dict[str, object], text: str
) -> None:
    fake.put(IMAGE, fake.content[IMAGE], **said)
    with pytest.raises(ImageError, match=text):
        ImageCache(replace(with_glance, pxe=Pxe(image_cache_size=2))).get(IMAGE)
    assert list(with_glance.image_cache.glob("*.image")) == []


def test_an_image_that_is_not_there(with_glance: Settings, fake: FakeGlance) -> None:
    del fake.images[IMAGE]
    for ask in (lambda: probe(IMAGE, with_glance), lambda: ImageCache(with_glance).get(IMAGE)):
        with pytest.raises(ImageError, match=f"Image {IMAGE} .*there is none with this UUID"):
            ask()


def test_what_is_kept_is_used_while_the_service_is_away(
    fake: FakeGlance, with_glance: Settings
) -> None:
    cache = ImageCache(with_glance)
    cache.get(IMAGE)
    fake.stop()
    assert cache.get(IMAGE).read_bytes() == fake.content[IMAGE]
    with pytest.raises(ImageError, match=r"cannot be fetched: .*Check \[glance\]"):
        probe(IMAGE, with_glance)


def test_without_credentials_there_is_no_image_service(settings: Settings) -> None:
    with pytest.raises(ImageError, match=r"\[glance\]auth_type is not set"):
        probe(IMAGE, settings)


def _fetch(settings: Settings) -> bytes:
    return ImageCache(settings).get(IMAGE).read_bytes()


def test_processes_that_want_the_same_image_fetch_it_once(
    fake: FakeGlance, with_glance: Settings, tmp_path: Path
) -> None:
    fake.put(IMAGE, b"x" * 5 * MIB)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        contents = pool.map(_fetch, [with_glance] * 6)
    assert set(contents) == {fake.content[IMAGE]}
    assert fake.sent == [IMAGE]
