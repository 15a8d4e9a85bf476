"""Files that are there whole or not at all."""

import errno
import os
import shutil
import tempfile
from pathlib import Path
from uuid import uuid4


def write_atomically(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace `path` in one step; it is on the disk when this returns. Raises OSError."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as new:
        try:
            new.write(content)
            new.flush()
            os.fchmod(new.fileno(), mode)
            os.fsync(new.fileno())
            Path(new.name).replace(path)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise


def link_or_copy(source: Path, target: Path) -> None:
    """Have the content of `source` at `target`, in one step: a hard link where that can be.

    Raises OSError."""
    new = target.with_name(f".new-{uuid4().hex}")
    try:
        try:
            new.hardlink_to(source)
        except OSError as error:
            # Another file system, or a link the kernel forbids (fs.protected_hardlinks), or one
            # too many: then a copy.
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                raise
            shutil.copyfile(source, new)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
