"""Official checkpoints give our networks with the same numbers, or are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from detector.errors import ModelError
from detector.weights.official import read_official
from detector.weights.torch_networks import load_official
from detector.yolov7.description import Form, network_names
from detector.yolov7.network import Network, build_network, deploy
from tests.detector.weights.test_torch_file import archive
from tests.detector.weights.test_unpickler import Call
from tests.support.official_file import write_official

NAMES = ("person", "bicycle", "car", "bus", "truck")
OFFICIAL = [("yolov7-tiny", 0.25), ("yolov7", 0.125)]


@pytest.fixture(scope="module")
def network() -> Network:
    """A small network with random weights and fitted anchors."""
    torch.manual_seed(3)
    network = build_network("yolov7-tiny", classes=2, width=0.125)
    network.train()(torch.rand(2, 3, 64, 64))  # changes the running statistics
    network.head.anchor_grid += 5  # as if fitted to another data set
    return network.eval()


def written(network: Network, path: Path, **entries: Any) -> Path:
    write_official(network, path, class_names=NAMES[: network.classes], **entries)
    return path


@pytest.mark.parametrize(("variant", "width"), OFFICIAL)
@torch.no_grad()
def test_an_official_checkpoint_gives_the_numbers_of_the_original(
    variant: str, width: float, reference: Path
) -> None:
    stem = reference / f"official_{variant}_w{width}"
    network, info = load_official(stem.with_name(f"{stem.name}.pt"))
    assert (info.variant, info.width, info.class_names) == (variant, width, NAMES)
    images = np.random.default_rng(7).uniform(0, 1, (1, 3, 96, 128)).astype(np.float32)
    expected = np.load(stem.with_name(f"{stem.name}.npz"))["decoded"]
    for each in (network, deploy(network)):
        decoded = each.decode(each(torch.from_numpy(images))).numpy()
        assert decoded.shape == expected.shape
        assert np.abs(decoded - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("form", ["training", "deployed"])
@pytest.mark.parametrize("variant", network_names())
def test_every_network_is_recognised_in_both_forms_by_its_tensors(
    variant: str, form: Form, tmp_path: Path
) -> None:
    network = build_network(variant, classes=3, width=0.02, form=form)
    found, info = read_official(written(network, tmp_path / "x.pt"))
    assert (info.variant, info.form, info.width) == (variant, form, 0.02)
    expected = network.half().state_dict()
    assert found.arrays.keys() == expected.keys()
    assert all(np.array_equal(found.arrays[name], expected[name].numpy()) for name in expected)


def test_the_size_is_that_of_the_original_training(tmp_path: Path) -> None:
    network = build_network("yolov7-w6", classes=1, width=0.02, form="deployed")
    assert load_official(written(network, tmp_path / "x.pt"))[1].size == (1280, 1280)


@torch.no_grad()
def test_anchors_are_those_of_the_checkpoint_also_when_deployed(
    network: Network, tmp_path: Path
) -> None:
    images = torch.rand(1, 3, 64, 96)
    loaded, _ = load_official(written(network, tmp_path / "x.pt"))
    assert loaded.anchors[0].tolist() == [[15, 18], [21, 35], [38, 28]]  # 5 more than published
    assert not loaded.training
    expected = network.decode(network(images))
    for each in (loaded, deploy(loaded)):
        assert torch.allclose(each.decode(each(images)), expected, atol=0.05)


def test_the_averaged_weights_of_a_training_are_preferred(network: Network, tmp_path: Path) -> None:
    latest = build_network("yolov7-tiny", classes=2, width=0.25)
    path = written(latest, tmp_path / "x.pt", averaged=network, best_fitness=np.array([0.25]))
    assert (latest.width, read_official(path)[0].width) == (0.25, 0.125)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"names": None}, "does not name its classes"),
        ({"names": []}, "does not name its classes"),
        ({"names": ["a", 2]}, "does not name its classes"),
        ({"names": ["a", "b", "c"]}, r"with 3 classes: model\.77\..* is \(.*\) instead of \("),
        ({"yaml": {}}, "does not name its width_multiple"),
        ({"yaml": {"width_multiple": float("nan")}}, "does not name its width_multiple"),
        ({"yaml": {"width_multiple": 0.5}}, r"at width 0\.5 with 2 classes: model\.0\.conv"),
    ],
)
def test_the_attributes_of_a_checkpoint_must_agree_with_its_tensors(
    changed: dict[str, Any], message: str, network: Network, tmp_path: Path
) -> None:
    path = tmp_path / "x.pt"
    write_official(network, path, class_names=NAMES[:2], attributes=changed)
    with pytest.raises(ModelError, match=f"'{path}' is not an official checkpoint.*{message}"):
        read_official(path)


def test_a_network_of_another_family_is_refused(network: Network, tmp_path: Path) -> None:
    network = build_network("yolov7-tiny", classes=2, width=0.125)
    network.model[5] = torch.nn.Sequential(network.model[5])
    with pytest.raises(ModelError, match=r"its network is not one of yolov7, .*yolov7x"):
        read_official(written(network, tmp_path / "x.pt"))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"model": None}, "no `model` of YOLOv7"),
        ({"model": {"model.0.conv.weight": torch.zeros(1)}}, "it is a plain state_dict"),
        ({"model": torch.nn.Conv2d(1, 1, 1)}, "no `model` of YOLOv7"),
        ({"ema": torch.zeros(2)}, "no `model` of YOLOv7"),
        ({"hook": Call(exec, "raise SystemExit")}, "names 'builtins.exec'"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(
    entries: dict[str, Any], message: str, network: Network, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=message):
        read_official(written(network, tmp_path / "x.pt", **entries))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.nn.Conv2d(1, 1, 1).state_dict(), "it is a plain state_dict"),
        ({"state_dict": torch.nn.Conv2d(1, 1, 1).state_dict()}, "it is a plain state_dict"),
        (torch.zeros(2), "it is a single tensor"),
        (torch.nn.Conv2d(1, 1, 1), "it is a whole module, torch.nn.modules.conv.Conv2d"),
        ([1, 2], "it does not hold a training checkpoint"),
    ],
)
def test_what_a_file_holds_instead_of_a_checkpoint_is_named(
    content: Any, message: str, tmp_path: Path
) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ModelError, match=message):
        read_official(tmp_path / "x.pt")


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_torchscript_program_is_named_although_it_is_compressed(tmp_path: Path) -> None:
    layer, image = torch.nn.Conv2d(3, 4, 3).eval(), torch.zeros(1, 3, 8, 8)
    torch.jit.trace(layer, image).save(str(tmp_path / "x.pt"))  # type: ignore[no-untyped-call]
    with pytest.raises(ModelError, match="it is a TorchScript program"):
        read_official(tmp_path / "x.pt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no weights file '.*gone\.pt': give the path of a \.pt"):
        read_official(tmp_path / "gone.pt")


MODULE = b"cmodels.yolo\nModel\n)\x81"  # then its state
TENSOR = b"""ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nHalfStorage
U\x010U\x03cpuM\x00\x08tQK\x00(M\x00\x08t(K\x01t\x89}tR"""


def module(tensors: bytes = b"", children: bytes = b"") -> bytes:
    """Return the opcodes of a module with these tensors and children in its dictionaries."""
    parts = b"U\x0b_parameters}(" + tensors + b"uU\x08_buffers}U\x08_modules}(" + children + b"u"
    return MODULE + b"}(" + parts + b"ub"


def twice_below_itself(levels: int) -> bytes:
    """Return a module with 2 ** levels paths to its deepest module."""
    inner = module()
    for _ in range(levels):
        inner = module(children=b"U\x01a" + inner + b"q\x01U\x01bh\x01")
    return inner


def chain(levels: int) -> bytes:
    opened, closed = module(children=b"U\x01aX").split(b"X")
    return opened * levels + module() + closed * levels


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (twice_below_itself(40), "occurs twice"),
        (module(children=b"U\x01ah\x00"), "occurs twice"),
        (chain(50_000), "nested too deeply"),
        (module(b"".join(b"U\x02%02d" % i + TENSOR for i in range(99))), "more bytes than"),
        (MODULE + b"Nb", "it is not a module"),
        (MODULE, "it is not a module"),
        (module(children=b"U\x01a" + MODULE + b"}b"), "it is not a module"),
    ],
    ids=["a bomb", "a circle", "a chain", "one tensor 99 times", "no state", "none", "no child"],
)
def test_malformed_modules_are_refused(model: bytes, message: str, tmp_path: Path) -> None:
    data = b"\x80\x02}U\x05model" + model.replace(MODULE, MODULE + b"q\x00", 1) + b"s."
    path = archive(tmp_path / "x.pt", {"data.pkl": data, "data/0": bytes(4096)})
    with pytest.raises(ModelError, match=message):
        read_official(path)
