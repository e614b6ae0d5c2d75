"""The password is nowhere that Docker keeps or shows."""

import json
from pathlib import Path

from image.container import HARDENED, OPEN, TLS_DIR, Container
from image.engine import Engine
from support import marked, memory


def test_the_password_stays_nowhere(engine: Engine, tls: Path) -> None:
    mark = marked.new_mark()
    settings = {**OPEN, "BCRYPTD_COST": "9", "BCRYPTD_LOG_LEVEL": "debug"}
    options = [*HARDENED, f"--volume={tls}:{TLS_DIR}:ro"]
    # Over plain HTTP as well: it is hashed there, not only refused.
    with Container(engine, *options, **settings, BCRYPTD_PLAIN_HTTP="on") as container:
        marked.succeed(container, mark)
        marked.fail_in_every_way(container, mark)
        marked.be_refused_for_overload(container, mark)
        marked.wait_until_idle(container)
        forms = (mark.encode(), marked.as_escapes(mark))
        seen = {
            "logs": container.logs(),
            "inspect": json.dumps(container.inspect()),
            "top": engine.docker("top", container.id, "-eo", "pid,args").stdout,
        }
        assert '"http.route":"/v1/hash"' in seen["logs"] and "bcryptd" in seen["top"]
        for what, text in seen.items():
            for form in forms:
                assert not memory.pattern(form).search(text.encode()), what
        kept = engine.directory / "data" / "containers" / container.id
        files = [engine.log, *(path for path in kept.rglob("*") if path.is_file())]
        assert len(files) > 3
        for form in forms:
            assert memory.command_lines_with(form) == []
            assert memory.files_with(files, form) == []
