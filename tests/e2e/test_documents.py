"""What docs/operations.md tells a person to do on a server, done."""

import re
import shutil
import subprocess
from pathlib import Path

from support.daemon import ROOT
from support.stack import Stack, free_ports


def values_of_the_document() -> dict[str, str]:
    """The sed lines that turn values.conf.j2 into a server's values.conf."""
    text = (ROOT / "docs" / "operations.md").read_text()
    return dict(re.findall(r"^s\|\{\{ (\w+) \}\}\|(.*)\|$", text, re.MULTILINE))


def test_the_documented_values_make_a_configuration_that_nginx_takes(
    stack: Stack, tmp_path: Path
) -> None:
    tree = tmp_path / "nginx"
    shutil.copytree(ROOT / "nginx", tree)
    values = (tree / "values.conf.j2").read_text()
    for name, value in values_of_the_document().items():
        assert f"{{{{ {name} }}}}" in values, name
        values = values.replace(f"{{{{ {name} }}}}", value)
    assert "{{" not in values
    # The same with the files and ports of this test.
    http, https, internal = free_ports(3)
    for theirs, ours in {
        "$(((cap + 1) / 2))": "2",
        "$((cap / 2))": "1",
        "$((cap > 3 ? (cap + 1) / 2 : 2))": "2",
        "/etc/nginx/tls/certificate.pem": f"{stack.run_dir}/certificate.pem",
        "/etc/nginx/tls/key.pem": f"{stack.run_dir}/certificate.key",
        "/var/log/nginx/bcryptd.log": f"{tmp_path}/access.log",
        "/var/lib/nginx": str(tmp_path),
        "listen 80; listen [::]:80;": f"listen 127.0.0.1:{http};",
        "listen 443 ssl http2; listen [::]:443 ssl http2;": f"listen 127.0.0.1:{https} ssl http2;",
        "127.0.0.1:9180": f"127.0.0.1:{internal}",
    }.items():
        assert theirs in values, theirs
        values = values.replace(theirs, ours)
    (tree / "values.conf").write_text(values)
    result = subprocess.run(
        ["/usr/sbin/nginx", "-t", "-e", "stderr", "-c", str(tree / "nginx.conf")]
        + ["-g", f'pid "{tmp_path}/nginx.pid";'],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
