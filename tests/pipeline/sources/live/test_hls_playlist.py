"""HLS: one variant is read, the best unless another is asked for; playlists are not trusted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.live.hls_playlist import (
    PlaylistError,
    Variant,
    chosen,
    renditions,
    with_full_addresses,
)

MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x, y",URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS="mp4a.40.2"
sound.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=160x120,AUDIO="a"
low/i.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=3840x2160,URI="keyframes.m3u8"
#EXT-X-STREAM-INF:CODECS="avc1.640028,mp4a.40.2",BANDWIDTH=2000000,RESOLUTION=1280x720
/high/i.m3u8?a=b,c
#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=1280x720

https://other/i.m3u8
"""


def test_variants_are_read_with_full_addresses_and_without_sound_or_keyframes_only() -> None:
    found = renditions(MASTER, "http://host/live/m.m3u8?token=1")
    assert [each.url for each in found] == [
        "http://host/live/low/i.m3u8",
        "http://host/high/i.m3u8?a=b,c",
        "https://other/i.m3u8",
    ]
    assert [str(each) for each in found] == [
        "160 x 120, 100 kbit/s",
        "1280 x 720, 2000 kbit/s",
        "1280 x 720, 1000 kbit/s",
    ]


@pytest.mark.parametrize(
    ("variant", "max_height", "number"),
    [("best", None, 1), ("lowest", None, 0), ("best", 719, 0), ("best", 720, 1), ("best", 1, 0)],
)
def test_the_best_variant_up_to_a_height_is_read(
    variant: Variant, max_height: int | None, number: int
) -> None:
    found = renditions(MASTER, "http://host/m.m3u8")
    assert chosen(found, variant, max_height) is found[number]


def test_without_sizes_the_bit_rate_decides() -> None:
    text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2\nb\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n"
    assert chosen(renditions(text, "http://host/m"), "best", None).url == "http://host/b"


def test_addresses_survive_a_redirect() -> None:
    text = '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF:2,\na.ts\n/b.ts\nhttp://c/d.ts'
    assert with_full_addresses(text, "http://host/live/i.m3u8") == (
        '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://host/live/key"\n#EXTINF:2,\n'
        "http://host/live/a.ts\nhttp://host/b.ts\nhttp://c/d.ts\n"
    )


def test_a_playlist_that_multiplies_a_long_address_is_refused() -> None:
    with pytest.raises(PlaylistError, match="100000 lines"):
        with_full_addresses("a\n" * 100_000, "http://host/" + "x" * 4000)


LINES = st.sampled_from(
    ["#EXTM3U", "#EXT-X-STREAM-INF:", "RESOLUTION=9x9", "BANDWIDTH=", "http://[", 'URI="//[x"', ","]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES | st.text(max_size=10) | st.just("\n"), max_size=30))
def test_any_text_is_a_playlist_or_refused(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        full = with_full_addresses(text, "http://host/m.m3u8")
        found = renditions(full, "http://host/m.m3u8")
    except PlaylistError:
        return
    if found:
        assert chosen(found, "best", 5) in found
