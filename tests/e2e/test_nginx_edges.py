"""What nginx alone decides: names, TLS, plain HTTP in production, slow clients, logs."""

import json
import re
import socket
import ssl
import subprocess

import pytest

from support.service import unverified
from support.stack import Stack, alive, children
from support.tls import LONGEST_TICKETS, TlsClient
from support.waiting import eventually

ROUTES = ("/gethash/hunter2/", "/v1/hash", "/v1/verify")


def curl(*arguments: str) -> str:
    command = ["curl", "--silent", "--insecure", "--noproxy", "*", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_unknown_hosts_get_nothing(stack: Stack) -> None:
    for head in ("1.1\r\nHost: unknown.example", "1.1\r\nHost: localhost.example", "1.0"):
        request = f"GET /gethash/hunter2/ HTTP/{head}\r\n\r\n".encode()
        assert stack.raw(request) == b""
        assert stack.raw(request, tls=True) == b""


def test_http2_is_served(stack: Stack) -> None:
    url = f"https://localhost:{stack.https_port}/gethash/hunter2/"
    assert curl("--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", url) == "2 200"


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_current_tls_versions_are_spoken(stack: Stack, version: str) -> None:
    context = unverified()
    number = ssl.TLSVersion.TLSv1_2 if version == "TLSv1.2" else ssl.TLSVersion.TLSv1_3
    context.minimum_version = context.maximum_version = number
    with socket.create_connection(("127.0.0.1", stack.https_port)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            assert tls.version() == version
            cipher = tls.cipher()
            assert cipher is not None and re.search("GCM|CHACHA20", cipher[0])


def test_old_tls_versions_are_refused(stack: Stack) -> None:
    address = f"localhost:{stack.https_port}"
    for version in ("-tls1", "-tls1_1"):
        result = subprocess.run(
            ["openssl", "s_client", "-connect", address, version, "-cipher", "ALL:@SECLEVEL=0"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.returncode != 0
        assert "alert protocol version" in result.stderr


@pytest.mark.parametrize(("version", "longest"), LONGEST_TICKETS)
def test_a_ticket_holds_no_session(stack: Stack, version: str, longest: int) -> None:
    client = TlsClient("127.0.0.1", stack.https_port, "localhost")
    assert client.longest_ticket(version) == longest


def test_headers_of_every_reply(stack: Stack) -> None:
    for path, status in (("/gethash/hunter2/", 200), ("/gethash//", 422), ("/nowhere", 404)):
        answer = stack.get(path)
        assert answer.status == status
        assert answer.headers["strict-transport-security"] == "max-age=63072000"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
        assert answer.headers["server"] == "nginx"
    assert "strict-transport-security" not in stack.get("/gethash/a/", tls=False).headers


def test_the_access_log_has_the_request_id_route_and_times(stack: Stack) -> None:
    answer = stack.post("/v1/hash", {"password": "hunter2", "cost": 8})

    def lines() -> list[str]:
        return (stack.run_dir / "access.log").read_text().splitlines()

    def logged() -> list[str]:
        return [x for x in lines() if answer.headers["x-request-id"] in x]

    # nginx logs after it has answered.
    wanted = eventually("logged", logged)
    assert len(wanted) == 1
    line = json.loads(wanted[0])
    assert (line["http.route"], line["http.request.method"]) == ("/v1/hash", "POST")
    assert line["http.response.status_code"] == 200
    assert line["network.protocol.version"] == "1.1"
    assert line["tls.protocol.version"] in ("1.2", "1.3")
    assert line["http.server.request.duration"] > 0
    assert float(line["bcryptd.upstream.response_time"]) > 0
    assert all(isinstance(json.loads(x), dict) for x in lines())


def test_plain_http_on_the_tls_port_is_refused(stack: Stack) -> None:
    request = b"GET /gethash/hunter2/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stack.https_port)) as plain:
        plain.sendall(request)
        assert b" 403 " in plain.recv(65536).splitlines()[0]


def test_a_slow_header_is_cut_off(stack: Stack) -> None:
    """The client never ends its header; nginx closes, no worker ever sees it."""
    with socket.create_connection(("127.0.0.1", stack.http_port), timeout=60) as slow:
        slow.sendall(b"GET /gethash/hunter2/ HTTP/1.1\r\nHost: localhost\r\n")
        try:
            assert b"200" not in slow.recv(65536)
        except ConnectionResetError:
            pass


def test_slow_bodies_do_not_take_the_places_of_others(stack: Stack) -> None:
    """Many clients that announce a body and do not send it."""
    head = (
        b"POST /v1/hash HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    slow = [socket.create_connection(("127.0.0.1", stack.http_port)) for _ in range(50)]
    for connection in slow:
        connection.sendall(head)
    for path in ("/gethash/hunter2/", "/gethash/hunter3/"):
        assert stack.get(path, tls=False).status == 200
    for connection in slow:
        connection.close()


def test_a_chunked_body_is_read(stack: Stack) -> None:
    request = (
        b"POST /v1/hash HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'8\r\n{"passwo\r\n7\r\nrd":"a"\r\n1\r\n}\r\n0\r\n\r\n'
    )
    assert stack.raw(request).startswith(b"HTTP/1.1 200 ")


def test_no_header_of_the_client_reaches_bcryptd(stack: Stack) -> None:
    """A header cannot pose as a FastCGI parameter."""
    headers = {"Request-Id": "forged", "X-Request-Id": "forged", "Request-Start": "1.000"}
    answer = stack.ask("GET", "/gethash//", headers=headers)
    assert answer.status == 422 and answer.json()["request_id"] != "forged"


def reload(own: Stack) -> None:
    """Until nobody serves by the configuration before."""
    configuration = str(own.run_dir / "nginx" / "nginx.conf")
    pid = f'pid "{own.run_dir}/nginx.pid";'
    old_workers = children(int((own.run_dir / "nginx.pid").read_text()))
    assert old_workers
    subprocess.run(
        ["/usr/sbin/nginx", "-e", "stderr", "-c", configuration, "-g", pid, "-s", "reload"],
        check=True,
        capture_output=True,
        timeout=30,
    )
    eventually("nginx's old workers gone", lambda: not alive(old_workers))


def test_an_idle_connection_is_closed(stack: Stack) -> None:
    """After the time that clients.conf names; here it is a shorter one."""
    with Stack() as own:
        clients = own.run_dir / "nginx" / "bcryptd" / "clients.conf"
        text = clients.read_text()
        assert text.count("keepalive_timeout 30s;") == 1
        clients.write_text(text.replace("keepalive_timeout 30s;", "keepalive_timeout 1s;"))
        reload(own)
        with socket.create_connection(("127.0.0.1", own.http_port), timeout=60) as idle:
            idle.sendall(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with idle.makefile("rb") as answers:
                answer = answers.read()
    assert answer.count(b"HTTP/1.1 ") == 1 and b"HTTP/1.1 404 " in answer


def test_production_values_refuse_hash_routes_on_plain_http(stack: Stack) -> None:
    """The same tree with the values of a server: nothing on plain HTTP, no name, no handshake."""
    with Stack() as own:
        values = own.run_dir / "nginx" / "values.conf"
        text = values.read_text()
        plain = "include bcryptd/server_hash.conf;"
        assert text.count(plain) == 2 and "ssl_reject_handshake off;" in text
        text = text.replace(plain, "include bcryptd/server_https_required.conf;", 1)
        values.write_text(text.replace("ssl_reject_handshake off;", "ssl_reject_handshake on;"))
        reload(own)
        for path in ROUTES:
            for method in ("GET", "POST"):
                answer = own.ask(method, path, tls=False)
                assert answer.status == 403 and "location" not in answer.headers
                assert answer.json()["type"] == "/problems/https-required"
        assert own.get("/gethash/hunter2/").status == 200
        with socket.create_connection(("127.0.0.1", own.https_port)) as raw:
            with pytest.raises(ssl.SSLError):
                unverified().wrap_socket(raw, server_hostname="unknown.example")
