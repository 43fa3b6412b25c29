# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in of aziot-edged: keeps a container edgeAgent, made from [agent], and knows the device by its identity."""

from __future__ import annotations

import copy
import hashlib
import json
import pathlib
import signal
import sys
import threading
import typing as t

from . import layers, switches, wire
from .docker import OWNER, Engine, EngineError
from .services import EDGED, IDENTITYD

# The unit is not started again after this one.
NOT_CONFIGURED = 153

# The real one takes 60; tests would wait for nothing else.
PERIOD_SECONDS = 2.0


class Failed(Exception):
    """The daemon ends with exit code 1 and is started again."""


def main() -> int:
    print("Starting the stand-in of aziot-edged", flush=True)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    try:
        config = layers.read(EDGED)
        config["agent"]["config"]["image"], config["moby_runtime"]["uri"], config["hostname"]
    except (layers.BadConfig, KeyError) as wrong:
        print(f"cannot use the configuration: {wrong!r}", file=sys.stderr)
        return NOT_CONFIGURED
    if switches.ordered("edged-refuses"):
        return NOT_CONFIGURED
    if switches.ordered("edged-dies"):
        return 1
    try:
        _Daemon(config).run(stop)
    except (Failed, EngineError, OSError) as failed:
        print(f"ERR {failed}", file=sys.stderr)
        return 1
    return 0


class _Daemon:
    def __init__(self, config: layers.Table) -> None:
        self.config = config
        self.engine = Engine(config["moby_runtime"]["uri"])

    def run(self, stop: threading.Event) -> None:
        device = self._identity("/identities/device")
        network = self.config["moby_runtime"].get("network", "azure-iot-edge")
        self.network = str(network["name"] if isinstance(network, dict) else network)
        self.engine.ensure_network(self.network)
        for module in self.engine.modules():
            self.engine.stop(module["Id"])
        self._forget_another_device(device)
        wire.serve(self._answer)
        allowed = self.config.get("watchdog", {}).get("max_retries", "infinite")
        errors = 0
        while not stop.is_set():
            try:
                self._watch(device)
            except (Failed, EngineError, OSError) as failed:
                print(f"WARN watchdog: {failed}", flush=True)
                errors += 1
                if isinstance(allowed, int) and errors >= allowed:
                    raise Failed("the watchdog gives up") from None
            stop.wait(PERIOD_SECONDS)

    def _identity(self, path: str) -> dict[str, t.Any]:
        status, said = wire.ask(IDENTITYD.sockets[0].path, path)
        if status != 200:
            raise Failed(f"aziot-identityd: {said.get('message')}")
        return t.cast("dict[str, t.Any]", said)

    def _forget_another_device(self, device: dict[str, t.Any]) -> None:
        """Modules belong to a device: those of another one go."""
        cache = pathlib.Path(EDGED.home) / "cache"
        cache.mkdir(exist_ok=True)
        known = cache / "device"
        digest = hashlib.sha256(json.dumps(device, sort_keys=True).encode()).hexdigest()
        if known.exists() and known.read_text(encoding="ascii") != digest:
            print("The device is another one: removing its modules", flush=True)
            for module in self.engine.modules():
                self.engine.remove(module["Id"])
        known.write_text(digest, encoding="ascii")

    def _watch(self, device: dict[str, t.Any]) -> None:
        name = str(self.config["agent"]["name"])
        found = self.engine.inspect(name)
        status = found["State"]["Status"] if found else "missing"
        if status == "running" or switches.ordered("agent-missing"):
            return
        if status == "dead":
            self.engine.remove(name)
        if status in ("missing", "dead"):
            self._create(name, device)
        print(f"{name} is {status}: starting it", flush=True)
        self.engine.start(name)

    def _create(self, name: str, device: dict[str, t.Any]) -> None:
        self._identity("/identities/modules/$edgeAgent")
        agent = self.config["agent"]
        image = str(agent["config"]["image"])
        if image.startswith("$upstream"):
            image = device["gateway"] + image[len("$upstream") :]
        if agent.get("imagePullPolicy", "on-create") == "on-create":
            self.engine.pull(image, agent["config"].get("auth", {}))
        body = copy.deepcopy(agent["config"].get("createOptions", {}))
        own = {
            "EdgeDeviceHostName": self.config["hostname"],
            "IOTEDGE_AUTHSCHEME": "sasToken",
            "IOTEDGE_DEVICEID": device["device"],
            "IOTEDGE_IOTHUBHOSTNAME": device["hub"],
            "IOTEDGE_MODULEID": "$edgeAgent",
            "IOTEDGE_WORKLOADURI": self.config["connect"]["workload_uri"],
            "IOTEDGE_MANAGEMENTURI": self.config["connect"]["management_uri"],
            "Mode": "iotedged",
        }
        environment = {**agent.get("env", {}), **own}
        body["Image"] = image
        body["Env"] = [*body.get("Env", []), *(f"{key}={value}" for key, value in environment.items())]
        owner_key, _equals, owner = OWNER.partition("=")
        body["Labels"] = {
            **body.get("Labels", {}),
            owner_key: owner,
            "net.azure-devices.edge.original-image": image,
            # Not what it was made from: that is left to the agent to compare with its manifest.
            "net.azure-devices.edge.env": "{}",
            "net.azure-devices.edge.create-options": "{}",
        }
        host = body.setdefault("HostConfig", {})
        host.setdefault("NetworkMode", self.network)
        sockets = [f"/var{socket.path}:/var{socket.path}" for socket in EDGED.sockets]
        host["Binds"] = [*host.get("Binds", []), *sockets]
        self.engine.create(name, body)

    def _answer(self, method: str, path: str) -> wire.Answer:
        if path != "/modules":
            return 200, {"service": EDGED.unit}
        modules = [
            {
                "name": each["Names"][0].lstrip("/"),
                "status": each["State"],
                "since": each["Status"],
                "image": each["Image"],
            }
            for each in self.engine.modules()
        ]
        return 200, {"modules": modules}
