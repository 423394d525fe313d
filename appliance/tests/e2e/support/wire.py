"""The loopback wire: when the box sent what to whom."""

import socket
import threading
import time

EVERYTHING = 3
"""`ETH_P_ALL` (linux/if_ether.h)."""

OURS = 4
"""`PACKET_OUTGOING` (linux/if_packet.h): loopback shows each packet twice, going out and coming in."""


class Wire:
    """Listens to datagrams of the box from its media ports, by the port they go to."""

    def __init__(self, box, workers):
        self.ports = range(box.udp_port, box.udp_port + workers)
        self.packets, self.media = {}, {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(EVERYTHING))
        self._socket.bind(("lo", 0))
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def _listen(self):
        while True:
            try:
                packet, (_, _, kind, _, _) = self._socket.recvfrom(65_536)
            except OSError:
                return
            if kind != OURS:
                self._take(packet, time.monotonic())

    def _take(self, packet, now):
        protocol, datagram = inside(packet)
        source, to = int.from_bytes(datagram[:2]), int.from_bytes(datagram[2:4])
        if protocol != socket.IPPROTO_UDP or source not in self.ports:
            return
        self.packets[to] = now
        if is_rtp(datagram[8:]):
            self.media[to] = now

    def stop(self):
        self._socket.close()


def inside(packet):
    """The protocol that an IP packet carries (RFC 791, RFC 8200), and what is in it."""
    if packet[0] >> 4 == 6:
        return packet[6], packet[40:]
    return packet[9], packet[(packet[0] & 0x0F) * 4 :]


def is_rtp(payload):
    """RTP, not RTCP nor anything else that shares the port (RFC 7983 §7, RFC 5761 §4)."""
    return len(payload) > 12 and 128 <= payload[0] <= 191 and not 64 <= payload[1] & 0x7F <= 95
