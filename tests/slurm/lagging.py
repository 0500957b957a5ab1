"""A file system that shows another folder, and misbehaves: `lagging.py FOLDER MOUNT --lag SECONDS --sync-fails`.

With a lag, a folder is listed as it was before: what is new or gone is seen late, though it can be opened at once.
"""

from __future__ import annotations

import argparse
import errno
import os
import time
from pathlib import Path

import mfusepy

STATUS = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_atime_ns", "st_mtime_ns", "st_ctime_ns")


AT_ONCE = {"attr_timeout": 0, "entry_timeout": 0}
"""The kernel remembers nothing."""


class Lagging(mfusepy.Operations):
    use_ns = True

    def __init__(self, folder: str, lag: float, sync_fails: bool) -> None:
        self.folder, self.lag, self.sync_fails = folder, lag, sync_fails
        self.listings: dict[str, list[tuple[float, list[str]]]] = {}

    def at(self, path: str) -> str:
        return self.folder + path

    def changed(self, path: str) -> None:
        """Remember how the folder of a path was listed until now."""
        parent = os.path.dirname(path)
        past = self.listings.setdefault(parent, [])
        past.append((time.monotonic(), os.listdir(self.at(parent))))

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        status = os.lstat(self.at(path))
        return {name.removesuffix("_ns"): getattr(status, name) for name in STATUS}

    def readdir(self, path: str, fh: int) -> list[str]:
        past = self.listings.setdefault(path, [])
        recent = [names for changed, names in past if time.monotonic() - changed < self.lag]
        return [".", "..", *(recent[0] if recent else os.listdir(self.at(path)))]

    def create(self, path: str, mode: int, fi: object = None) -> int:
        self.changed(path)
        return os.open(self.at(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def open(self, path: str, flags: int) -> int:
        return os.open(self.at(path), flags)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        os.truncate(self.at(path), length)
        return 0

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        if self.sync_fails:
            raise mfusepy.FuseOSError(errno.EIO)
        os.fsync(fh)
        return 0

    fsyncdir = None

    def mkdir(self, path: str, mode: int) -> int:
        self.changed(path)
        os.mkdir(self.at(path), mode)
        return 0

    def rmdir(self, path: str) -> int:
        self.changed(path)
        os.rmdir(self.at(path))
        return 0

    def unlink(self, path: str) -> int:
        self.changed(path)
        os.unlink(self.at(path))
        return 0

    def rename(self, old: str, new: str) -> int:
        self.changed(old)
        os.rename(self.at(old), self.at(new))
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        os.utime(self.at(path), ns=times)
        return 0

    def chmod(self, path: str, mode: int) -> int:
        os.chmod(self.at(path), mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        os.chown(self.at(path), uid, gid)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        status = os.statvfs(self.at(path))
        return {name: getattr(status, name) for name in ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_frsize")}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("mount")
    parser.add_argument("--lag", type=float, default=0.0)
    parser.add_argument("--sync-fails", action="store_true")
    given = parser.parse_args()
    Path(given.mount).mkdir(exist_ok=True)
    operations = Lagging(given.folder, given.lag, given.sync_fails)
    # Without hard_remove, a file that is open is renamed before it is replaced: for a moment, it is not there.
    mfusepy.FUSE(operations, given.mount, foreground=True, nothreads=True, hard_remove=True, **AT_ONCE)


if __name__ == "__main__":
    main()
