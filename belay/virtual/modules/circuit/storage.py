# SPDX-License-Identifier: Apache-2.0
"""``storage``: who may write to the file system (see ``drive.py`` on the host)."""

import os
import time

import _board

_NOT_NOW = "Cannot change USB devices now"
_ENODEV = 19


class VfsFat:
    """The file system that is mounted at ``/``."""

    label = "CIRCUITPY"

    @property
    def readonly(self):
        return _board.drive_readonly()

    def stat(self, path):
        return os.stat(path)

    def statvfs(self, path):
        return os.statvfs(path)


_root = VfsFat()


def _check(mount_path):
    if mount_path != "/":
        raise OSError(_ENODEV)


def mount(filesystem, mount_path, *, readonly=False):
    if not isinstance(filesystem, VfsFat):
        name = type(filesystem).__name__
        raise TypeError("filesystem must be of type VfsFat, not " + name)
    raise OSError(1)  # there is one, and it is mounted


def getmount(mount_path):
    _check(mount_path)
    return _root


def remount(mount_path, readonly=False, *, disable_concurrent_write_protection=False):
    _check(mount_path)
    if not _board.drive_remount(bool(readonly), bool(disable_concurrent_write_protection)):
        raise RuntimeError("Cannot remount path when visible via USB.")


def disable_usb_drive():
    if not _board.drive_disable(False):
        raise RuntimeError(_NOT_NOW)


def unsafe_disable_usb_drive():
    booting = _board.drive_booting()
    if not _board.drive_disable(True):
        raise RuntimeError(_NOT_NOW)
    if not booting:
        time.sleep(2.5)  # the computer asks every second or two whether the drive is still there


def enable_usb_drive():
    if not _board.drive_enable():
        raise RuntimeError(_NOT_NOW)
