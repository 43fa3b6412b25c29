# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialects: what each is given, and what each notice names. tests/conformance asks the readers themselves."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _no_proxy,
    _proxy,
    _proxy_apt,
    _proxy_docker,
    _proxy_environment,
    _proxy_java,
    _proxy_pam,
    _proxy_shell,
    _proxy_yum,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

URL = "http://192.0.2.1:3128"
TLS = "https://192.0.2.1:3129"
LIST = ["10.0.0.0/8", "example.com", "*.svc.example.com", "fd00::5", "fd00::/8", "a.example:80", "/run/docker.sock"]


def model(**keys):
    return _proxy.parse({"http": URL, **keys})


def named(rendered):
    return {(notice.reader, notice.entry) for notice in rendered.notices}


def test_the_environment_of_go():
    names = (
        "localhost,127.0.0.1,::1,10.0.0.0/8,example.com,.svc.example.com,fd00::5,fd00::/8,a.example:80,/run/docker.sock"
    )
    rendered = _proxy_environment.environment(model(no_proxy=LIST))
    assert list(rendered.value) == list(_proxy_environment.NAMES)
    assert rendered.value == {
        **dict.fromkeys(["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"], URL),
        **dict.fromkeys(["NO_PROXY", "no_proxy"], names),
    }
    assert rendered.notices == ()


def test_the_environment_that_several_kinds_of_readers_share():
    rendered = _proxy_environment.environment(model(no_proxy=LIST), readers="shared", cases=["lower"])
    assert list(rendered.value) == ["http_proxy", "https_proxy", "no_proxy"]
    assert rendered.value["no_proxy"] == (
        "localhost,127.0.0.1,::1,[::1],10.0.0.0/8,example.com,.example.com,.svc.example.com,"
        "fd00::5,[fd00::5],fd00::/8,a.example:80"
    )
    assert named(rendered) == {
        ("Python urllib, AWS CLI, .NET and curl before 7.86", "10.0.0.0/8"),
        ("curl, Python and .NET", "*.svc.example.com"),
        ("curl, Python and .NET", "fd00::/8"),
        ("curl, Python and .NET", "a.example:80"),
    }


@pytest.mark.parametrize(
    ("readers", "value"), [("go", "localhost,127.0.0.1,::1"), ("shared", "localhost,127.0.0.1,::1,[::1]")]
)
def test_no_value_is_ever_empty(readers, value):
    assert _proxy_environment.environment(model(), readers=readers).value["NO_PROXY"] == value
    local = model(no_proxy=["LOCALHOST", "127.0.0.1", "[::1]"])
    assert _proxy_environment.environment(local, readers=readers).value["NO_PROXY"] == value


def test_a_star_is_all_there_is():
    assert _proxy_environment.environment(model(no_proxy="*")).value["NO_PROXY"] == "*"
    shared = _proxy_environment.environment(model(no_proxy="*"), readers="shared")
    assert shared.value["NO_PROXY"] == "*"
    assert named(shared) == {(".NET", "*")}
    assert _proxy_java.options(model(no_proxy="*")).value[-1] == "-Dhttp.nonProxyHosts=*"
    assert _proxy_yum.settings(model(no_proxy="*")).value == {}


def test_one_label_exempts_more_than_a_host():
    assert named(_proxy_environment.environment(model(no_proxy="com,localhost,.internal"))) == {("every reader", "com")}


def test_a_domain_beside_its_subdomains_needs_no_notice():
    assert _proxy_environment.environment(model(no_proxy="x.example,*.x.example"), readers="shared").notices == ()


def test_a_thousand_networks_are_one_notice():
    rendered = _proxy_environment.environment(model(no_proxy=[f"10.{n}.0.0/16" for n in range(200)]), readers="shared")
    assert [notice.entry for notice in rendered.notices] == [
        "10.0.0.0/16, 10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16, 10.4.0.0/16 and 195 more"
    ]


def test_a_list_that_no_process_could_be_started_with_is_refused():
    long = model(no_proxy=[f"host{number}.a-rather-long-domain.example.com" for number in range(5000)])
    for render in (_proxy_environment.environment, _proxy_docker.daemon, _proxy_docker.cli, _proxy_java.options):
        with pytest.raises(Refused, match="131071") as refused:
            render(long)
        assert refused.value.where == "container_hosts_proxy.no_proxy"


def test_a_proxy_spoken_to_by_tls():
    proxy = _proxy.parse({"http": TLS, "username": "u", "password": "hunter2"})
    assert named(_proxy_environment.environment(proxy)) == {("Go", TLS)}
    assert named(_proxy_docker.cli(proxy)) == {("Go and curl", TLS), ("Python urllib and .NET before 8", TLS)}
    assert named(_proxy_apt.files(proxy)) == {("apt", TLS)}
    assert named(_proxy_yum.settings(proxy)) == {("dnf", TLS)}
    for render in (_proxy_java.options, lambda proxy: _proxy_yum.settings(proxy, reader="yum")):
        with pytest.raises(Refused, match="only plain HTTP") as refused:
            render(proxy)
        assert "hunter2" not in str(refused.value)


