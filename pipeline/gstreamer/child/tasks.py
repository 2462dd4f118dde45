"""What the child does: list the elements that are here, decode, or encode."""

from __future__ import annotations

import json
import sys
from typing import Any

from pipeline.gstreamer.child.decoders import CODECS, choices
from pipeline.gstreamer.child.decoding import decode
from pipeline.gstreamer.child.encoders import usable
from pipeline.gstreamer.child.encoding import encode
from pipeline.gstreamer.child.gst import Gst
from pipeline.gstreamer.child.link import Link

TASKS = {"decode": decode, "encode": encode}


def found() -> dict[str, Any] | None:
    """Return what decodes each codec and what encodes H.264 here, None without GStreamer."""
    if Gst is None:
        return None
    Gst.init(None)
    find = Gst.ElementFactory.find
    decoders = {codec: [decoder for _, decoder, _ in choices(codec, find)] for codec in CODECS}
    return {"decoders": decoders, "encoders": [each.element for each in usable(find)]}


def main() -> None:
    """Do what the arguments and the first message ask for."""
    if len(sys.argv) == 1:
        print(json.dumps(found()))
        return
    link = Link(int(sys.argv[1]), int(sys.argv[2]))
    if Gst is None:
        link.fail("the system's Python has no bindings of GStreamer")
    Gst.init(None)
    _, content = link.receive()
    options = json.loads(content)
    TASKS[options["task"]](link, options)
