"""What is in this machine: asked of the kernel, the drivers and the packages, changing nothing."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from detector.commands.name_conflicts import name_conflicts
from detector.engines.auto import NO_GPU, tensorrt_obstacle, torch_obstacle
from detector.engines.tensorrt_api import load_tensorrt
from detector.errors import ModelError
from detector.hardware.cpu import cpu_flags, cpu_name
from detector.hardware.cuda_driver import Gpu, find_driver

CPU_FEATURES = (  # that make inference faster, x86's and then Arm's
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "asimddp",
    "i8mm",
    "bf16",
    "sve",
)
PACKAGES = ("av", "openvino", "onnx", "torch", "pycuda", "nncf")
DECODERS = ("h264", "hevc", "av1", "vp9", "mjpeg", "h264_cuvid", "hevc_cuvid")
ENCODERS = ("libx264", "libx265", "libsvtav1", "h264_nvenc", "hevc_nvenc", "h264_qsv")
JETPACK = {35: 5, 36: 6, 38: 7, 39: 7}  # major version of L4T -> of JetPack
VENDORS = {"0x10de": "NVIDIA", "0x8086": "Intel", "0x1002": "AMD"}  # as PCI numbers them


@dataclass(frozen=True, slots=True)
class Machine:
    """What `framelane doctor` found.

    jetson: L4T and JetPack, on a Jetson
    cpu_features: of those that matter
    driver: of NVIDIA, its version; cuda: the newest that it supports
    packages: name -> version, None where it is absent
    tensorrt: name and version, or None
    obstacles: what cannot be used on the GPU -> why not; None: it can
    openvino_devices: device -> name and the types that it computes in
    cards: vendors of the graphics cards on the PCI bus, also of those without a driver
    conflicts: package name of ours -> another distribution that installs it too
    """

    system: str
    python: str
    jetson: str | None
    cpu: str
    cores: int
    cpu_features: tuple[str, ...]
    gpus: tuple[Gpu, ...]
    driver: str | None
    cuda: str | None
    packages: dict[str, str | None]
    tensorrt: str | None
    obstacles: dict[str, str | None]
    openvino_devices: dict[str, str]
    ffmpeg: str
    decoders: tuple[str, ...]
    encoders: tuple[str, ...]
    cards: tuple[str, ...]
    conflicts: dict[str, str]


def examine() -> Machine:
    """Return what is in this machine. Takes a second or two: runtimes are loaded to be asked."""
    driver = find_driver()
    gpus = driver.gpus() if driver else ()
    jetson = jetson_release()
    ffmpeg, decoders, encoders = _ffmpeg()
    features = cpu_flags()
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        jetson=jetson,
        cpu=cpu_name(),
        cores=len(os.sched_getaffinity(0)),
        cpu_features=tuple(name for name in CPU_FEATURES if name in features),
        gpus=gpus,
        driver=driver_version(),
        cuda="{}.{}".format(*driver.version) if driver else None,
        packages={name: _version(name) for name in PACKAGES},
        tensorrt=_tensorrt(),
        obstacles={
            "tensorrt": tensorrt_obstacle(gpus),
            "torch": torch_obstacle(gpus),
            "nvdec": nvdec_obstacle(gpus, jetson),
            "nvenc": nvenc_obstacle(gpus, jetson),
        },
        openvino_devices=_openvino_devices(),
        ffmpeg=ffmpeg,
        decoders=decoders,
        encoders=encoders,
        cards=graphics_cards(),
        conflicts=name_conflicts(),
    )


def jetson_release(path: Path = Path("/etc/nv_tegra_release")) -> str | None:
    """Return `L4T 36.4.3 (JetPack 6)` on a Jetson, else None."""
    text = path.read_text() if path.is_file() else ""
    match = re.match(r"# R(\d+) \(release\), REVISION: ([\d.]+)", text)
    if match is None:
        return None
    jetpack = JETPACK.get(int(match[1]), "unknown")
    return f"L4T {match[1]}.{match[2]} (JetPack {jetpack})"


def driver_version(path: Path = Path("/proc/driver/nvidia/version")) -> str | None:
    """Return the version of NVIDIA's kernel module, as in 580.65.06, if there is one."""
    text = path.read_text() if path.is_file() else ""
    match = re.search(r"Kernel Module.*?\s(\d+\.[\d.]+)", text)
    return match[1] if match else None


def nvdec_obstacle(gpus: Sequence[Gpu], jetson: str | None) -> str | None:
    """Return why NVIDIA's decoder cannot be used, or None if it can."""
    if not gpus:
        return NO_GPU
    if jetson:
        return _gstreamer_obstacle("nvv4l2decoder")
    try:
        ctypes.CDLL("libnvcuvid.so.1")
    except OSError as error:
        return f"its library does not load ({error})"
    return None


def nvenc_obstacle(gpus: Sequence[Gpu], jetson: str | None) -> str | None:
    """Return why NVIDIA's encoder cannot be used, or None if it can: it is tried."""
    if not gpus:
        return NO_GPU
    if jetson:
        return _gstreamer_obstacle("nvv4l2h264enc")
    import av
    from av.video.codeccontext import VideoCodecContext

    try:
        encoder = av.CodecContext.create("h264_nvenc", "w")
        assert isinstance(encoder, VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = (
            256,
            256,
            "yuv420p",
            Fraction(25),
        )
        encoder.open()
    except (av.FFmpegError, ValueError) as error:
        return f"FFmpeg cannot open h264_nvenc ({error})"
    return None


def _gstreamer_obstacle(element: str) -> str | None:
    """Return why a Jetson's codec cannot be used: there it is an element of GStreamer's."""
    inspect = shutil.which("gst-inspect-1.0")
    if inspect is None:
        return "GStreamer's tools are not installed (gstreamer1.0-tools)"
    found = subprocess.run([inspect, "--exists", element], check=False).returncode == 0
    return None if found else f"GStreamer has no {element}: this module may not have one"


def _tensorrt() -> str | None:
    try:
        found = load_tensorrt()
    except ModelError:
        return None
    return f"{found.name} {found.version}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _openvino_devices() -> dict[str, str]:
    from detector.hardware.openvino_core import CORE

    devices = {}
    for device in CORE.available_devices:
        name = CORE.get_property(device, "FULL_DEVICE_NAME")
        kinds = CORE.get_property(device, "OPTIMIZATION_CAPABILITIES")
        able = [kind for kind in ("FP32", "FP16", "BF16", "INT8") if kind in kinds]
        devices[device] = f"{name.strip()} ({', '.join(able)})"
    return devices


def _ffmpeg() -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return FFmpeg's version, and those of the codecs above that it was built with."""
    import av
    from av.codec import codecs_available

    decoders = tuple(name for name in DECODERS if name in codecs_available)
    encoders = tuple(name for name in ENCODERS if name in codecs_available)
    return av.ffmpeg_version_info, decoders, encoders


def graphics_cards(bus: Path = Path("/sys/bus/pci/devices")) -> tuple[str, ...]:
    """Return the vendors of the display controllers, whether they have a driver or not."""
    displays = [
        device
        for device in sorted(bus.glob("*"))
        if (device / "class").is_file() and (device / "class").read_text().startswith("0x03")
    ]
    numbers = [(device / "vendor").read_text().strip() for device in displays]
    return tuple(VENDORS.get(number, number) for number in numbers)
