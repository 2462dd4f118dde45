"""Encoded packets as their camera sent them: a tap for each stream, and a writer of files.

`Tap.subscribe(name, max_bytes)` gives a queue of PacketFormat, EncodedPacket and ConnectionEnded.
`PacketWriter(path, packets)` copies the packets of one connection, from a keyframe on, into a file:
`write(packet)`, `close()`. `Ring(name, seconds)` keeps the latest packets of a tap that it is
attached to.
"""
