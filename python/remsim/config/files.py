# SPDX-License-Identifier: GPL-2.0-or-later
"""Files replaced as a whole: a reader sees the old text or the new one, never a part of either."""

from __future__ import annotations

import contextlib
import os
import threading

from remsim.errors import StorageError


def write_atomically(path: str, text: str, mode: int) -> bool:
    """Whether the file changed. One that holds `text` already is not written: flash wears out.

    The directory is made if it is missing. Raises StorageError; the old file stays as it was.
    """
    data = text.encode("utf-8", "surrogateescape")
    if _holds(path, data, mode):
        return False
    draft = f"{path}.{threading.get_native_id()}.new"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _fill(draft, data, mode)
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise StorageError(path, error.strerror or str(error)) from error
    return True


def _fill(draft: str, data: bytes, mode: int) -> None:
    """A draft of this very thread can only be left from before a crash: it goes."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(data)
        file.flush()
        os.fsync(handle)


def _holds(path: str, data: bytes, mode: int) -> bool:
    try:
        with open(path, "rb") as file:
            same_mode = os.fstat(file.fileno()).st_mode & 0o777 == mode
            return same_mode and file.read(len(data) + 1) == data
    except OSError:
        return False