def test_docker():
    proxy = model(https="http://192.0.2.2:3128", no_proxy="example.com")
    assert _proxy_docker.daemon(proxy) == (
        {
            "http-proxy": URL,
            "https-proxy": "http://192.0.2.2:3128",
            "no-proxy": "localhost,127.0.0.1,::1,example.com",
        },
        (),
    )
    assert _proxy_docker.cli(proxy) == (
        {
            "httpProxy": URL,
            "httpsProxy": "http://192.0.2.2:3128",
            "noProxy": "localhost,127.0.0.1,::1,[::1],example.com,.example.com",
        },
        (),
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "proxy.localhost"])
def test_a_proxy_on_the_host_itself_is_out_of_a_containers_reach(host):
    rendered = _proxy_docker.cli(_proxy.parse({"http": f"http://{host}:3128"}))
    assert named(rendered) == {("containers", f"http://{host}:3128")}


def test_java():
    rendered = _proxy_java.options(model(https="http://[2001:db8::1]:8080", no_proxy=LIST))
    assert rendered.value == (
        "-Dhttp.proxyHost=192.0.2.1",
        "-Dhttp.proxyPort=3128",
        "-Dhttps.proxyHost=2001:db8::1",
        "-Dhttps.proxyPort=8080",
        "-Dhttp.nonProxyHosts=localhost|127.*|[::1]|10.*|example.com|*.example.com|*.svc.example.com|[fd00::5]"
        "|a.example|*.a.example",
    )
    assert named(rendered) == {("Java", "fd00::/8"), ("Java", "a.example:80")}


@pytest.mark.parametrize(
    ("network", "globs"),
    [
        ("10.0.0.0/8", ["10.*"]),
        ("172.16.0.0/12", [f"172.{second}.*" for second in range(16, 32)]),
        ("192.168.4.0/22", ["192.168.4.*", "192.168.5.*", "192.168.6.*", "192.168.7.*"]),
        ("192.0.2.128/25", [f"192.0.2.{last}" for last in range(128, 256)]),
        ("192.0.2.4/31", ["192.0.2.4", "192.0.2.5"]),
        ("128.0.0.0/1", [f"{first}.*" for first in range(128, 256)]),
    ],
)
def test_java_takes_a_network_octet_by_octet(network, globs):
    value = _proxy_java.options(model(no_proxy=[network])).value[-1]
    assert value == "|".join(["-Dhttp.nonProxyHosts=localhost", "127.*", "[::1]", *globs])


def test_java_takes_no_credentials():
    rendered = _proxy_java.options(model(username="u", password="hunter2"))
    assert named(rendered) == {("Java", "username")}
    assert "hunter2" not in str(rendered)


def test_shell():
    assert _proxy_shell.lines({"A": "b", "C": "it's $HOME"}) == "export A='b'\nexport C='it'\"'\"'s $HOME'\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [("1A", "x"), ("A B", "x"), ("", "x"), ("A", "x\ny"), ("A", "x\0"), ("A", "\x1b[0m"), ("A", "\x7f")],
)
def test_what_a_shell_cannot_be_given(name, value):
    for assignment in (_proxy_shell.assignment, _proxy_pam.assignment):
        with pytest.raises(Refused):
            assignment(name, value)


def test_pam():
    assert _proxy_pam.lines({"A": 'b "c" $d\\', "E": ""}) == ("A='b \"c\" $d\\'\nE=''\n", ())


@pytest.mark.parametrize("poison", ["'", "#", "\t"])
def test_what_pam_cannot_be_given_is_named(poison):
    with pytest.raises(Refused) as refused:
        _proxy_pam.assignment("JVM_OPTS", f"hunter2{poison}")
    assert refused.value.where == "JVM_OPTS"
    assert repr(poison) in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_long_line_for_pam():
    rendered = _proxy_pam.lines({"NO_PROXY": "x" * 1023})
    assert [notice.entry for notice in rendered.notices] == ["NO_PROXY"]
    with pytest.raises(Refused, match="8190"):
        _proxy_pam.lines({"NO_PROXY": "x" * 9000})


def test_apt():
    rendered = _proxy_apt.files(model(username="u", password="p#%", no_proxy=[*LIST, "10.0.0.5", "fd00::"]))
    files = rendered.value
    lines = files.configuration.splitlines()
    assert lines[0].startswith("#")
    direct = [line.split('"')[0].split("Proxy::")[1].strip() for line in lines if "DIRECT" in line]
    assert lines[1:3] == [f'Acquire::http::Proxy "{URL}";', f'Acquire::https::Proxy "{URL}";']
    assert direct[::2] == direct[1::2] == ["localhost", "127.0.0.1", "::1", "example.com", "fd00::5", "10.0.0.5"]
    assert files.credentials.splitlines()[1:] == [f"machine {URL} login u password p#%"]
    assert files.private is False
    assert {entry for _reader, entries in named(rendered) for entry in entries.split(", ")} == {
        *LIST[:3],
        *LIST[4:6],
        "fd00::",
    }


