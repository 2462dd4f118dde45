"""Clips of events: cut by copying, from the ring of a camera or from a recorded file.

`ClipMaker(folder, event_log, pre_seconds=5.0, post_seconds=5.0, max_seconds=300.0)` makes the clips
of a run, on a thread of its own. It is made after the EventLog, and closed before it, when the
streams have ended. It stands between what finds events and the EventLog:

    add(stream, footage, classes)  before the first frame; footage: `live_footage(tap, pre_seconds)`
                                   or `FileFootage(url)`; None for a source without packets
    put(record, phase)             in place of the EventLog's: a record with ClipState.PENDING gets
                                   the path of its clip, or ClipState.NONE if there are no packets
    observe(tracked)               each frame, after its changes were put
    ended(stream)                  after the last frame
    close()                        completes all clips
    figures                        counts of clips
"""
