"""Memory for frames that the parent maps as well."""

from __future__ import annotations

import ctypes
import mmap
import os
import threading


class Ring:
    """Memory for the frames of one layout, which the parent maps as well.

    The lowest free slot is taken, so that no more memory is used than is needed.
    """

    def __init__(self, number: int, size: int, slots: int) -> None:
        self.number = number
        self.frame = size
        self.size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        self.free = set(range(slots))
        self.changed = threading.Condition()
        self.descriptor = os.memfd_create("framelane-frames", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, self.size * slots)
        self.memory = mmap.mmap(self.descriptor, self.size * slots)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))

    def take(self) -> int:
        """Wait for a free slot and return it."""
        with self.changed:
            self.changed.wait_for(lambda: self.free)
            slot = min(self.free)
            self.free.remove(slot)
            return slot

    def release(self, slot: int) -> None:
        """Note that the parent has done with a slot."""
        with self.changed:
            self.free.add(slot)
            self.changed.notify()

    def close(self) -> None:
        """Give back our view of the memory; the parent keeps its own."""
        self.memory.close()
        os.close(self.descriptor)
