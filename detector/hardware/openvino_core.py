"""The one core of OpenVINO that a process has.

With the first model that it compiles, a core gives the thread that asked a stack for signals, and
takes it back when the core goes. Of two cores, the one that goes last puts back the stack of the
one that went first, which is no longer there: the next signal, a Ctrl-C, ends the process with a
segmentation fault (OpenVINO 2026.4). So there is one, and it stays.
"""

from __future__ import annotations

import openvino as ov

CORE = ov.Core()
