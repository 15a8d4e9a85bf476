"""Images of the real Glance."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from keystoneauth1.adapter import Adapter
from tools.openstack.cloud import Cloud
from tools.openstack.config import credentials

from stbernard.errors import ImageError
from stbernard.images import ImageCache, probe
from stbernard.openstack.session import make_adapter
from stbernard.openstack.settings import Glance
from stbernard.settings import Default, Pxe, Settings
from tests.unit.images.glance import GLANCE

CONTENT = os.urandom(5 << 20)


@pytest.fixture(scope="module")
def glance(cloud: Cloud) -> Adapter:
    return make_adapter("test", Glance(**credentials("ironic")), "image")


@pytest.fixture(scope="module")
def image(glance: Adapter) -> Iterator[str]:
    image = _create(glance)
    octets = {"Content-Type": "application/octet-stream"}
    glance.put(f"/v2/images/{image}/file", data=CONTENT, headers=octets)
    yield image
    glance.delete(f"/v2/images/{image}")


@pytest.fixture
def settings(cloud: Cloud, tmp_path: Path) -> Settings:
    return Settings(
        default=Default(state_path=str(tmp_path)), glance=Glance(**credentials("ironic"))
    )


def _create(glance: Adapter) -> str:
    about = {"name": "kernel", "container_format": "aki", "disk_format": "aki"}
    return str(glance.post("/v2/images", json=about).json()["id"])


def test_glance_still_answers_as_recorded(glance: Adapter) -> None:
    image, empty = _create(glance), _create(glance)
    octets = {"Content-Type": "application/octet-stream"}
    glance.put(f"/v2/images/{image}/file", data=b"kernel", headers=octets)

    def get(path: str) -> Any:
        return glance.get(f"/v2/images/{path}", raise_exc=False)

    GLANCE.check(
        {
            "an image": get(image),
            "the image itself": get(f"{image}/file"),
            "an image without content": get(empty),
            "no image": get("99999999-0000-4000-8000-00000000dead"),
            "the content of no image": get("99999999-0000-4000-8000-00000000dead/file"),
        }
    )
    for each in (image, empty):
        glance.delete(f"/v2/images/{each}")


def test_an_image_is_fetched_and_checked(image: str, settings: Settings) -> None:
    probe(image, settings)
    cache = ImageCache(settings)
    assert cache.get(image).read_bytes() == CONTENT
    assert cache.get(f"glance://{image}") == cache.kept(image)


def test_an_image_that_is_too_large(image: str, settings: Settings) -> None:
    small = Settings(default=settings.default, glance=settings.glance, pxe=Pxe(image_cache_size=4))
    with pytest.raises(ImageError, match=r"larger than .*image_cache_size"):
        ImageCache(small).get(image)


def test_an_image_without_content(glance: Adapter, settings: Settings) -> None:
    image = _create(glance)
    with pytest.raises(ImageError, match="status is 'queued'"):
        probe(image, settings)
    glance.delete(f"/v2/images/{image}")
    with pytest.raises(ImageError, match="there is none with this UUID"):
        probe(image, settings)


def test_no_image(settings: Settings) -> None:
    with pytest.raises(ImageError, match="there is none with this UUID"):
        ImageCache(settings).get(str(uuid4()))


def test_glance_is_away(image: str, settings: Settings, cloud: Cloud) -> None:
    cache = ImageCache(settings)
    cache.get(image)
    cloud.stop("glance")
    try:
        assert cache.get(image).read_bytes() == CONTENT
        with pytest.raises(ImageError, match=r"Check \[glance\]"):
            probe(image, settings)
    finally:
        cloud.start("glance")
    probe(image, settings)
