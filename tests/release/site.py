# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site: antsibull-docs, every page of it, with no warning."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

from ..stage import progress
from . import environments, tree

_PACKAGES = ("ansible-core~=2.19.0", "antsibull-docs", "sphinx", "sphinx-ansible-theme", "myst-parser", "tomlkit")

_REPOSITORY = "https://github.com/fleetops/container_hosts/blob/main/"


def build() -> list[str]:
    """Build it into .work/release/site/html; return the warnings."""
    found = environments.python("3.11")
    if found is None:
        raise SystemExit("no Python 3.11 here")
    programs = environments.environment("docs", found, *_PACKAGES)
    collection = tree.export("docs")
    tree.add_dependencies(collection.parents[2])
    site = tree.WORK / "site"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(mode=0o755)
    variables = environments.variables(programs, ANSIBLE_COLLECTIONS_PATH=str(collection.parents[2]))

    def run(*command: str) -> str:
        words = [str(programs / command[0]), *command[1:]]
        done = subprocess.run(words, cwd=site, env=variables, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{said[-6000:]}")
        return said

    with progress.step("documentation: lint"):
        lint = ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", str(collection))
        said = run(*lint)
    with progress.step("documentation: site"):
        _guides(site / "rst")
        made = ("antsibull-docs", "collection", "--use-current", "--dest-dir", "rst", "fleetops.container_hosts")
        said += run(*made)
        said += run("sphinx-build", "-b", "html", "--keep-going", "rst", "html")
    warnings = [line for line in said.splitlines() if re.search(r"\b(WARNING|ERROR)\b", line)]
    return [*_missing(site / "html"), *warnings]


def _missing(html: pathlib.Path) -> list[str]:
    """What a reader would look for in vain: a page, or the README's table of what vendors say and we don't."""
    pages = [
        *(f"{path.stem}_module" for path in (tree.ROOT / "plugins" / "modules").glob("*.py")),
        *(f"{path.stem}_filter" for path in (tree.ROOT / "plugins" / "filter").glob("*.py")),
        *(f"{path.name}_role" for path in (tree.ROOT / "roles").iterdir()),
        *(f"guides/{path.stem}" for path in (tree.ROOT / "docs").glob("*.md")),
    ]
    found = [f"no page for {page}" for page in pages if not list(html.rglob(f"{page}.html"))]
    readme = (html / "readme.html").read_text(encoding="utf-8")
    differs = readme.partition('<section id="where-it-differs')[2].partition("<section")[0]
    return found if "<table" in differs else [*found, "no table of what differs from the vendors' pages"]


def _guides(place: pathlib.Path) -> None:
    """Put the guides and the README among the pages; their links to files become links of the site."""
    (place / "guides").mkdir(parents=True, mode=0o755)
    for path in (tree.ROOT / "docs" / "site").iterdir():
        shutil.copy(path, place / path.name)
    pages = {path: f"guides/{path.name}" for path in (tree.ROOT / "docs").glob("*.md")}
    pages[tree.ROOT / "README.md"] = "readme.md"
    for path, page in pages.items():
        up = "../" * page.count("/")

        def link(found: re.Match[str], folder: pathlib.Path = path.parent, up: str = up) -> str:
            target, _hash, anchor = found[1].partition("#")
            name = os.path.relpath(folder / target, tree.ROOT)
            guide = re.fullmatch(r"docs/(\w[\w-]*\.md)", name)
            role = re.fullmatch(r"roles/(\w+)/README\.md", name)
            if guide:
                return f"]({up}guides/{guide[1]}{_hash}{anchor})"
            if role:
                return f"]({up}collections/fleetops/container_hosts/{role[1]}_role.rst)"
            return f"]({_REPOSITORY}{name})"

        text = re.sub(r"\]\((?!https?:|#)([^)]+)\)", link, path.read_text(encoding="utf-8"))
        (place / page).write_text(text, encoding="utf-8")
