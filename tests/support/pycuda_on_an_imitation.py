"""The TensorRT engine on pycuda, on an imitation of the driver; run by test_cuda_driver.py.

It is a separate process because pycuda loads libcuda.so.1 when it is imported.
"""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import sys
from dataclasses import replace
from threading import Thread

import numpy as np

from detector.detections import UInt8Array
from detector.engines.tensorrt import TensorRtEngine
from detector.engines.tensorrt_cuda import Cuda, open_cuda
from detector.errors import FramelaneError
from detector.hardware.cuda_driver import LIBRARY, CudaDriver
from detector.letterbox import Letterbox
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from tests.support.fake_manifest import fake_manifest
from tests.support.host_kernel import device_frame

SIZE, ROWS = (8, 16), 4
MANIFEST = replace(fake_manifest(SIZE, max_batch=3), top_k=ROWS)


class CopyingPlan:
    """A plan that copies on the GPU: its results are the first bytes of the images."""

    scratch_bytes = 64

    def __init__(self, driver: CudaDriver) -> None:
        self._driver = driver
        self._addresses: dict[str, int] = {}

    def context(self) -> CopyingPlan:
        return CopyingPlan(self._driver)

    def set_device_memory(self, memory: int, size: int) -> None:
        assert memory and size == self.scratch_bytes

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._count = shape[0]
        return name == "images"

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        for name, row_bytes in (("boxes", ROWS * 4 * 4), ("scores", ROWS * 4)):
            for row in range(self._count):
                to = self._addresses[name] + row * row_bytes
                from_ = self._addresses["images"] + row * SIZE[0] * SIZE[1] * 3
                arguments = map(ctypes.c_ulonglong, (to, from_, row_bytes))
                self._driver.call(
                    "cuMemcpyDtoDAsync_v2", *arguments, ctypes.c_void_p(stream_handle)
                )
        return True

    def refusal(self, what: str) -> FramelaneError:
        return FramelaneError(what)

    def warmed_up(self) -> None: ...

    def close(self) -> None: ...


def random_images(count: int, seed: int) -> UInt8Array:
    floats = np.random.default_rng(seed).random((count, SIZE[0] * SIZE[1] * 3 // 4), np.float32)
    return floats.view(np.uint8).reshape(count, *SIZE, 3)


def right(engine: TensorRtEngine, count: int, seed: int) -> bool:
    images = random_images(count, seed)
    found = engine.submit(images).result()
    rows = images.reshape(count, -1).view(np.float32)
    return bool(
        (found.boxes_xyxy.reshape(count, -1) == rows[:, : ROWS * 4]).all()
        and (found.scores.reshape(count, -1) == rows[:, :ROWS]).all()
    )


def work(cuda: Cuda, driver: CudaDriver, graphs: bool) -> int:
    """Open, submit and close on three threads; return the number of correct batches."""
    engines: list[TensorRtEngine] = []
    outcomes: list[bool] = []
    opener = Thread(
        target=lambda: engines.append(
            TensorRtEngine(MANIFEST, cuda, lambda: CopyingPlan(driver), slots=2, graphs=graphs)
        )
    )
    worker = Thread(
        target=lambda: outcomes.extend(right(engines[0], 1 + k % 3, k) for k in range(6))
    )
    for thread in (opener, worker):
        thread.start()
        thread.join()
    pending = engines[0].submit(random_images(2, 9))
    outcomes.append(right(engines[0], 3, 10))
    engines[0].close()
    outcomes.append(len(pending.result()) == 2)
    return outcomes.count(True)


def frames_in_gpu_memory(cuda: Cuda, driver: CudaDriver, graphs: bool) -> int:
    """Submit frames that lie in GPU memory; return the number of correct batches."""
    engine = TensorRtEngine(
        MANIFEST, cuda, lambda: CopyingPlan(driver), slots=2, graphs=graphs, device_frames=True
    )
    outcomes = []
    for seed, count in enumerate((1, 3, 2, 3)):
        pictures = [picture(10 * seed + k) for k in range(count)]
        letterbox = Letterbox.fit(pictures[0].size, SIZE)
        frames = [
            device_frame(each, pitch=40) for each in pictures
        ]  # the GPU's memory is the CPU's
        found = engine.submit_frames(frames, [letterbox] * count).result()
        images = np.stack([letterbox.apply_to_planes(each) for each in pictures])
        rows = images.reshape(count, -1)[:, : ROWS * 16]
        boxes = found.boxes_xyxy.view(np.uint8).reshape(count, -1)
        outcomes.append(np.abs(boxes.astype(np.int16) - rows).max() <= 1)
    engine.close()
    return outcomes.count(True)


def picture(seed: int) -> Planes:
    random = np.random.default_rng(seed)
    shapes = ((16, 32), (8, 16), (8, 16))
    return Planes(ColourSpace(), *(random.integers(0, 256, each, np.uint8) for each in shapes))


def main() -> None:
    # The imitation lacks functions that pycuda does not call here
    sys.setdlopenflags(os.RTLD_LAZY | os.RTLD_GLOBAL)
    imitation = ctypes.CDLL(LIBRARY)
    driver = CudaDriver(imitation)
    graphs = sys.argv[1] == "True"
    print(f"right: {work(open_cuda(), driver, graphs)} batches")
    if shutil.which("nvcc"):
        print(f"right: {frames_in_gpu_memory(open_cuda(), driver, graphs)} batches of frames")
    else:
        print("no nvcc")
    gc.collect()
    held = " ".join(str(imitation.imitation_held(kind)) for kind in range(8))
    print(f"held: {held}, current: {imitation.imitation_depth()}")


if __name__ == "__main__":
    main()
