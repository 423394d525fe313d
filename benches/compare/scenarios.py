"""What is measured. Names are those of the goals in `benches/README.md`."""

from dataclasses import dataclass, field

BURST = ["--burst", "10"]
EVEN = ["--burst", "1"]
TRACES = [
    ("720p VP8", "chromium-156-720p-vp8-simulcast.csv"),
    ("2.5 Mbit/s VP8", "chromium-156-2500k-vp8-single.csv"),
    ("screen", "chromium-156-1080p-screen-vp8.csv"),
    ("VP9 SVC", "chromium-156-vp9-l3t3key.csv"),
    ("Python 720p VP8", "python-1.2.0-720p-vp8-simulcast.csv"),
    ("Python 720p H264", "python-1.2.0-720p-h264-simulcast.csv"),
]
ALL = ["ringward", "livekit", "janus", "mediasoup"]
LIVEKIT = ["ringward", "livekit"]


@dataclass
class Point:
    """One load: where it stands on the axis, what it is called, the generator's options."""

    x: float
    label: str
    load: list
    seconds: int = 10


@dataclass
class Scenario:
    """A list of points and the figure that decides."""

    goal: str
    points: list
    servers: list = field(default_factory=lambda: list(ALL))
    # Path of the deciding figure in a report, its unit, and whether less is better.
    figure: str = "server.cpu_micros_per_packet"
    unit: str = "µs CPU per delivered packet"
    axis: str = "subscribers"
    # A server that lost or withheld packets at one point is not asked for the next one.
    stop_when_unclean: bool = False
    settle: int = 3
    patience: int = 60


# A room of Ringward's holds 200 participants, the publisher among them.
MANY = 199


def fanout(subscribers, shape, seconds=10):
    load = ["--publishers", "1", "--subscribers", str(subscribers), "--rate", "300", *shape]
    return Point(subscribers, f"1 → {subscribers}", load, seconds)


def saturate(rate):
    load = ["--subscribers", str(MANY), "--rate", str(rate), *BURST]
    return Point(rate * MANY, f"{rate * MANY:,}/s", load)


def latency(rate):
    load = ["--subscribers", str(MANY), "--rate", str(rate), *BURST]
    return Point(rate * MANY, f"{rate * MANY:,}/s", load, 20)


def replayed(place, name, file, extra, what):
    load = ["--subscribers", "1", "--trace", f"TRACES/{file}", "--full-every", "0", *extra]
    return Point(place, f"{name}{what}", load, 12)


CURVE = [10, 25, 50, 100, MANY]

