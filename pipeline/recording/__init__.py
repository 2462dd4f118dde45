"""Recording a camera by copying its packets: a worker beside the stream's others.

`record_stream(config, stream, source)` makes a StreamRecording: its `workers` run with those of the
stream, and its `figures` go into the report.
"""
