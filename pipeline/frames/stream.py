"""What all frames of one source share."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from threading import Event


@dataclass(frozen=True, slots=True)
class Epoch:
    """A clock of a source: it has a new one where recordings were joined, or it was restarted.

    starts_at: time of its first frame on that clock, in seconds
    shift: seconds from that clock to the times of the outputs
    """

    starts_at: Fraction
    shift: Fraction


@dataclass(frozen=True, slots=True)
class Stream:
    """The properties that all frames of one source share.

    name: unique in the run
    url: as the user gave it, credentials removed
    nominal_interval: seconds between two frames, as the container states them
    live: a camera, which does not wait for us
    audio_from: the file whose audio belongs to the video; None if there is no audio
    clock_period: seconds after which the times of the container start again; None: they do not
    epochs: clocks of the source, from the first to that of the frame decoded last; decode appends
        to it, and a sink that copies the audio follows it
    files: names of the pictures by index, below the folder that they have in common, if the source
        is a folder or glob of them
    cut: set once reading was stopped before the source's end (Ctrl-C, --max-frames); a sink that
        copies the audio then ends it with its last frame
    """

    name: str
    url: str
    nominal_interval: Fraction
    live: bool = False
    audio_from: str | None = field(default=None, repr=False)
    clock_period: Fraction | None = None
    epochs: list[Epoch] = field(default_factory=list, compare=False, repr=False)
    files: tuple[str, ...] = field(default=(), compare=False, repr=False)
    cut: Event = field(default_factory=Event, compare=False, repr=False)
