"""What runs in a child process, by the system's Python; it imports nothing else of ours.

    python3 child SOCKET PARENT
    python3 child

Without arguments it prints JSON: {"decoders": {FFmpeg's name of a codec: the elements that decode
it here, the first one used first}, "encoders": the same for H.264}. Without GStreamer it prints
null.

SOCKET is the number of a connected Unix socket, PARENT the parent's process id. The process ends
with the socket, or with its parent. A message is its kind, its length (">cI") and its content.

**To decode** the parent sends

    S  JSON, once: {"task": "decode", "codec": FFmpeg's name, "lengths": whether NAL units have
       lengths instead of start codes, "headers": the container's, in hexadecimal,
       "max_pixels": n, "slots": n}
    P  a packet: its time in ns (">Q"), then its bytes
    R  the number of a ring and of a slot in it that is free again (">II")
    F  no more packets follow: give out what is left

and is answered by

    I  JSON, once: {"element": that decodes, "hardware": whether it may give frames later}
    M  JSON: the layout of the frames that follow, and with it the descriptor of their memory:
       a ring of slots, each for one frame
    V  a frame: ring, slot, time in ns, whether it is damaged (">IIQ?")
    D  a packet was taken, or everything has been given out
    E  JSON: {"text": why nothing more will come}; the process ends

Decoders in software give a frame before D, those in hardware later. A frame without a free slot
waits for one.

**To encode** as H.264 the parent sends

    S  JSON, once: {"task": "encode", "memory": number of an open file that holds one frame,
       "width": n, "height": n, "rate": [frames, seconds], "pixel_aspect": [width, height],
       "gop": frames, "bit_rate": per second, "buffer_bits": of rate control}
    V  a frame of I420 lies in the memory: its time in ns, whether it is to be a keyframe (">Q?")
    F  no more frames follow

and is answered by I, D and E as above, and by

    U  an access unit in Annex B: the time of its frame in ns, whether it is a keyframe (">Q?"),
       then its bytes
"""
