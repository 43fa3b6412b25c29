# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each editor and reader of documents, with something to ask of it."""

from __future__ import annotations

import functools
import re
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _audit_apt,
    _docker_client,
    _docker_daemon,
    _ecs_config_document,
    _ecs_config_earlier,
    _environment_file_options,
    _environment_file_pam,
    _environment_file_shell,
    _environment_file_systemd,
    _environment_file_upstart,
    _ini_document,
    _iotedge_schema,
    _json_document,
    _key_paths,
    _nomad_agent,
    _replicated_conf,
    _systemd_dropin,
    _systemd_merge,
    _systemd_syntax,
    _toml_document,
)
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import (
    _manifest_lint,
    _manifest_settings,
    _windows_environment,
)

# Stands in the corpus as every password, and must stand in no message.
SECRET = "hush-9Zq"
PROXY = "http://proxy.example.com:3128"
VARIABLES = {"HTTP_PROXY": PROXY, "https_proxy": PROXY, "NO_PROXY": "localhost,.example.com"}
GONE: dict[str, str | None] = dict.fromkeys(VARIABLES)

_Edit = t.Callable[[bytes | None], bytes | None]


class Editor(t.NamedTuple):
    """`present` and `absent` take a file (None: no file) and give it back edited; `words` are for documents at random.

    `readers` only read. `exact` tells of which documents each byte comes back, though what is ours was there before.
    """

    name: str
    corpus: str
    words: tuple[bytes, ...]
    absent: _Edit = lambda source: source
    present: _Edit | None = None
    readers: tuple[t.Callable[[bytes], t.Any], ...] = ()
    exact: t.Callable[[bytes], bool] = lambda source: True


def _text(read: t.Callable[[str], t.Any]) -> t.Callable[[bytes], t.Any]:
    return lambda source: read(source.decode("utf-8", errors="replace"))


def _words(*texts: str) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in texts)


_JSON = _words("{", "}", "[", "]", ",", ":", '"', "\n", "  ", " ", "1", "null", '"a"', '"a": {}', '"é"', "\\")


def _json(name: str, settings: dict[str, t.Any], *readers: t.Callable[[bytes], t.Any]) -> Editor:
    paths = _key_paths.leaf_paths(settings)
    spelled = [f'"{key}"' for path in paths for key in path]
    return Editor(
        name,
        name,
        _JSON + _words(*spelled, *(f"{key}: " for key in spelled)),
        lambda source: _json_document.edit(source, {}, paths),
        lambda source: _json_document.edit(source, settings),
        (_json_document.load, *(functools.partial(_json_document.line_of, path=path) for path in paths), *readers),
    )


DAEMON = {
    "proxies": {"http-proxy": PROXY, "no-proxy": "localhost"},
    "log-driver": "local",
    "log-opts": {"max-size": "20m"},
    "default-ulimits": {"core": {"Name": "core", "Hard": 0}},
}
CLIENT = {"proxies": {"default": {"httpProxy": PROXY, "noProxy": "localhost"}}}

TOML: dict[str, t.Any] = {
    "agent": {
        "env": {"https_proxy": PROXY, "no_proxy": "localhost"},
        "config": {"createOptions": {"Labels": {"a": "b"}}},
    },
    "connect": {"workload_uri": "unix:///run/w.sock"},
    "trust_bundle_cert": "file:///etc/root.pem",
    "a": {"c d": 1},
}
TOML_PATHS = _key_paths.leaf_paths(TOML)
_TOML = _words(
    *("[", "]", "[[", "]]", "{", "}", "=", ",", ".", '"', "'", '"""', "'''", "#", "\n", "\n\n", " ", "  ", "1", "true"),
    *("agent", "env", "[agent]\n", "[agent.env]\n", "https_proxy", 'https_proxy = "x"\n', "agent.env", "a = 1\n"),
    *("trust_bundle_cert", "connect", "[[agent.env]]\n", "config = {}\n", "1979-05-27", "[a]\n", '"c d"'),
)