SCENARIOS = {
    "fanout-50-burst": Scenario(
        "≤ 1.6 µs per packet, ≤ 1/6 of the best peer's", [fanout(50, BURST)]
    ),
    "fanout-200-burst": Scenario(
        "≤ 1.6 µs per packet, ≤ 1/6 of the best peer's", [fanout(MANY, BURST)]
    ),
    "fanout-50-even": Scenario("≤ 4.5 µs per packet, below every peer's", [fanout(50, EVEN)]),
    "fanout-200-even": Scenario("≤ 4.5 µs per packet, below every peer's", [fanout(MANY, EVEN)]),
    "fanout-50-small": Scenario(
        "no goal: 200-byte packets, evenly spaced",
        [Point(50, "1 → 50", ["--subscribers", "50", "--bytes", "200", *EVEN])],
    ),
    "audio-50": Scenario(
        "no goal: 1 → 50, audio alone, 50 packets/s of 200 bytes",
        [Point(50, "1 → 50", ["--subscribers", "50", "--media", "audio"], 20)],
        servers=LIVEKIT,
    ),
    "saturate": Scenario(
        "≥ 600,000 packets/s forwarded on one core without loss",
        [saturate(rate) for rate in (250, 500, 750, 1_000, 1_500, 2_000, 3_000, 4_000)],
        figure="delivered_per_second",
        unit="packets/s delivered",
        axis="packets/s offered",
        stop_when_unclean=True,
        settle=10,
    ),
    "mesh-50": Scenario(
        "≤ 1.3 × the 1 → 50 figure",
        [
            Point(
                50,
                "50 see 50",
                "--publishers 50 --subscribers 0 --mesh --simulcast --thumbnails".split()
                + ["--rate", "300", *BURST],
            )
        ],
        servers=LIVEKIT,
        settle=8,
    ),
    "rooms-20x3": Scenario(
        "no goal: 20 consultations of three, everybody sees everybody, audio and simulcast video",
        [
            Point(
                60,
                "20 × 3",
                "--rooms 20 --publishers 3 --subscribers 0 --mesh --simulcast --media both".split()
                + ["--rate", "300", *BURST],
            )
        ],
        servers=LIVEKIT,
        settle=8,
    ),
    "idle-50x2pps": Scenario(
        "≤ 0.5 % of a core",
        [Point(50, "1 → 50", ["--subscribers", "50", "--rate", "2", *EVEN], 40)],
        figure="server.cpu_percent",
        unit="% of a core",
    ),
    "latency-200-half": Scenario(
        "of a frame's last packet: ≤ 0.2 / 1 / 3 ms p50 / p99 / p99.9",
        [latency(rate) for rate in (300, 750, 1_500)],
        figure="frame_latency.p99",
        unit="µs, p99 of frames' last packets",
        axis="packets/s offered",
        stop_when_unclean=True,
        settle=10,
    ),
    "memory-200": Scenario(
        "≤ 64 KiB beyond DTLS and ICE state",
        [
            Point(MANY, "with video", ["--subscribers", str(MANY), "--rate", "300", *BURST], 20),
            # Two packets in the whole run: what remains is the connection itself.
            Point(0, "without", ["--subscribers", str(MANY), "--rate", "1", *EVEN], 5),
        ],
        figure="server.resident_per_subscriber",
        unit="bytes of resident memory per subscriber",
    ),
    "join": Scenario(
        "≤ 150 ms p50 from the first HTTP request to the first whole frame",
        [
            # A layer is asked for a key frame every 500 ms at most: who joins sooner waits for it.
            Point(
                600,
                "600 ms apart",
                ["--subscribers", "30", "--apart", "600", "--rate", "90", "--burst", "3"],
                3,
            ),
            Point(
                0,
                "30 within a moment",
                ["--subscribers", "30", "--joining", "1", "--rate", "90", "--burst", "3"],
                3,
            ),
        ],
        axis="ms between joins",
        figure="first_frame.p50",
        unit="µs to the first whole frame, p50",
    ),
    "joins-per-second": Scenario(
        "≥ 300 ICE + DTLS joins per second on one core",
        [
            Point(
                MANY,
                "all at once",
                ["--subscribers", str(MANY), "--joining", str(MANY), "--rate", "10", *EVEN],
                3,
            )
        ],
        figure="server.joins_per_core_second",
        unit="joins per second of CPU",
    ),
    "second-core": Scenario(
        "≥ 1.8 × throughput: 2 × cost with one worker ÷ cost with two",
        [
            # One room is spread over two threads from 1,000 participants on: not here.
            Point(2, "two rooms", ["--rooms", "2", "--subscribers", "98", *BURST]),
            Point(4, "four rooms", ["--rooms", "4", "--subscribers", "49", *BURST]),
        ],
        servers=["ringward", "ringward-2"],
        axis="rooms",
    ),
    "trains-real": Scenario(
        "mean train ≥ 3 with 720p VP8, on loopback and behind 20 Mbit/s",
        [
            replayed(2 * place + (1 if extra else 0), name, file, extra, what)
            for place, (name, file) in enumerate(TRACES)
            for extra, what in (([], ""), (["--uplink", "20"], ", 20 Mbit/s"))
        ],
        servers=["ringward"],
        figure="trains.media_mean",
        unit="media datagrams per send",
        axis="trace",
        settle=6,
    ),
    "curve-burst": Scenario(
        "fanout-*-burst over the number of subscribers", [fanout(n, BURST) for n in CURVE]
    ),
    "curve-even": Scenario(
        "fanout-*-even over the number of subscribers", [fanout(n, EVEN) for n in CURVE]
    ),
}
