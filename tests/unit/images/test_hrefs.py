"""What an image may be named by."""

from pathlib import Path

import pytest

from stbernard.errors import ImageError
from stbernard.images.hrefs import check_href, file_path, shown
from stbernard.settings import Settings


@pytest.mark.parametrize(
    "href",
    [
        *("http://images/kernel", "https://images/kernel?sign=1"),
        *("6f1eb4c5-a3f6-4d0f-8c3c-0d7a1c9d1c11", "glance://6F1EB4C5-a3f6-4d0f-8c3c-0d7a1c9d1c11"),
    ],
)
def test_urls_that_can_be_fetched(href: str, settings: Settings) -> None:
    check_href(href, settings)


@pytest.mark.parametrize(
    "href",
    ["", "kernel", "glance://6f1e", "glance://../x", "ftp://x/y", "http://", "http://[x"],
)
def test_what_is_no_url_is_named(href: str, settings: Settings) -> None:
    with pytest.raises(ImageError, match=r"it is no URL that starts with file:///, http://"):
        check_href(href, settings)


def test_a_file_below_an_allowed_folder(settings: Settings, tmp_path: Path) -> None:
    image = tmp_path / "allowed" / "a kernel"
    image.write_bytes(b"k")
    assert file_path(f"file://{tmp_path}/allowed/a%20kernel", settings) == image


@pytest.mark.parametrize("href", ["file:///etc/passwd", "file://{0}/allowed/../secret"])
def test_files_elsewhere_are_refused(href: str, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    with pytest.raises(ImageError, match=r"not below one of .*file_url_allowed_paths"):
        check_href(href.format(tmp_path), settings)


def test_a_symbolic_link_leads_nowhere_else(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "allowed" / "kernel").symlink_to(tmp_path / "secret")
    with pytest.raises(ImageError, match="not below one of"):
        check_href(f"file://{tmp_path}/allowed/kernel", settings)


def test_an_allowed_folder_may_be_a_symbolic_link_itself(
    tmp_path: Path, settings: Settings
) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "kernel").write_bytes(b"k")
    (tmp_path / "allowed").rmdir()
    (tmp_path / "allowed").symlink_to(real)
    assert file_path(f"file://{tmp_path}/allowed/kernel", settings) == real / "kernel"


def test_a_file_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=f"there is no file {tmp_path}/allowed/kernel"):
        check_href(f"file://{tmp_path}/allowed/kernel", settings)


def test_a_file_url_with_a_host_is_explained(settings: Settings) -> None:
    with pytest.raises(ImageError, match="three slashes"):
        check_href("file://images/kernel", settings)


@pytest.mark.parametrize(
    ("href", "text"),
    [
        ("http://h/k", "http://h/k"),
        ("https://u:secret@h:8/k?sign=secret#secret", "https://…@h:8/k?…"),
        ("http://[secret", "(not a URL)"),
    ],
)
def test_secrets_in_a_url_are_not_shown(href: str, text: str) -> None:
    assert shown(href) == text