def _check_iotedge(source: bytes) -> None:
    document = _toml_document.load(source)
    _toml_document.spelling(source, ("agent", "env", "https_proxy"))
    _iotedge_schema.check(document, locate=lambda path: f"{_toml_document.line_of(source, path)}: {'.'.join(path)}")


def _check_docker(source: bytes) -> None:
    _docker_daemon.check(_json_document.load(source), wanted=DAEMON)


_UNIT = _words(
    *("[Service]\n", "[Unit]\n", "Environment=", "EnvironmentFile=", "UnsetEnvironment=", "PassEnvironment=", "\\\n"),
    *('"', "'", " ", "\n", "#", ";", "%n", "%%", "\\x41", "\\u00e9", "HTTP_PROXY=", "a=b", "=", "[", "]", "\r"),
    *(_systemd_dropin.BEGIN.decode(), _systemd_dropin.END.decode(), "\t"),
)
_BLOCK_LINES = [f'Environment="{name}={value}"' for name, value in VARIABLES.items()]


def _merged(source: bytes) -> None:
    _systemd_merge.merge([("/unit", source)], lambda pattern: [(pattern, source)])


_LINES = _words(
    *(
        "export ",
        "env ",
        '"',
        "'",
        "\\",
        "\\\n",
        "\n",
        " ",
        "\t",
        "#",
        ";",
        "=",
        "$x",
        "`",
        "-e ",
        "--env=",
        "a=b",
        "\r",
    ),
    *(f"{name}=" for name in VARIABLES),
    *(f"{name}=x\n" for name in VARIABLES),
    *("REPLICATED_OPTS=", 'REPLICATED_OPTS="', "script\n", "end script\n", "pre-start script\n", "unset ", "OTHER=1\n"),
    *(_systemd_dropin.BEGIN.decode(), _systemd_dropin.END.decode(), "proxy=", "[main]\n", "[", "]", "="),
)


def _variables(
    name: str,
    edit: t.Callable[[bytes | None, t.Mapping[str, str | None]], bytes | None],
    *readers: t.Any,
    corpus: str = "",
) -> Editor:
    return Editor(
        name, corpus or name, _LINES, lambda source: edit(source, GONE), lambda source: edit(source, VARIABLES), readers
    )


def _options(source: bytes | None, wanted: t.Mapping[str, str | None]) -> bytes | None:
    return _environment_file_options.edit(source, "REPLICATED_OPTS", wanted)


def _ecs(source: bytes | None, wanted: t.Mapping[str, str | None]) -> bytes | None:
    given = {name: value for name, value in wanted.items() if value is not None}
    return _ecs_config_document.edit(source, given, [name for name in wanted if name not in given])


def _ecs_and_back(source: bytes) -> None:
    after = _ecs_config_document.edit(source, VARIABLES)
    note = _ecs_config_earlier.noted(None, source, after)
    back = _ecs_config_earlier.taken_back(note, after)
    if back != source:
        raise AssertionError(f"taken back to {back!r}")


_YUM = {"proxy": PROXY, "proxy_username": "fleet", "proxy_password": "word"}


def _ini(source: bytes | None, wanted: t.Mapping[str, str | None]) -> bytes | None:
    return _ini_document.set_options(source, "main", wanted)


def _windows(source: bytes | None, wanted: _windows_environment.Wanted) -> bytes | None:
    """An entry of the registry's list is a line of the document; a list without entries is no file."""
    lines = [] if source is None else source.decode("utf-8", "replace").split("\n")
    entries = _windows_environment.entries_of(_windows_environment.Value(_windows_environment.MULTI, lines), "")
    _windows_environment.check_lossless(entries, "")
    after = _windows_environment.merge(entries, wanted)
    return "\n".join(after).encode() if after else None


MANIFEST = _manifest_settings.Options(
    https_proxy=PROXY,
    no_proxy="localhost",
    modules=("sensor",),
    log_limits={"driver": "json-file", "max-size": "10m", "max-file": "3"},
    host_storage={"edgeHub": "/srv/edgeHub"},
    hub_env={"OptimizeForPerformance": "false"},
)


