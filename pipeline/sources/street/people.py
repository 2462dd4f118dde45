"""People of the synthetic street: capsules around the bones of a posed skeleton."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.sources.street.camera import Camera, Float64Array, Point
from pipeline.sources.street.capsules import RING, Bone, rounded, sunny_side
from pipeline.sources.street.drawing import Colour, Shadow, Shape, hull, shaded
from pipeline.sources.street.light import Light, Pose, Sketch

STRIDE = 1.45  # metres of two steps
Part = tuple[float, list[Shape]]  # depth in metres, for sorting

_CLOTHES_COVER = 0.06  # metres by which clothes count as nearer than the body


@dataclass(frozen=True, slots=True)
class Clothes:
    """The looks of a person.

    height: metres; skirt: or a long coat
    """

    height: float
    skin: Colour
    hair: Colour
    top: Colour
    bottom: Colour
    shoes: Colour
    long_hair: bool
    skirt: bool
    bag: bool


SKINS: tuple[Colour, ...] = (
    (150, 178, 222),
    (128, 160, 206),
    (104, 138, 190),
    (72, 100, 150),
    (48, 66, 102),
)
HAIR: tuple[Colour, ...] = (
    (28, 26, 28),
    (34, 42, 62),
    (40, 62, 98),
    (92, 150, 196),
    (150, 152, 156),
)
TOPS: tuple[Colour, ...] = (
    (38, 36, 36),
    (62, 58, 56),
    (122, 120, 118),
    (206, 208, 208),
    (150, 96, 48),
    (92, 52, 34),
    (52, 42, 158),
    (60, 128, 84),
    (70, 170, 214),
    (150, 140, 196),
    (112, 136, 150),
    (160, 150, 70),
)
BOTTOMS: tuple[Colour, ...] = (
    (40, 38, 38),
    (84, 56, 42),
    (110, 76, 56),
    (70, 68, 66),
    (104, 128, 146),
    (132, 134, 134),
)
SHOES: tuple[Colour, ...] = ((34, 34, 36), (52, 62, 84), (198, 200, 200))


def random_clothes(rng: np.random.Generator) -> Clothes:
    """Return random looks."""

    def one_of(colours: tuple[Colour, ...]) -> Colour:
        return colours[int(rng.integers(len(colours)))]

    return Clothes(
        height=1.58 + 0.28 * rng.random(),
        skin=one_of(SKINS),
        hair=one_of(HAIR),
        top=one_of(TOPS),
        bottom=one_of(BOTTOMS),
        shoes=one_of(SHOES),
        long_hair=rng.random() < 0.4,
        skirt=rng.random() < 0.15,
        bag=rng.random() < 0.25,
    )


@dataclass(frozen=True, slots=True)
class Limb:
    """A leg or an arm: upper joint, middle joint, end; in the person's axes, metres."""

    upper: Point
    middle: Point
    end: Point


@dataclass(frozen=True, slots=True)
class Posture:
    """The positions of the joints: forward, left, up from the point between the feet, metres."""

    hips: Point
    chest: Point
    head: Point
    legs: tuple[Limb, Limb]
    arms: tuple[Limb, Limb]


def walking(height: float, travelled: float) -> Posture:
    """Return the posture of a walker; travelled: metres, 0 for standing still."""
    phase = 2 * math.pi * travelled / STRIDE
    lean = 0.03 if travelled else 0.0
    swing, lift = (math.sin(phase), math.cos(phase)) if travelled else (0.0, 0.0)
    hip = _hip_height(height, swing, lift)
    chest = hip + 0.27 * height
    return Posture(
        hips=(0.0, 0.0, hip),
        chest=(lean, 0.0, chest),
        head=(lean * 1.6, 0.0, hip + 0.395 * height),
        legs=(
            _walking_leg(height, hip, 0.055 * height, swing, lift),
            _walking_leg(height, hip, -0.055 * height, -swing, -lift),
        ),
        arms=(
            _hanging_arm(height, (lean, 0.118 * height, chest), -swing),
            _hanging_arm(height, (lean, -0.118 * height, chest), swing),
        ),
    )


def _hip_height(height: float, swing: float, lift: float) -> float:
    """Return the height of the hips with the lower foot on the ground."""
    left = _walking_leg(height, 0.0, 0.0, swing, lift)
    right = _walking_leg(height, 0.0, 0.0, -swing, -lift)
    return 0.04 * height - min(left.end[2], right.end[2])


