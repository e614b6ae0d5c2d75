"""python3 -m log_shipping --server NAME,ADDRESS,PORT ...; see --help."""

import argparse
import signal
import socket
import ssl
import sys
import threading
from pathlib import Path

from log_shipping.access import Access
from log_shipping.service import Service
from log_shipping.shipper import Server, Shipper, load


def server(text: str) -> Server:
    name, address, port = text.split(",")
    return Server(name, address, int(port))


def context(directory: Path) -> ssl.SSLContext:
    """Both sides show a certificate of the private authority."""
    tls = ssl.create_default_context(cafile=str(directory / "authority.pem"))
    tls.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
    return tls


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="log_shipping", description="Ships nginx's access log and bcryptd's journal."
    )
    parser.add_argument("--server", type=server, action="append", required=True)
    parser.add_argument("--host", required=True, help="this host, as its certificate names it")
    parser.add_argument("--access-log", type=Path, required=True)
    parser.add_argument("--tls", type=Path, required=True, help="directory of the certificate")
    parser.add_argument("--places", type=Path, required=True, help="file of what was acknowledged")
    parser.add_argument("--metrics", type=Path, required=True, help="file for the text collector")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    places = load(given.places)
    # nginx writes its own name for the host.
    service = Service(socket.gethostname(), places.get("service"))
    shipper = Shipper(
        [Access(given.access_log, places.get("access")), service],
        given.server,
        lambda: context(given.tls),
        given.host,
        given.places,
        given.metrics,
    )
    shipper.run(stopping.is_set)
    return 0


if __name__ == "__main__":
    sys.exit(main())
