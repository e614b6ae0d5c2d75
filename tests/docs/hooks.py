"""What mkdocs does beside its own for the site, see mkdocs.yml: the repository's files that documents link get pages,
and the documents look as on GitHub."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

from docs import dialect, repository
from docs.markdown import read, tracked

# The theme can ask others for numbers of stars or for drawings; browsers let it ask nobody.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:;"
    " manifest-src 'self'; base-uri 'none'; form-action 'self'"
)


class Build:
    """One run of mkdocs."""

    made: dict[str, repository.Page] = {}
    directory: Path | None = None


def on_config(config: Any, **_: Any) -> Any:
    """A directory in the nav stands for all documents in it."""
    read.cache_clear()
    tracked.cache_clear()
    config["nav"] = [expanded(entry, Path(config["docs_dir"])) for entry in config["nav"]]
    return config


def expanded(entry: Any, docs: Path) -> Any:
    if not isinstance(entry, dict):
        return entry
    ((title, value),) = entry.items()
    if isinstance(value, list):
        return {title: [expanded(each, docs) for each in value]}
    if not value.endswith("/"):
        return entry
    names = sorted(path.name for path in (docs / value).glob("*.md") if path.name != "README.md")
    return {title: [f"{value}{name}" for name in ["README.md", *names]]}


def on_files(files: Any, config: Any, **_: Any) -> Any:
    Build.directory = Path(tempfile.mkdtemp(prefix="bcryptd-site."))
    Build.made = repository.pages(repository.documents())
    for page in Build.made.values():
        path = Build.directory / page.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(repository.stub(page))
        files.append(
            File(page.path, str(Build.directory), config["site_dir"], config["use_directory_urls"])
        )
    return files


def source_of(path: str) -> str:
    page = Build.made.get(path)
    return page.source if page else f"{repository.DOCS}{path}"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    path = page.file.src_uri
    if repository.PLACE in markdown:
        return markdown
    return dialect.adapted(repository.rewritten(source_of(path), path, markdown, Build.made))


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """What is not for search, and what the browser may ask."""
    if repository.PLACE in output:
        shown = repository.content(Build.made[page.file.src_uri], Build.made)
        output = output.replace(repository.PLACE, shown)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return output.replace("<head>", f"<head>\n{policy}", 1)


def on_post_build(**_: Any) -> None:
    on_build_error()


def on_build_error(**_: Any) -> None:
    if Build.directory is not None:
        shutil.rmtree(Build.directory, ignore_errors=True)
