"""Bicycles of the synthetic street, ridden or pushed: two objects that partly hide each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from pipeline.sources.street.camera import Camera, Float64Array, Point
from pipeline.sources.street.capsules import Bone, flat
from pipeline.sources.street.drawing import Colour, Shadow, Shape, hull, shaded
from pipeline.sources.street.light import Light, Pose, Sketch
from pipeline.sources.street.people import (
    Clothes,
    Limb,
    Posture,
    body,
    in_order,
    person_shadow,
    walking,
)

BICYCLE = 1  # its part number in a sketch; the person is 0
WHEEL = 0.34  # metres, radius
AXLE = 0.53  # metres from the middle
CRANK: Point = (-0.05, 0.0, 0.29)
SADDLE: Point = (-0.22, 0.0, 0.95)
BARS: Point = (0.36, 0.0, 1.04)
STEERER: Point = (0.40, 0.0, 0.82)
TYRE: Colour = (38, 38, 38)
STEEL: Colour = (150, 150, 150)
_GEAR = 2.4  # turns of a wheel for one turn of the pedals


@dataclass(frozen=True, slots=True)
class Bicycle:
    """The looks of a bicycle."""

    frame: Colour
    tyres: Colour
    basket: bool


FRAMES: tuple[Colour, ...] = (
    (216, 218, 218),
    (44, 42, 42),
    (52, 44, 170),
    (150, 90, 40),
    (80, 140, 70),
    (60, 160, 214),
)


def random_bicycle(rng: np.random.Generator) -> Bicycle:
    """Return a random bicycle."""
    return Bicycle(
        frame=FRAMES[int(rng.integers(len(FRAMES)))],
        tyres=(206, 208, 208) if rng.random() < 0.2 else TYRE,
        basket=rng.random() < 0.3,
    )


def sketch_rider(
    camera: Camera, light: Light, pose: Pose, clothes: Clothes, bicycle: Bicycle
) -> Sketch:
    """Draw a cyclist: the far leg, the bicycle, then the rest of the rider."""
    posture = _riding(clothes.height, pose.travelled)
    pieces = body(camera, light, pose, clothes, posture)
    near, far = pieces.legs if _left_is_near(camera, pose) else pieces.legs[::-1]
    shapes = in_order(far) + _bicycle(camera, pose, bicycle) + in_order(pieces.upper + near)
    shadows = person_shadow(camera, light, pose, posture) + _shadows(camera, light, pose)
    return Sketch(tuple(shapes), shadows, pose.depth(camera), (0, 1))


def sketch_pusher(
    camera: Camera, light: Light, pose: Pose, clothes: Clothes, bicycle: Bicycle
) -> Sketch:
    """Draw a person who walks on the left of a bicycle, one hand on its bars."""
    x, y, _ = pose.at(0.05, 0.42, 0.0)
    walker = replace(pose, x=x, y=y)
    posture = walking(clothes.height, pose.travelled)
    holding = _reach(posture.arms[1].upper, (0.30, -0.40, 1.02), clothes.height)
    posture = replace(posture, arms=(posture.arms[0], holding))
    pieces = body(camera, light, walker, clothes, posture)
    whole = in_order(pieces.upper + pieces.legs[0] + pieces.legs[1])
    frame = _bicycle(camera, pose, bicycle)
    shapes = frame + whole if _left_is_near(camera, pose) else whole + frame
    shadows = person_shadow(camera, light, walker, posture) + _shadows(camera, light, pose)
    return Sketch(tuple(shapes), shadows, pose.depth(camera), (0, 1))


def _left_is_near(camera: Camera, pose: Pose) -> bool:
    return camera.depth(pose.at(0, 1, 0)) < camera.depth(pose.at(0, -1, 0))


def _riding(height: float, travelled: float) -> Posture:
    """Return the posture of a cyclist: feet on the pedals, hands on the bars."""
    hips: Point = (-0.17, 0.0, 1.0)
    chest: Point = (0.08, 0.0, 1.0 + 0.25 * height)
    angle = travelled / WHEEL / _GEAR
    left, right = (
        _bend((hips[0], side * 0.09, hips[2]), _pedal(angle, side), 0.255 * height)
        for side in (1.0, -1.0)
    )
    left_arm, right_arm = (
        _reach((chest[0], side * 0.118 * height, chest[2]), (BARS[0], side * 0.26, BARS[2]), height)
        for side in (1.0, -1.0)
    )
    head = (chest[0] + 0.07, 0.0, chest[2] + 0.125 * height)
    return Posture(hips, chest, head, (left, right), (left_arm, right_arm))


def _pedal(angle: float, side: float) -> Point:
    """Return the position of a foot: side 1 left, -1 right."""
    ahead, up = 0.17 * side * math.sin(angle), 0.17 * side * math.cos(angle)
    return CRANK[0] + ahead, side * 0.10, CRANK[2] + 0.06 + up


def _bend(hip: Point, foot: Point, bone: float) -> Limb:
    """Return a leg of two equal bones whose knee points forward."""
    du, dz = foot[0] - hip[0], foot[2] - hip[2]
    distance = min(math.sqrt(du * du + dz * dz), 1.98 * bone)
    out = math.sqrt(bone * bone - distance * distance / 4) / distance
    middle_u, middle_z = (hip[0] + foot[0]) / 2, (hip[2] + foot[2]) / 2
    return Limb(hip, (middle_u - dz * out, foot[1], middle_z + du * out), foot)


def _reach(shoulder: Point, hand: Point, height: float) -> Limb:
    """Return an arm whose elbow hangs a little below the straight line."""
    u, v, z = ((a + b) / 2 for a, b in zip(shoulder, hand, strict=True))
    return Limb(shoulder, (u - 0.02 * height, v * 1.15, z - 0.04 * height), hand)


def _bicycle(camera: Camera, pose: Pose, bicycle: Bicycle) -> list[Shape]:
    """Return wheels, frame, saddle and bars."""
    rear, front = (-AXLE, 0.0, WHEEL), (AXLE, 0.0, WHEEL)
    seat = (SADDLE[0], 0.0, 0.86)
    dark, paint = shaded(bicycle.frame, 0.8), bicycle.frame
    left, right = (BARS[0], 0.28, BARS[2]), (BARS[0], -0.28, BARS[2])
    nose, back = (SADDLE[0] + 0.12, 0.0, SADDLE[2]), (SADDLE[0] - 0.11, 0.0, SADDLE[2])
    wheels = [_spokes(axle, pose.travelled) for axle in (-AXLE, AXLE)]
    treads = [_tread(axle, bicycle) for axle in (-AXLE, AXLE)] if _edge_on(camera, pose) else []
    tubes = [
        *(bone for wheel in wheels for bone in wheel),
        *treads,
        Bone(rear, 0.014, CRANK, 0.014, dark, BICYCLE),
        Bone(rear, 0.012, seat, 0.012, dark, BICYCLE),
        Bone(front, 0.018, STEERER, 0.018, dark, BICYCLE),
        Bone(CRANK, 0.018, seat, 0.018, paint, BICYCLE),
        Bone(CRANK, 0.022, STEERER, 0.022, paint, BICYCLE),
        Bone(seat, 0.020, STEERER, 0.020, paint, BICYCLE),
        Bone(STEERER, 0.016, BARS, 0.016, STEEL, BICYCLE),
        Bone(left, 0.018, right, 0.018, TYRE, BICYCLE),
        Bone(seat, 0.016, SADDLE, 0.016, STEEL, BICYCLE),
        Bone(back, 0.07, nose, 0.035, TYRE, BICYCLE),
    ]
    shapes = flat(camera, pose, tubes)
    behind = sum(len(wheel) for wheel in wheels)
    return [
        *shapes[:behind],
        *_tyres(camera, pose, bicycle),
        *shapes[behind:],
        *_basket(camera, pose, bicycle),
    ]


def _basket(camera: Camera, pose: Pose, bicycle: Bicycle) -> list[Shape]:
    if not bicycle.basket:
        return []
    corners = [(u, v) for u in (0.42, 0.74) for v in (-0.17, 0.17)]
    box = np.array([(u, v, z) for z in (0.80, 1.02) for u, v in corners])
    pixels = camera.project(pose.place(box))
    wicker: Colour = (74, 104, 134)
    return [
        Shape((hull(pixels),), shaded(wicker, 0.8), BICYCLE),
        Shape((hull(pixels[4:]),), shaded(wicker, 0.5), BICYCLE),
    ]


def _spokes(axle: float, travelled: float) -> list[Bone]:
    """Return the hub of a wheel and a few spokes, which turn."""
    hub: Point = (axle, 0.0, WHEEL)
    rods = [Bone(hub, 0.04, hub, 0.04, STEEL, BICYCLE)]
    for k in range(5):
        angle = travelled / WHEEL + k * math.pi / 5
        u, z = 0.29 * math.cos(angle), 0.29 * math.sin(angle)
        start, end = (axle + u, 0.0, WHEEL - z), (axle - u, 0.0, WHEEL + z)
        rods.append(Bone(start, 0.005, end, 0.005, STEEL, BICYCLE))
    return rods


def _tread(axle: float, bicycle: Bicycle) -> Bone:
    """Return the thickness of a tyre: a wheel seen edge-on is a ring without any."""
    foot, top = (axle, 0.0, 0.02), (axle, 0.0, 2 * WHEEL - 0.02)
    return Bone(foot, 0.02, top, 0.02, bicycle.tyres, BICYCLE)


def _tyres(camera: Camera, pose: Pose, bicycle: Bicycle) -> list[Shape]:
    """Return the tyres and rims of both wheels."""
    rings = [
        _WHEEL_RING * radius + (axle, 0.0, WHEEL)
        for axle in (-AXLE, AXLE)
        for radius in (WHEEL, WHEEL - 0.045, WHEEL - 0.06)
    ]
    lines = camera.project(pose.place(np.concatenate(rings))).reshape(2, 3, -1, 2)
    return [
        shape
        for outer, inner, rim in lines
        for shape in (
            Shape((outer, inner), bicycle.tyres, BICYCLE),
            Shape((inner, rim), STEEL, BICYCLE),
        )
    ]


def _edge_on(camera: Camera, pose: Pose) -> bool:
    """Return whether the wheels are seen nearly edge-on."""
    pixels, scale = camera.pixels(pose.place(np.array([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)])))
    return bool(abs(pixels[1, 0] - pixels[0, 0]) < 0.25 * scale[0])


_WHEEL_RING: Float64Array = np.array(
    [(math.cos(k * math.pi / 12), 0.0, math.sin(k * math.pi / 12)) for k in range(24)]
)


def _shadows(camera: Camera, light: Light, pose: Pose) -> tuple[Shadow, ...]:
    """Return the shadows of the wheels and of the frame between them."""
    cast = []
    for axle in (-AXLE, AXLE):
        tyre = light.cast(pose.place(_WHEEL_RING * WHEEL + (axle, 0.0, WHEEL)))
        cast.append(Shadow(camera.project(tyre), contact=False))
    frame = np.array([CRANK, SADDLE, BARS])
    cast.append(Shadow(camera.project(light.cast(pose.place(frame))), contact=False))
    return tuple(cast)
