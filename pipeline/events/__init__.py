"""What an operator would write down: which events there are, their best frames, their one form.

`EventsConfig` is the section `events` of a configuration: `check(classes, zones, streams=...)`,
`filters(stream)`. `EventSink(stream, classes, config, receiver, status=..., started_at=...)` is a
sink of every stream; it hands each change to `receiver.put(record, phase)`, such as the store's.
A recording's `started_at` is `pipeline.media.start_time.started_at`.
"""