def test_apt_keeps_what_auth_conf_cannot_carry_in_a_file_of_roots():
    rendered = _proxy_apt.files(model(username="u", password="p w"))
    assert '"http://u:p%20w@192.0.2.1:3128"' in rendered.value.configuration
    assert rendered.value[1:] == ("", True)
    assert named(rendered) == {("apt", "password")}


def test_apt_with_a_proxy_of_each_scheme():
    proxy = _proxy.parse({"http": "http://u:p@192.0.2.1:1", "https": "http://[2001:db8::1]:2"})
    assert proxy.http in _proxy_apt.files(proxy).value.credentials.replace("machine http://", "http://u:p@")
    assert "2001" not in _proxy_apt.files(proxy).value.credentials
    assert _proxy_apt.files(model(no_proxy="*")).value.configuration.count('"DIRECT"') == 2


@pytest.mark.parametrize("reader", ["dnf", "yum"])
def test_dnf_and_yum(reader):
    proxy = _proxy.parse(
        {
            "http": URL,
            "https": "http://192.0.2.2:1",
            "username": "u",
            "password": "p%",
            "no_proxy": ["example.com", "/x"],
        }
    )
    rendered = _proxy_yum.settings(proxy, reader=reader)
    assert rendered.value == {"proxy": "http://u:p%25@192.0.2.2:1"}
    assert named(rendered) == {(reader, "http"), (reader, "example.com")}
    assert "p%25" not in str(rendered.notices)


def test_notices_never_hold_credentials():
    proxy = _proxy.parse({"http": TLS, "username": "hunter1", "password": "hunter2 é", "no_proxy": LIST})
    for rendered in (
        _proxy_environment.environment(proxy, readers="shared"),
        _proxy_docker.cli(proxy),
        _proxy_apt.files(proxy),
        _proxy_yum.settings(proxy),
        _proxy_java.options(model(username="hunter1", password="hunter2")),
    ):
        assert rendered.notices
        assert "hunter" not in str(rendered.notices)


def test_the_list_alone():
    entries = _no_proxy.parse("example.com")
    assert _proxy_environment.no_proxy(entries, readers="go").value == "localhost,127.0.0.1,::1,example.com"


# IoT Edge's daemons -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cases", [("upper", "lower"), ("upper",), ("lower",)])
def test_iot_edges_daemons_get_the_one_variable_that_its_check_looks_at(cases):
    proxy = model(https="http://192.0.2.2:3128", username="fleet", password="p@ss/%", no_proxy=[])
    rendered = _proxy_environment.environment(proxy, readers="iotedge", cases=cases)
    assert rendered.value == {"https_proxy": "http://fleet:p%40ss%2F%25@192.0.2.2:3128"}
    assert rendered.notices == ()
    # To the byte what the engine gets, or the check proxy-settings fails.
    go = _proxy_environment.environment(proxy, readers="go").value
    assert go["https_proxy"] == rendered.value["https_proxy"]


@pytest.mark.parametrize(
    ("keys", "readers"),
    [
        ({}, set()),
        ({"no_proxy": LIST}, {("aziot-identityd and aziot-certd", "no_proxy")}),
        ({"https": TLS}, {("edgeAgent and edgeHub", TLS)}),
        ({"https": "http://[2001:db8::1]:3128"}, {("iotedge check", "http://[2001:db8::1]:3128")}),
        ({"http": TLS, "https": URL}, set()),  # which they don't read
        (
            {"https": "https://fleet:t0psecret@[2001:db8::1]:3128", "no_proxy": "example.com"},
            {
                ("aziot-identityd and aziot-certd", "no_proxy"),
                ("edgeAgent and edgeHub", "https://[2001:db8::1]:3128"),
                ("iotedge check", "https://[2001:db8::1]:3128"),
            },
        ),
    ],
)
def test_what_iot_edges_daemons_will_not_do_is_said(keys, readers):
    rendered = _proxy_environment.environment(model(**keys), readers="iotedge")
    assert named(rendered) == readers
    assert "t0psecret" not in str(rendered.notices)


def test_a_list_too_long_for_others_does_not_concern_iot_edges_daemons():
    proxy = model(no_proxy=[f"host{number}.example.com" for number in range(9000)])
    with pytest.raises(Refused, match="NO_PROXY"):
        _proxy_environment.environment(proxy)
    assert list(_proxy_environment.environment(proxy, readers="iotedge").value) == ["https_proxy"]
