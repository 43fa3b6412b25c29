# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for three CI services: it runs the shell commands of an example's job as the service's runner would.

That is all of them that it is: no queue, no approval, no container, no artifact store. The commands that install are
left out, since they fetch. Each service has its own shell, and its own way to hand variables from a step to the next.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import typing as t

import yaml

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples" / "pipelines"
FILES = {"github": "github-actions.yml", "gitlab": "gitlab-ci.yml", "circleci": "circleci.yml"}

Environment = dict[str, str]


class Step(t.NamedTuple):
    command: str
    environment: Environment
    always: bool = False  # also behind one that failed


class Runner:
    """Runs jobs of one service in a checkout. `secrets` is what its store holds; all that was printed is in `said`."""

    def __init__(
        self,
        service: str,
        checkout: pathlib.Path,
        temp: pathlib.Path,
        home: pathlib.Path,
        secrets: Environment,
        path: str,
    ) -> None:
        self.home = home  # a short path, since that of ssh's socket below it has a limit
        self.service, self.checkout, self.secrets = service, checkout, secrets
        self.temp = temp / service
        self.temp.mkdir(parents=True)
        self.base = {"PATH": path, "HOME": str(self.home), "LANG": "C.UTF-8"}
        self.said = ""

    def job(self, name: str) -> int:
        """Run a job; the exit status of the command that failed, or 0."""
        environment, steps = getattr(self, f"_{self.service}")(load(self.service), name)
        handed = self.temp / name
        handed.mkdir()
        places = {each: str(handed / each) for each in ("GITHUB_ENV", "GITHUB_PATH", "BASH_ENV")}
        for place in places.values():
            pathlib.Path(place).touch()
        environment = {**self.base, **environment, **(places if self.service != "gitlab" else {})}
        status = 0
        for step in steps:
            if status and not step.always:
                continue
            variables = {**environment, **_handed(places["GITHUB_ENV"]), **step.environment}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.command],
                cwd=self.checkout,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            self.said += done.stdout
            status = status or done.returncode
        return status

    # What each service's file says of a job ---------------------------------------------------------------------------

    def _github(self, file: dict[str, t.Any], name: str) -> tuple[Environment, list[Step]]:
        steps = [
            Step(step["run"], self._filled(step.get("env", {})), step.get("if") == "always()")
            for step in file["jobs"][name]["steps"]
            if "run" in step and step["name"] != "Install"
        ]
        return {**file["env"], "RUNNER_TEMP": str(self.temp)}, steps

    def _filled(self, variables: Environment) -> Environment:
        return {
            key: re.sub(r"\$\{\{ secrets\.(\w+) \}\}", lambda match: self.secrets[match[1]], text)
            for key, text in variables.items()
        }

    def _gitlab(self, file: dict[str, t.Any], name: str) -> tuple[Environment, list[Step]]:
        job = {**file.get(file[name].get("extends"), {}), **file[name]}
        store = {}
        for key, text in self.secrets.items():
            if key in ("SSH_PRIVATE_KEY", "VAULT_PASSWORD"):  # of the type File: the variable holds a path
                place = self.temp / key
                place.write_text(text + "\n")
                place.chmod(0o666)
                store[key] = str(place)
            else:
                store[key] = text
        needs = job.get("environment")  # the store's variables are those environments' alone
        variables = {**file["variables"], **job.get("variables", {})}
        if needs:
            variables = {
                key: re.sub(r"\$(\w+)", lambda match: store[match[1]], text) for key, text in variables.items()
            }
        # One shell runs all lines.
        return {**(store if needs else {}), **variables}, [Step("\n".join(job["script"]), {})]

    def _circleci(self, file: dict[str, t.Any], name: str) -> tuple[Environment, list[Step]]:
        steps: list[Step] = []
        environment = {"ANSIBLE_CONFIG": "ansible.cfg"}  # by the commands that install
        for step in file["jobs"][name]["steps"]:
            inner = file["commands"][step]["steps"] if isinstance(step, str) else [step]
            if step == "secrets":
                environment |= self.secrets
                # What add_ssh_keys does, by an agent of the runner's or its settings.
                key = self.temp / "ssh"
                key.write_text(self.secrets["SSH_PRIVATE_KEY"] + "\n")
                key.chmod(0o600)
                environment["ANSIBLE_PRIVATE_KEY_FILE"] = str(key)
            for each in inner:
                run = each.get("run") if isinstance(each, dict) else None
                if run and run["name"] != "Install":
                    steps.append(Step(run["command"], {}, run.get("when") == "always"))
        return environment, steps


def load(service: str) -> dict[str, t.Any]:
    """The example's file as data."""
    return t.cast("dict[str, t.Any]", yaml.safe_load((EXAMPLES / FILES[service]).read_text(encoding="utf-8")))


def playbooks(service: str) -> list[str]:
    """Every command of an example that runs a playbook, in the file's order."""
    text = (EXAMPLES / FILES[service]).read_text(encoding="utf-8")
    return [" ".join(line.split()) for line in re.findall(r"ansible-playbook fleetops.*", text)]


def _handed(place: str) -> Environment:
    pairs = (line.partition("=") for line in pathlib.Path(place).read_text().splitlines())
    return {name: value for name, _equals, value in pairs}


def path_of(*programs: str | os.PathLike[str]) -> str:
    """A PATH with these folders first."""
    return os.pathsep.join([*map(str, programs), os.environ["PATH"]])