def _manifest_edit(source: bytes | None, absent: bool) -> bytes | None:
    return None if source is None else _manifest_settings.apply(source, MANIFEST, absent=absent)


def _manifest_lint_all(source: bytes) -> None:
    _manifest_lint.lint(source, behind_proxy=True)


EDITORS = (
    _json("daemon_json", DAEMON, _check_docker),
    _json("docker_config", CLIENT, lambda source: _docker_client.check(_json_document.load(source), wanted=CLIENT)),
    Editor(
        "replicated_conf",
        "replicated_conf",
        _JSON + _words('"HttpProxy"', '"HttpProxy": "x"'),
        lambda source: _replicated_conf.edit(source, None),
        lambda source: _replicated_conf.edit(source, PROXY),
    ),
    Editor(
        "config_toml",
        "config_toml",
        _TOML,
        lambda source: _toml_document.edit(source, {}, TOML_PATHS),
        lambda source: _toml_document.edit(source, TOML),
        (_check_iotedge,),
    ),
    Editor(
        "systemd_dropin",
        "systemd_dropin",
        _UNIT,
        _systemd_dropin.remove,
        lambda source: _systemd_dropin.apply(source, _BLOCK_LINES),
        (_merged, _systemd_dropin.ours),
    ),
    Editor(
        "systemd_others_dropin",
        "systemd_dropin",
        _UNIT,
        lambda source: source and _systemd_dropin.without(source, set(VARIABLES)),
    ),
    _variables(
        "environment",
        _environment_file_pam.edit,
        _environment_file_pam.assignments,
        lambda source: _environment_file_pam.notices(source, VARIABLES),
        # The comment behind a value stays, in a line of its own.
    )._replace(exact=lambda source: b"#" not in source),
    Editor(
        "shell",
        "shell",
        _LINES,
        _environment_file_shell.remove,
        lambda source: _environment_file_shell.apply(source, VARIABLES),
        (lambda source: _environment_file_shell.elsewhere(source, set(VARIABLES)),),
    ),
    _variables(
        "systemd_file",
        _environment_file_systemd.edit,
        lambda source: _environment_file_systemd.notices(source, VARIABLES),
        _text(_systemd_syntax.parse_file),
        # Of a continued value, which goes as a whole, it is not always told which empty line was a part.
    )._replace(exact=lambda source: b"\\\n" not in source),
    _variables("upstart", _environment_file_upstart.edit),
    _variables(
        "options",
        _options,
        lambda source: _environment_file_options.settings(source, "REPLICATED_OPTS"),
        lambda source: _environment_file_options.words(source, "REPLICATED_OPTS"),
    ),
    _variables("ecs_config", _ecs, _ecs_and_back),
    Editor(
        "yum_conf",
        "yum_conf",
        _LINES,
        lambda source: _ini(source, dict.fromkeys(_YUM)),
        lambda source: _ini(source, _YUM),
        (lambda source: _ini_document.get_options(source, "main"),),
    ),
    Editor(
        "windows_environment",
        "windows_environment",
        _LINES,
        lambda source: _windows(source, _windows_environment.Wanted({}, tuple(VARIABLES))),
        lambda source: _windows(source, _windows_environment.Wanted(VARIABLES, ())),
    ),
    Editor(
        "manifest",
        "manifest",
        _JSON + _words('"env"', '"createOptions"', '"edgeHub"', '"modulesContent"', '\\"', '"settings": {}', '"value"'),
        lambda source: _manifest_edit(source, True),
        lambda source: _manifest_edit(source, False),
        (_manifest_lint_all,),
        # Pieces that others cut elsewhere than at 512 characters are cut anew.
        lambda source: not re.search(rb"createOptions01|[^\n]{500}", source),
    ),
    Editor("nomad", "nomad", _LINES, readers=(_text(_nomad_agent.inherited_names),)),
    Editor("apt_conf", "apt_conf", _LINES, readers=(_text(_audit_apt.proxies), _text(_audit_apt.machines))),
)