def _walking_leg(height: float, hip: float, v: float, swing: float, lift: float) -> Limb:
    """Return a leg: `swing` -1..1 back to front, `lift` > 0 while it comes forward."""
    bone = 0.245 * height
    angle = 0.42 * swing + 0.06
    bend = 0.10 + 0.75 * max(0.0, lift) + 0.12 * max(0.0, -swing)
    knee = (bone * math.sin(angle), v, hip - bone * math.cos(angle))
    lower = angle - bend
    ankle = (knee[0] + bone * math.sin(lower), v, knee[2] - bone * math.cos(lower))
    return Limb((0.0, v, hip), knee, ankle)


def _hanging_arm(height: float, shoulder: Point, swing: float) -> Limb:
    """Return an arm: `swing` -1..1 back to front."""
    bone = 0.17 * height
    u, v, z = shoulder
    angle = 0.36 * swing
    elbow = (u + bone * math.sin(angle), 1.22 * v, z - bone * math.cos(angle))
    bent = angle + 0.25 + 0.25 * max(0.0, swing)
    hand = (elbow[0] + bone * math.sin(bent), 1.22 * v, elbow[2] - bone * math.cos(bent))
    return Limb(shoulder, elbow, hand)


def sketch_walker(camera: Camera, light: Light, pose: Pose, clothes: Clothes) -> Sketch:
    """Draw a person who walks, or stands if the pose has travelled 0 metres."""
    posture = walking(clothes.height, pose.travelled)
    pieces = body(camera, light, pose, clothes, posture)
    shapes = tuple(in_order(pieces.upper + pieces.legs[0] + pieces.legs[1]))
    shadows = person_shadow(camera, light, pose, posture)
    return Sketch(shapes, shadows, pose.depth(camera), (0,))


@dataclass(frozen=True, slots=True)
class Body:
    """A person in pieces, so that a bicycle can be drawn between them."""

    upper: list[Part]
    legs: list[list[Part]]


def body(camera: Camera, light: Light, pose: Pose, clothes: Clothes, posture: Posture) -> Body:
    """Return the pieces of a person."""
    limbs = [_leg(clothes, limb) for limb in posture.legs]
    limbs += [_arm(clothes, limb) for limb in posture.arms]
    bones = [bone for limb in limbs for bone in limb] + _head(clothes, posture)
    parts = rounded(camera, light, pose, bones)  # in one call, which costs more than the bones
    left, right, arms, head = parts[:3], parts[3:6], parts[6:12], parts[12:]
    trunk = _trunk(camera, light, pose, clothes, posture)
    return Body([*trunk, *arms, _face_or_hair_first(camera, pose, head)], [left, right])


def in_order(parts: list[Part]) -> list[Shape]:
    """Return the shapes of parts, farthest first."""
    return [shape for _, shapes in sorted(parts, key=lambda part: -part[0]) for shape in shapes]


def _leg(clothes: Clothes, limb: Limb) -> list[Bone]:
    size = clothes.height
    cloth = clothes.skin if clothes.skirt else clothes.bottom
    toe = (limb.end[0] + 0.085 * size, limb.end[1], max(limb.end[2] - 0.03 * size, 0.02))
    return [
        Bone(limb.end, 0.026 * size, toe, 0.022 * size, clothes.shoes),
        Bone(limb.middle, 0.033 * size, limb.end, 0.024 * size, cloth),
        Bone(limb.upper, 0.050 * size, limb.middle, 0.036 * size, cloth),
    ]


def _arm(clothes: Clothes, limb: Limb) -> list[Bone]:
    size = clothes.height
    return [
        Bone(limb.end, 0.022 * size, limb.end, 0.022 * size, clothes.skin),
        Bone(limb.middle, 0.024 * size, limb.end, 0.020 * size, clothes.top),
        Bone(limb.upper, 0.033 * size, limb.middle, 0.026 * size, clothes.top),
    ]


