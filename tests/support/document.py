"""The commands of a document in Markdown."""

import re

# Stands before a block that no test can run, with the reason.
NOT_RUN = "<!-- not run:"


def commands(text: str) -> list[str]:
    """Those of its sh blocks, each as one line without its comment."""
    blocks = re.findall(rf"^({NOT_RUN}[^\n]*\n)?```sh\n(.*?)^```", text, flags=re.M | re.S)
    run = "".join(block for reason, block in blocks if not reason)
    lines = run.replace("\\\n", " ").splitlines()
    bare = (re.sub(r"\s+# .*", "", line).strip() for line in lines)
    return [" ".join(line.split()) for line in bare if line]
