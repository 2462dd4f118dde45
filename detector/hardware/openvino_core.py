"""The only OpenVINO core of a process.

When a core compiles its first model, it installs a signal stack on the calling thread; when the
core is deleted, it restores the stack it found. Of two cores, the one deleted last restores the
stack of the other, which is already freed: the next signal, such as Ctrl-C, then ends the process
with a segmentation fault (OpenVINO 2026.4). So there is one core, and it is never deleted.
"""

from __future__ import annotations

import openvino as ov

CORE = ov.Core()
