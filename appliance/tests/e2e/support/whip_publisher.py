"""FFmpeg publishing by WHIP: `whip_publisher.py URL TOKEN`. Ends when its input does.

A process of its own, because FFmpeg's muxer blocks while it connects.
"""

import sys
import threading
import time
from fractions import Fraction

import av
import numpy as np
from support import picture, tone

WIDTH, HEIGHT, FPS = 640, 360, 15
AUDIO_FRAME = 960
"""Samples in 20 ms."""


def main(url, token):
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    with av.open(url, "w", format="whip", options={"authorization": token}) as output:
        video = output.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.max_b_frames = 0
        video.codec_context.gop_size = FPS
        video.options = {"profile": "baseline", "preset": "ultrafast", "tune": "zerolatency"}
        audio = output.add_stream("libopus", rate=tone.RATE)
        audio.codec_context.layout = "stereo"
        began, pictures, samples = time.monotonic(), 0, 0
        while not ended.is_set():
            now = time.monotonic() - began
            while pictures / FPS <= now:
                pictures += 1
                pixels = np.frombuffer(picture.i420(pictures, WIDTH, HEIGHT), np.uint8)
                frame = av.VideoFrame.from_ndarray(pixels.reshape(HEIGHT * 3 // 2, WIDTH), format="yuv420p")
                frame.pts, frame.time_base = pictures, Fraction(1, FPS)
                output.mux(video.encode(frame))
                print(pictures, flush=True)
            while samples / tone.RATE <= now:
                pcm = np.repeat(tone.frame(440, samples, AUDIO_FRAME), 2).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="stereo")
                frame.sample_rate, frame.pts, frame.time_base = tone.RATE, samples, Fraction(1, tone.RATE)
                output.mux(audio.encode(frame))
                samples += AUDIO_FRAME
            ended.wait(0.005)


if __name__ == "__main__":
    main(*sys.argv[1:])
