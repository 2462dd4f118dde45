"""The only OpenVINO core of a process.

When a core compiles its first model, it installs a signal stack on the calling thread; when the
core is deleted, it restores the stack it found. Of two cores, the one deleted last restores the
stack of the other, which is already freed: the next signal, such as Ctrl-C, then ends the process
with a segmentation fault (OpenVINO 2026.4). So there is one core, and it is never deleted.

The first access to `Tensor.data` happens here, too, on one thread. It initialises a static variable
of the bindings and releases the interpreter lock meanwhile. Were two threads to make the first
access at once, one could hold the variable and wait for the lock, the other hold the lock and wait
for the variable: a deadlock (OpenVINO 2026.4, seen in an evaluation on two threads).
"""

from __future__ import annotations

import openvino as ov

CORE = ov.Core()
_ = ov.Tensor(ov.Type.u8, ov.Shape([1])).data
