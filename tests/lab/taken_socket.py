"""taken_socket ADDRESS PORT, read from the standard input on a host: what somebody can do who has taken over nginx's
worker. A socket that root made, and that listens, is used by www-data to connect. Prints how that ends."""

import ctypes
import os
import pwd
import socket
import sys

FAMILY_NONE = bytes(16)  # a sockaddr of AF_UNSPEC, which ends what a socket does


def main() -> None:
    address, port = sys.argv[1], int(sys.argv[2])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    taken = socket.create_server(("", 443), family=family)
    user = pwd.getpwnam("www-data")
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    assert ctypes.CDLL(None).connect(taken.fileno(), FAMILY_NONE, len(FAMILY_NONE)) == 0
    taken.settimeout(5)
    try:
        taken.connect((address, port))
    except OSError as error:
        print(type(error).__name__)
    else:
        print("connected")


if __name__ == "__main__":
    main()
