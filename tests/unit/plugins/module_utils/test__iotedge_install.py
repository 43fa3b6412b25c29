# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which generation of IoT Edge is found in file trees of each kind."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_install as install

EDGED = "lib/systemd/system/aziot-edged.service"
OLD = "lib/systemd/system/iotedge.service"
YAML = "etc/iotedge/config.yaml"


def plant(root: pathlib.Path, *paths: str) -> str:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x", encoding="ascii")
        file.chmod(0o755)
    return str(root)


@pytest.mark.parametrize(
    ("files", "generation", "evidence"),
    [
        ([], "none", None),
        ([YAML], "none", None),  # purging the old packages leaves it
        (["usr/bin/iotedge"], "none", None),
        ([EDGED], "current", "/" + EDGED),
        (["usr/lib/systemd/system/aziot-edged.service"], "current", "/usr/lib/systemd/system/aziot-edged.service"),
        (["etc/systemd/system/aziot-edged.service", EDGED], "current", "/etc/systemd/system/aziot-edged.service"),
        (["etc/aziot/config.toml"], "none", None),  # written before the packages are there
        ([OLD], "1.1", "/" + OLD),
        ([OLD, YAML], "1.1", "/" + YAML),
        ([OLD, YAML, EDGED], "current", "/" + EDGED),
        (["snap/azure-iot-edge/current/meta"], "snap", "/snap/azure-iot-edge"),
        (["var/snap/azure-iot-edge/common/x"], "snap", "/var/snap/azure-iot-edge"),
        (["var/snap/other/common/x"], "none", None),
    ],
)
def test_the_generation_by_its_files(tmp_path, files, generation, evidence):
    found = install.find(plant(tmp_path, *files))
    assert (found.generation, found.evidence) == (generation, evidence)


def test_a_masked_unit_is_none(tmp_path):
    unit = tmp_path / "etc/systemd/system/aziot-edged.service"
    unit.parent.mkdir(parents=True)
    unit.symlink_to("/dev/null")
    assert install.find(str(tmp_path)).generation == "none"


def test_the_program(tmp_path):
    assert install.find(str(tmp_path)).cli is None
    root = plant(tmp_path, EDGED, "usr/bin/iotedge")
    assert install.find(root).cli == "/usr/bin/iotedge"
    (tmp_path / "usr/bin/iotedge").chmod(0o644)
    assert install.find(root).cli is None


@pytest.mark.parametrize(
    ("files", "said"),
    [([OLD, YAML], ["/etc/iotedge/config.yaml", "iotedge config import"]), (["snap/azure-iot-edge/x"], ["snap set"])],
)
def test_what_is_not_supported_says_what_to_do(tmp_path, files, said):
    refused = install.unsupported(install.find(plant(tmp_path, *files)))
    assert refused is not None
    for text in said:
        assert text in str(refused)


@pytest.mark.parametrize("files", [[], [EDGED]])
def test_what_is_supported(tmp_path, files):
    assert install.unsupported(install.find(plant(tmp_path, *files))) is None
