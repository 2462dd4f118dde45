"""What a decoder says of a frame beside its pixels, read without keeping the frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import SupportsBytes, cast

from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame

# PyAV declares neither what it is made of nor the kinds as keys.
_container = cast("Callable[[VideoFrame], Mapping[Type, SupportsBytes]]", SideDataContainer)


def side_data(frame: VideoFrame, kind: Type) -> bytes | None:
    """Return the side data of one kind, such as a display matrix; None if the frame has none.

    `VideoFrame.side_data` keeps its container, which keeps the frame. So the pixels would stay in
    memory until Python looks for circles: fifty frames for each camera.
    """
    found = _container(frame).get(kind)
    return None if found is None else bytes(found)
