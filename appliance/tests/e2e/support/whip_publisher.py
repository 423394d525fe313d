"""FFmpeg publishing by WHIP: `whip_publisher.py URL TOKEN`. Ends when its input does.

A process of its own, because FFmpeg's muxer blocks while it connects. It is given a P-256
certificate: an FFmpeg that is built with GnuTLS, as PyAV's and Debian's are, makes itself one on
P-224, a curve that the box does not verify.
"""

import datetime
import sys
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support import picture, tone

WIDTH, HEIGHT, FPS = 640, 360, 15
AUDIO_FRAME = 960
"""Samples in 20 ms."""


def write_certificate(folder):
    """A self-signed P-256 certificate and its key; their paths as options of FFmpeg's muxer."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "FFmpeg")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    certificate = builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    paths = {"cert_file": Path(folder) / "cert.pem", "key_file": Path(folder) / "key.pem"}
    paths["cert_file"].write_bytes(certificate.public_bytes(encoding))
    paths["key_file"].write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return {option: str(path) for option, path in paths.items()}


def main(url, token):
    with tempfile.TemporaryDirectory(prefix="ringward-whip-") as folder:
        publish(url, {"authorization": token, **write_certificate(folder)})


def publish(url, options):
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    with av.open(url, "w", format="whip", options=options) as output:
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
