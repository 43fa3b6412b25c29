# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images: made from Debian's packages by mmdebstrap, kept in the engine under a hash of their recipe."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
import shlex
import shutil
import subprocess

from . import engine, progress

_SETUP = pathlib.Path(__file__).parent / "setup"

_HOST = (
    "ca-certificates",
    "dbus",
    "docker.io",
    "iproute2",
    "iptables",
    "openssh-server",
    "openssl",
    "procps",
    "python3",
    "strace",
    "systemd",
    "systemd-sysv",
)

# Documentation, manuals and translations of a host that nobody logs in to: a third of the bytes to import.
_UNREAD = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


# Debian installs itself with /usr merged; mmdebstrap does so only where a package asks for it, from bookworm on.
_MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What an image is made of: a Debian suite, packages, and a shell script run inside.

    One that is not `usual` is made when a fleet first wants it, not beforehand.
    """

    name: str
    suite: str
    packages: tuple[str, ...]
    setup: str
    usual: bool = True
    hooks: tuple[str, ...] = ()

    @property
    def repository(self) -> str:
        return f"container-hosts/{self.name}"

    @property
    def tag(self) -> str:
        """The image's name with a hash of everything that it is made of, so that a changed recipe is a new image."""
        parts = [self.suite, *sorted(self.packages), self.script.read_text(encoding="utf-8"), *_UNREAD]
        parts += self.hooks
        return f"{self.repository}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:12]}"

    @property
    def script(self) -> pathlib.Path:
        return _SETUP / self.setup


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("bookworm", "bookworm", _HOST, "host.sh"),  # docker 20.10
        # docker 20.10.5, systemd 247, Python 3.9
        Recipe("bullseye", "bullseye", _HOST, "host.sh", usual=False, hooks=(_MERGED_USR,)),
        Recipe("trixie", "trixie", (*_HOST, "docker-cli"), "host.sh"),  # docker 26.1; its docker.io has no client
        Recipe(
            "services",
            "bookworm",
            ("apache2-utils", "busybox-static", "ca-certificates", "docker-registry", "iptables", "openssl", "squid"),
            "services.sh",
        ),
        # What the example execution environment is built on: examples/ee.
        Recipe(
            "ee-base",
            "trixie",
            (
                "ca-certificates",
                "gcc",
                "git",
                "openssh-client",
                "python3",
                "python3-dev",
                "python3-pip",
                "python3-venv",
            ),
            "empty.sh",
            usual=False,
        ),
        # No host: its reader of user data, which must not be installed on a machine that would boot with it.
        Recipe("cloud-init", "bookworm", ("cloud-init",), "empty.sh", usual=False),
    )
}

USUAL = [name for name, recipe in RECIPES.items() if recipe.usual]


def ensure(names: list[str]) -> None:
    """Make the images that the engine does not have yet, two at a time."""
    missing = [RECIPES[name] for name in names if engine.try_docker("image", "inspect", RECIPES[name].tag).rc != 0]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for made in [pool.submit(_make, recipe) for recipe in missing]:
            made.result()


def remove() -> None:
    """Forget every image that the stage ever made on this engine."""
    for recipe in RECIPES.values():
        known = engine.docker("image", "ls", "--quiet", "--no-trunc", recipe.repository).split()
        for image in dict.fromkeys(known):
            engine.docker("image", "rm", "--force", image)


def _make(recipe: Recipe) -> None:
    if shutil.which("mmdebstrap") is None:
        raise engine.StageError("No mmdebstrap on this machine: run tests/stage/ensure-engine.")
    with progress.step(f"image {recipe.tag} from Debian's packages"):
        bootstrap = subprocess.Popen(_command(recipe), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        load = ["docker", "import", "--change", 'CMD ["/sbin/init"]', "-"]
        imported = subprocess.run(load, stdin=bootstrap.stdout, capture_output=True, text=True, check=False)
        _nothing, complaint = bootstrap.communicate()
        if bootstrap.returncode != 0 or imported.returncode != 0:
            raise engine.StageError(
                f"Cannot make {recipe.tag}: {complaint.decode(errors='replace')[-2000:]}{imported.stderr}"
            )
        # Tagged only now: a stream that broke off half-way also imports.
        engine.docker("tag", imported.stdout.strip(), recipe.tag)
        engine.docker("tag", recipe.tag, f"{recipe.repository}:latest")


def _command(recipe: Recipe) -> list[str]:
    command = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(recipe.packages)}",
        *(f"--setup-hook={hook}" for hook in recipe.hooks),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _UNREAD),
        f'--customize-hook=chroot "$1" /bin/sh -eu < {shlex.quote(str(recipe.script))}',
        # What mmdebstrap wrote there is this machine's business (a package proxy, say), not the image's.
        '--customize-hook=rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"',
    ]
    for scheme in ("http", "https"):
        proxy = _machine_proxy(scheme)
        if proxy:
            command.append(f'--aptopt=Acquire::{scheme}::Proxy "{proxy}"')
    mirror = os.environ.get("STAGE_MIRROR")  # e.g. http://mirror.example.com/debian; else Debian's own
    return [*command, recipe.suite, "-", *([mirror] if mirror else [])]


def _machine_proxy(scheme: str) -> str:
    """The proxy that this machine's own apt uses for a scheme, or nothing."""
    asked = ["apt-config", "shell", "found", f"Acquire::{scheme}::Proxy"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return shlex.split(answer.partition("=")[2])[0] if "=" in answer else ""
