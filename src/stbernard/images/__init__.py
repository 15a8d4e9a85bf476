"""Where kernels and ramdisks come from, and the cache they are kept in."""

from stbernard.images.cache import ImageCache
from stbernard.images.download import head, probe
from stbernard.images.hrefs import check_href

__all__ = ["ImageCache", "check_href", "head", "probe"]