def _trunk(
    camera: Camera, light: Light, pose: Pose, clothes: Clothes, posture: Posture
) -> list[Part]:
    """Return the trunk, and a skirt or bag: hulls of horizontal ellipses."""
    (u, _, hip), (chest_u, _, chest) = posture.hips, posture.chest
    size = clothes.height
    rings = (
        (chest_u, chest + 0.045 * size, 0.050, 0.085),
        (chest_u, chest, 0.066, 0.118),
        (u, hip + 0.05 * size, 0.062, 0.088),
        (u, hip - 0.02 * size, 0.066, 0.092),
    )
    parts = [_barrel(camera, light, pose, size, rings, clothes.top)]
    if clothes.skirt:
        hem = max(hip - 0.20 * size, 0.1)
        skirt = ((u, hip + 0.02 * size, 0.064, 0.088), (u, hem, 0.10, 0.115))
        parts.append(_barrel(camera, light, pose, size, skirt, clothes.bottom))
    if clothes.bag:
        high, low = chest, hip + 0.06 * size
        bag = ((chest_u - 0.09 * size, high, 0.04, 0.07), (u - 0.09 * size, low, 0.045, 0.075))
        parts.append(_barrel(camera, light, pose, size, bag, clothes.shoes))
    return parts


def _barrel(
    camera: Camera,
    light: Light,
    pose: Pose,
    size: float,
    rings: tuple[tuple[float, float, float, float], ...],
    colour: Colour,
) -> Part:
    """Return the dark and the lit hull of horizontal ellipses: forward, up, half axes / height."""
    ellipses: Float64Array = np.array(
        [(u, 0.0, z, a * size, b * size, 0.0) for u, z, a, b in rings]
    )
    corners = RING * ellipses[:, None, 3:] + ellipses[:, None, :3]
    whole = hull(camera.project(pose.place(corners.reshape(-1, 3))))
    left, top, width, height = cv2.boundingRect(whole)
    middle = (left + width / 2, top + height / 2)
    lit = (whole - middle) * (0.62, 0.9) + middle + (sunny_side(light) * width * 0.10, 0.0)
    lit_side = np.rint(lit).astype(np.int32)
    middle_up = (rings[0][1] + rings[-1][1]) / 2
    depth = camera.depth(pose.at(rings[0][0], 0.0, middle_up)) - _CLOTHES_COVER
    return depth, [Shape((whole,), shaded(colour, 0.8)), Shape((lit_side,), colour)]


def _head(clothes: Clothes, posture: Posture) -> list[Bone]:
    """Return neck, hair and face."""
    size = clothes.height
    u, v, z = posture.head
    centre, face = (u, v, z + 0.01 * size), (u + 0.030 * size, v, z - 0.012 * size)
    neck = (posture.chest[0], v, posture.chest[2] + 0.05 * size)
    nape = (u - 0.045 * size, v, z - (0.10 if clothes.long_hair else 0.01) * size)
    return [
        Bone(neck, 0.03 * size, centre, 0.03 * size, clothes.skin),
        Bone(centre, 0.058 * size, nape, 0.045 * size, clothes.hair),
        Bone(face, 0.046 * size, face, 0.046 * size, clothes.skin),
    ]


def _face_or_hair_first(camera: Camera, pose: Pose, head: list[Part]) -> Part:
    """Return the head as one part, with the hair in front of the face if it looks away."""
    (_, neck), (depth, hair), (_, face) = head
    ahead = camera.depth(pose.at(1.0, 0.0, -0.5)) - camera.depth(pose.at(0.0, 0.0, 0.0))
    return depth, [*neck, *face, *hair] if ahead > 0.4 else [*neck, *hair, *face]


def person_shadow(camera: Camera, light: Light, pose: Pose, posture: Posture) -> tuple[Shadow, ...]:
    """Return the shadows of legs, trunk and head, and the contact shadows of the feet."""
    bones = [(limb.upper, 0.06, limb.end, 0.05) for limb in posture.legs]
    bones.append((posture.hips, 0.15, posture.chest, 0.18))
    bones.append((posture.chest, 0.06, posture.head, 0.10))
    joints: Float64Array = np.array([joint for bone in bones for joint in (bone[0], bone[2])])
    soles: Float64Array = np.array([(limb.end[0] + 0.05, limb.end[1], 0) for limb in posture.legs])
    radii = [radius for bone in bones for radius in (bone[1], bone[3])] + [0.11] * len(soles)
    centres = np.concatenate([light.cast(pose.place(joints)), pose.place(soles)])
    discs = RING[None] * np.array(radii)[:, None, None] + centres[:, None]
    outlines = camera.project(discs.reshape(-1, 3)).reshape(-1, len(RING), 2)
    cast, feet = outlines[: len(joints)].reshape(len(bones), -1, 2), outlines[len(joints) :]
    return (
        *(Shadow(hull(outline), contact=False) for outline in cast),
        *(Shadow(outline, contact=True) for outline in feet),
    )
