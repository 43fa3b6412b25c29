# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of IoT Edge devices: what is refused, what lies on the disk afterwards, and who can read it there."""

from __future__ import annotations

import datetime
import itertools
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _checkpoint,
    _checkpoint_restore,
    _host_settings,
    _iotedge_certificate,
    _iotedge_certificate_pem,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import carry_out
from ansible_collections.fleetops.container_hosts.tests.support import certificates
from ansible_collections.fleetops.container_hosts.tests.support.fatal import killed_at
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

CERTS, KEYS = 1234, 2345  # what aziotcs and aziotks are here
STRANGER = 3456
PATH, KEY_PATH = "/var/aziot/certs/device.pem", "/var/aziot/secrets/device.key.pem"
NOW = datetime.datetime.now(datetime.timezone.utc)
PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8


def make(name="edge ca", **options):
    return certificates.make(name, now=NOW, **options)


ROOT = make("root")
ISSUER = make("issuer", issuer=ROOT)
EDGE_CA = make("edge ca", issuer=ISSUER)
LEAF = make("device-1", issuer=ISSUER, constraints=certificates.LEAF)
CHAIN = LEAF.pem + ISSUER.pem + ROOT.pem
SECRETS = [line for made in (EDGE_CA, LEAF) for line in made.key_pem.splitlines() if not line.startswith("-----")]


@pytest.fixture
def host():
    # Not tmp_path, into which the services' users could not get.
    root = pathlib.Path(tempfile.mkdtemp())
    root.chmod(0o755)
    (root / "var").mkdir(mode=0o755)
    yield root
    shutil.rmtree(root)


def checked(**params):
    users = {"owner": CERTS, "group": CERTS, "key_owner": KEYS, "key_group": KEYS}
    done = ArgumentSpecValidator(_iotedge_certificate.ARGUMENT_SPEC).validate({"path": PATH, **users, **params})
    assert not done.error_messages
    return done.validated_parameters


def ensure(host, *, check_mode=False, checkpoint=None, **params):
    run, result = carry_out(
        _iotedge_certificate.ensure,
        checked(**params),
        check_mode=check_mode,
        root=str(host),
        checkpoint=checkpoint,
    )
    shown = json.dumps([run.diffs, result, run.notices])
    assert not [secret for secret in SECRETS if secret in shown]
    return run, result


def put(host, path, content, mode=0o644, owner=0):
    file = pathlib.Path(f"{host}{path}")
    for folder in reversed(file.relative_to(host).parents):
        (host / folder).mkdir(mode=0o755, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    os.chown(file, owner, owner)


def tree(host):
    """Return everything below the host's root: mode, owner, group, and a file's bytes."""
    found = {}
    for path in sorted(host.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(host))] = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, content)
    return found


PAIR = {"usage": "edge_ca", "content": EDGE_CA.pem, "key_path": KEY_PATH, "key_content": EDGE_CA.key_pem}
BUNDLE = {"usage": "trust_bundle", "content": ROOT.pem}
WRITTEN = {
    "var": (0o755, 0, 0, None),
    "var/aziot": (0o755, 0, 0, None),
    "var/aziot/certs": (0o755, CERTS, CERTS, None),
    "var/aziot/certs/device.pem": (0o644, CERTS, CERTS, EDGE_CA.pem.encode()),
    "var/aziot/secrets": (0o700, KEYS, KEYS, None),
    "var/aziot/secrets/device.key.pem": (0o600, KEYS, KEYS, EDGE_CA.key_pem.encode()),
}

# Files through their life ------------------------------------------------------------------------------------------


def test_check_then_present_then_again_then_absent(host):
    untouched = tree(host)
    foretold, told = ensure(host, check_mode=True, **PAIR)
    assert (foretold.changed, tree(host)) == (True, untouched)

    run, result = ensure(host, **PAIR)
    assert (run.changed, run.diffs, result["changed_files"]) == (True, foretold.diffs, told["changed_files"])
    assert tree(host) == WRITTEN

    run, result = ensure(host, **PAIR)
    assert (run.changed, run.diffs, result["changed_files"]) == (False, [], [])

    foretold, _result = ensure(host, check_mode=True, state="absent", **PAIR)
    assert (foretold.changed, tree(host)) == (True, WRITTEN)
    run, result = ensure(host, state="absent", **PAIR)
    assert (run.changed, run.diffs, result["changed_files"]) == (True, foretold.diffs, [PATH, KEY_PATH])
    # The folder above ours may have been there before us.
    assert tree(host) == {**untouched, "var/aziot": (0o755, 0, 0, None)}
    assert not ensure(host, state="absent", **PAIR)[0].changed


def test_the_umask_has_no_say(host):
    old = os.umask(0o077)
    try:
        ensure(host, **PAIR)
    finally:
        os.umask(old)
    assert tree(host) == WRITTEN


def test_what_is_returned(host):
    _run, result = ensure(host, usage="device_id", content=CHAIN, key_path=KEY_PATH, key_content=LEAF.key_pem)
    told = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-enddate", "-dateopt", "iso_8601"],
        input=LEAF.pem,
        capture_output=True,
        text=True,
        check=True,
    )
    fingerprint, end = (line.partition("=")[2] for line in told.stdout.splitlines())
    assert result["fingerprint"] == fingerprint.replace(":", "").lower()
    assert result["not_after"] == end.replace(" ", "T")
    assert (result["subject"], result["days_left"], result["path"]) == ("CN=device-1", 364, PATH)
    assert [entry["subject"] for entry in result["certificates"]] == ["CN=device-1", "CN=issuer", "CN=root"]
    _run, result = ensure(host, state="absent", usage="device_id", content=CHAIN)
    assert (result["subject"], result["not_after"], result["certificates"]) == (None, None, [])


@pytest.mark.parametrize(
    "which", list(itertools.product([PATH, KEY_PATH], [(0o666, 0), (0o400, CERTS), (0o640, KEYS)]))
)
def test_owner_and_mode_alone_are_repaired(host, which):
    path, (mode, owner) = which
    ensure(host, **PAIR)
    os.chown(f"{host}{path}", owner, owner)
    os.chmod(f"{host}{path}", mode)
    broken = tree(host)
    foretold, _result = ensure(host, check_mode=True, **PAIR)
    assert tree(host) == broken
    run, result = ensure(host, **PAIR)
    assert (run.changed, result["changed_files"], tree(host)) == (True, [path], WRITTEN)
    assert [diff["after_header"] for diff in run.diffs] == [f"{path} (access)"]
    assert run.diffs == foretold.diffs


def test_a_new_key_is_told_from_no_change_and_neither_is_shown(host):
    ensure(host, usage="device_id", content=LEAF.pem, key_path=KEY_PATH, key_content=LEAF.key_pem)
    run, _result = ensure(host, **PAIR)
    [_certificate, key] = run.diffs
    assert key["before"] == "********\n"
    assert key["after"] == "********\n(only a secret changed)\n"


@pytest.mark.parametrize(
    "before",
    [LEAF.key_pem.partition("\n")[2], LEAF.key_pem[:100], "\udcff" * 20 + SECRETS[0]],
    ids=["no beginning", "no end", "binary"],
)
def test_a_damaged_key_that_is_replaced_or_removed_is_not_shown_either(host, before):
    for state in ("present", "absent"):
        put(host, KEY_PATH, before.encode("utf-8", "surrogateescape"))
        run, _result = ensure(host, state=state, **PAIR)
        [diff] = [diff for diff in run.diffs if diff["before_header"] == KEY_PATH]
        assert diff["before"].strip() == "********"


def test_a_missing_newline_at_the_end_is_put_there(host):
    """As lookups of files take it away."""
    ensure(host, **{**PAIR, "content": EDGE_CA.pem.rstrip("\n"), "key_content": EDGE_CA.key_pem.rstrip("\n")})
    assert tree(host) == WRITTEN


def test_files_without_their_text_stay_when_absent(host):
    ensure(host, **PAIR)
    run, result = ensure(host, state="absent", usage="edge_ca", key_path=KEY_PATH)
    assert (run.changed, result["changed_files"], tree(host)) == (False, [], WRITTEN)
    run, result = ensure(host, state="absent", usage="edge_ca", key_path=KEY_PATH, content="any text")
    assert result["changed_files"] == [PATH]
    assert set(WRITTEN) - set(tree(host)) == {"var/aziot/certs", "var/aziot/certs/device.pem"}


@pytest.mark.parametrize("mode", [0o700, 0o1777])
def test_a_folder_that_is_not_as_we_make_one_stays(host, mode):
    path = "/etc/ssl/device.pem"
    put(host, path, ROOT.pem)
    (host / "etc/ssl").chmod(mode)
    ensure(host, state="absent", path=path, **BUNDLE)
    assert list(tree(host)) == ["etc", "etc/ssl", "var"]


def test_absent_asks_nothing_of_the_texts_and_the_users(host):
    ensure(host, **PAIR)
    gone = {"owner": "aziotcs", "key_owner": "aziotks", "content": "expired", "key_content": "long ago"}
    run, _result = ensure(host, state="absent", **{**PAIR, **gone})
    assert run.changed
    assert "var/aziot/secrets/device.key.pem" not in tree(host)


# What is on the device already --------------------------------------------------------------------------------------


def test_what_is_on_the_device_is_judged_and_left_alone(host):
    put(host, PATH, EDGE_CA.pem, mode=0o664)
    put(host, KEY_PATH, EDGE_CA.key_pem, mode=0o600, owner=KEYS)
    before = tree(host)
    run, result = ensure(host, usage="edge_ca", key_path=KEY_PATH)
    assert (run.changed, tree(host), result["subject"], run.notices) == (False, before, "CN=edge ca", [])


def test_a_key_that_others_may_read_is_warned_about(host):
    put(host, PATH, EDGE_CA.pem)
    put(host, KEY_PATH, EDGE_CA.key_pem, mode=0o644)
    run, _result = ensure(host, usage="edge_ca", key_path=KEY_PATH)
    [notice] = run.notices
    assert str(notice).startswith(f"aziot-keyd: {KEY_PATH}: others than its owner have access to this key (mode 0644)")


@pytest.mark.parametrize("given", ["content", "key_content"])
def test_half_of_a_pair_on_the_device_is_judged_with_the_other_half(host, given):
    put(host, PATH, LEAF.pem)
    put(host, KEY_PATH, LEAF.key_pem, owner=KEYS, mode=0o600)
    with pytest.raises(Refused, match="is not the private key of the certificate"):
        ensure(host, usage="device_id", key_path=KEY_PATH, **{given: PAIR[given]})
    fitting = {"content": LEAF.pem, "key_content": LEAF.key_pem}
    ensure(host, usage="device_id", key_path=KEY_PATH, **{given: fitting[given]})


def test_a_key_in_a_security_module_is_its_own_affair(host):
    run, _result = ensure(host, usage="edge_ca", content=EDGE_CA.pem, key_path="pkcs11:token=edge?pin-value=0042")
    assert run.changed
    assert set(tree(host)) == set(list(WRITTEN)[:4])


def test_a_link_to_what_a_tool_for_renewal_keeps(host):
    put(host, "/etc/acme/archive/device-7.pem", ROOT.pem)
    (host / "etc/acme/device.pem").symlink_to("archive/device-7.pem")
    assert ensure(host, usage="trust_bundle", path="/etc/acme/device.pem")[1]["subject"] == "CN=root"
    (host / "etc/acme/archive").chmod(0o700)
    with pytest.raises(
        Refused, match=r"/etc/acme/archive: user 1234 may not list and enter it \(mode 0700, root:root\)"
    ):
        ensure(host, usage="trust_bundle", path="/etc/acme/device.pem")


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        (PATH, None, "is not on this host. Give its text as content, or have it put there first"),
        (PATH, ROOT.pem.rstrip("\n"), "does not end with a newline.* Run echo >> /var/aziot/certs/device.pem"),
        (PATH, ROOT.der, "is binary .DER., not PEM"),
        ("/var", None, "is a directory, not a regular file"),
    ],
)
def test_a_trust_bundle_on_the_device_that_would_not_work(host, path, content, message):
    if content is not None:
        put(host, path, content)
    with pytest.raises(Refused, match=message):
        ensure(host, usage="trust_bundle", path=path)


def test_a_url_in_place_of_a_path():
    with pytest.raises(Refused, match="is not an absolute path"):
        carry_out(_iotedge_certificate.ensure, checked(path="file:///a.pem", **BUNDLE), check_mode=False)


# Who can read it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "mode", "message"),
    [
        ("var/aziot", 0o700, "/var/aziot: user 1234 may not list and enter it .mode 0700, root:root.. Run chmod o.rx"),
        ("var/aziot", 0o711, "/var/aziot: user 1234 may not list and enter it"),  # entering is not enough
        ("var/aziot/certs", 0o750, "/var/aziot/certs: .* or keep the file in /var/aziot/certs"),
        ("var/aziot/secrets", 0o700, "/var/aziot/secrets: user 2345 may not enter it .* Run chmod o.x /var/aziot/secr"),
        ("var/aziot/secrets", 0o744, "/var/aziot/secrets: user 2345 may not enter it"),
    ],
)
def test_a_folder_that_bars_a_service_is_named_before_anything_is_written(host, folder, mode, message):
    for name in ("var/aziot", "var/aziot/certs", "var/aziot/secrets"):
        (host / name).mkdir()
        (host / name).chmod(0o755)
    (host / folder).chmod(mode)
    before = tree(host)
    for check_mode in (True, False):
        with pytest.raises(Refused, match=message):
            ensure(host, check_mode=check_mode, **PAIR)
    assert tree(host) == before


@pytest.mark.parametrize(("owner", "whose"), [((CERTS, 0), "u"), ((0, CERTS), "g"), ((0, 0), "o")])
def test_the_advice_fits_whose_the_folder_is(host, owner, whose):
    (host / "srv").mkdir()
    os.chown(host / "srv", *owner)
    (host / "srv").chmod(0)
    with pytest.raises(Refused, match=f"Run chmod {whose}\\+rx /srv") as refused:
        ensure(host, **{**BUNDLE, "path": "/srv/bundle.pem"})
    advice = str(refused.value).partition("Run ")[2].partition(",")[0]
    subprocess.run(advice.replace("/srv", f"{host}/srv").split(), check=True)
    assert ensure(host, **{**BUNDLE, "path": "/srv/bundle.pem"})[0].changed


def test_a_private_folder_of_the_services_group_is_enough(host):
    put(host, PATH, ROOT.pem, mode=0o640)
    os.chown(f"{host}{PATH}", STRANGER, CERTS)
    os.chown(host / "var/aziot/certs", STRANGER, CERTS)
    (host / "var/aziot/certs").chmod(0o750)
    ensure(host, usage="trust_bundle")
    os.chown(f"{host}{PATH}", STRANGER, STRANGER)
    with pytest.raises(Refused, match=r"user 1234 may not read it \(mode 0640, 3456:3456\). Run chmod 0644 /var/aziot"):
        ensure(host, usage="trust_bundle")


def test_a_key_that_its_service_may_not_read(host):
    put(host, PATH, EDGE_CA.pem)
    put(host, KEY_PATH, EDGE_CA.key_pem, mode=0o600)
    with pytest.raises(Refused, match=r"may not read it \(mode 0600, root:root\). Run chown 2345 .*; chmod 0600 "):
        ensure(host, usage="edge_ca", key_path=KEY_PATH)


def test_a_host_without_the_runtime(host):
    with pytest.raises(
        Refused, match="owner: aziotcs does not exist on this host: the runtime of Azure IoT Edge is not"
    ):
        ensure(host, **{**BUNDLE, "owner": "aziotcs"})


def test_a_runtime_of_another_generation_is_the_reason(host):
    put(host, "/lib/systemd/system/iotedge.service", "[Unit]\n")
    put(host, "/etc/iotedge/config.yaml", "")
    with pytest.raises(Refused, match=r"/etc/iotedge/config.yaml: IoT Edge 1.1 or older is installed"):
        ensure(host, **{**BUNDLE, "owner": "aziotcs"})
    with pytest.raises(Refused, match=r"owner: nosuchuser does not exist on this host. Create it first"):
        ensure(host, **{**BUNDLE, "owner": "nosuchuser"})


# Bad input ----------------------------------------------------------------------------------------------------------

EXPIRED, EARLY = make("old", days=(-9, -1)), make("new", days=(1, 9))
NO_CA, NO_FLAG = make("no ca", constraints=certificates.LEAF), make("no flag", constraints=None, signs=None)
NO_SIGN = make("no sign", signs=False)
JOINED = ROOT.pem.replace("\n", " ")
ENCRYPTED = LEAF.key.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"x")).decode()
LEGACY = LEAF.key.private_bytes(
    PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.BestAvailableEncryption(b"x")
).decode()
OPENSSH = LEAF.key.private_bytes(PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()).decode()
KEY_DER = LEAF.key.private_bytes(serialization.Encoding.DER, PKCS8, serialization.NoEncryption())
IDENTITY = {"usage": "device_id", "content": LEAF.pem, "key_path": KEY_PATH, "key_content": LEAF.key_pem}


def as_lookup(content):
    """Return a file's bytes as Ansible's lookups do."""
    return content.decode("utf-8", "surrogateescape")


def damaged(pem, where):
    lines = pem.splitlines(keepends=True)
    lines[where] = lines[where][::-1].lstrip("\n") + "\n"
    return "".join(lines)


BAD = {
    "no PEM": ({**BUNDLE, "content": "hello"}, "holds no certificate in PEM form.*BEGIN CERTIFICATE"),
    "DER": ({**BUNDLE, "content": as_lookup(ROOT.der)}, "is binary .DER., not PEM.*openssl x509 -inform der -in"),
    "joined lines": ({**BUNDLE, "content": JOINED}, "its lines are joined or indented.*under `|`, not `>`"),
    "indented": ({**BUNDLE, "content": ROOT.pem.replace("\n", "\n  ")}, "its lines are joined or indented"),
    "cut off": ({**BUNDLE, "content": ROOT.pem[:200]}, "cut off before its -----END line. Export it again"),
    "second cut off": ({**BUNDLE, "content": ROOT.pem + ISSUER.pem[:200]}, "cut off before its -----END line"),
    "byte order mark": ({**BUNDLE, "content": "\ufeff" + ROOT.pem}, "begins with a byte order mark"),
    "UTF-16": ({**BUNDLE, "content": as_lookup(ROOT.pem.encode("utf-16"))}, "begins with a byte order mark"),
    "Latin-1": ({**BUNDLE, "content": as_lookup("é\n".encode("latin-1")) + ROOT.pem}, "is not UTF-8 text .byte 1."),
    "damaged base64": ({**BUNDLE, "content": ROOT.pem.replace("\n", "\n*", 2)}, "is damaged, or no X.509 certificate"),
    "damaged DER": ({**BUNDLE, "content": damaged(ROOT.pem, 1)}, "is damaged, or no X.509 certificate"),
    "request": (
        {**BUNDLE, "content": ROOT.pem.replace("CERTIFICATE", "CERTIFICATE REQUEST")},
        "is a CERTIFICATE REQUEST, not a CERTIFICATE. This is what a CA is asked with",
    ),
    "with a private key": ({**BUNDLE, "content": ROOT.pem + LEAF.key_pem}, "holds a private key, and is a file that"),
    "expired": ({**BUNDLE, "content": EXPIRED.pem}, r"\(CN=old\): expired on .* UTC, and here it is"),
    "not yet valid": ({**BUNDLE, "content": EARLY.pem}, r"\(CN=new\): is not valid before .* Set the device's clock"),
    "second expired": (
        {**BUNDLE, "content": ROOT.pem + EXPIRED.pem},
        r"device.pem \(content\), certificate 2 of 2 \(CN=old\): expired",
    ),
    "CA:FALSE in a bundle": (
        {**BUNDLE, "content": NO_CA.pem},
        "is no CA's certificate .basicConstraints says CA:FALSE",
    ),
    "second no CA": ({**BUNDLE, "content": ROOT.pem + NO_CA.pem}, "certificate 2 of 2 .*is no CA's certificate"),
    "no CA flag at all": ({**BUNDLE, "content": NO_FLAG.pem}, "basicConstraints is missing"),
    "no keyCertSign": ({**BUNDLE, "content": NO_SIGN.pem}, "may not sign certificates .keyUsage lacks keyCertSign"),
    "CA:FALSE as edge CA": ({**PAIR, "content": LEAF.pem, "key_content": LEAF.key_pem}, "is no CA's certificate"),
    "CA:FALSE as local CA": (
        {**PAIR, "usage": "local_ca", "content": LEAF.pem, "key_content": LEAF.key_pem},
        "is no CA's certificate",
    ),
    "issuer that is no CA": (
        {**IDENTITY, "content": make("child", issuer=NO_CA).pem + NO_CA.pem},
        r"certificate 2 of 2 \(CN=no ca\): is no CA's certificate",
    ),
    "root first": (
        {**IDENTITY, "content": ROOT.pem + ISSUER.pem + LEAF.pem},
        r"certificate 2 of 3 \(CN=issuer\): did not issue the certificate before it, whose issuer is CN=root",
    ),
    "link left out": ({**IDENTITY, "content": LEAF.pem + ROOT.pem}, "did not issue .* whose issuer is CN=issuer"),
    "another key": (
        {**IDENTITY, "key_content": ROOT.key_pem},
        "is not the private key of the certificate .*CN=device-1",
    ),
    "a key of another kind": (
        {**IDENTITY, "key_content": make(rsa_bits=2048).key_pem},
        "is not the private key of the",
    ),
    "encrypted key": (
        {**IDENTITY, "key_content": ENCRYPTED},
        "is encrypted, and aziot-keyd has nobody to ask.*openssl pk",
    ),
    "encrypted key, old form": ({**IDENTITY, "key_content": LEGACY}, "is encrypted, and aziot-keyd has nobody to ask"),
    "key in OpenSSH's form": ({**IDENTITY, "key_content": OPENSSH}, "a OPENSSH PRIVATE KEY. Convert it: ssh-keygen"),
    "key in DER": ({**IDENTITY, "key_content": as_lookup(KEY_DER)}, "is binary .DER.*openssl pkey -inform der"),
    "no key": ({**IDENTITY, "key_content": "hello"}, "holds no private key in PEM form"),
    "certificate as key": ({**IDENTITY, "key_content": LEAF.pem}, "holds no private key but a CERTIFICATE.*mixed up"),
    "two keys": (
        {**IDENTITY, "key_content": LEAF.key_pem + ROOT.key_pem},
        "holds 2 private keys, of which only the fir",
    ),
    "damaged private key": ({**IDENTITY, "key_content": damaged(LEAF.key_pem, 1)}, "no key that OpenSSL can read"),
    "cut off key": (
        {**IDENTITY, "key_content": LEAF.key_pem[:90]},
        "begins a private key that can't be read: it is cut",
    ),
    "no key path": ({**IDENTITY, "key_path": ""}, "key_path: is missing. Say where key_content belongs"),
    "key needed": ({"usage": "edge_ca", "content": EDGE_CA.pem}, "key_path: is missing, and usage edge_ca needs the"),
    "key of a bundle": ({**BUNDLE, "key_path": KEY_PATH}, "key_path: has no place with usage trust_bundle"),
    "one path for both": ({**IDENTITY, "key_path": "/var/aziot//certs/device.pem"}, "is the certificate's path too"),
    "text for PKCS #11": ({**IDENTITY, "key_path": "pkcs11:token=x"}, "is no file to write key_content to"),
    "minimum_days": ({**BUNDLE, "minimum_days": -1}, "minimum_days: is less than 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_and_nothing_written(host, name):
    params, message = BAD[name]
    before = tree(host)
    for check_mode in (True, False):
        with pytest.raises(Refused, match=message) as refused:
            ensure(host, check_mode=check_mode, **params)
        assert not [secret for secret in SECRETS if secret in str(refused.value)]
    assert tree(host) == before


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_garbage_ends_in_anything_but_a_refusal(data):
    pem = (LEAF.pem + ISSUER.pem).encode()
    begin = data.draw(st.integers(0, len(pem)))
    end = begin + data.draw(st.integers(0, 4))
    content = pem[:begin] + data.draw(st.binary(max_size=4)) + pem[end:]
    try:
        entries = _iotedge_certificate_pem.certificates(content, "here")
        _iotedge_certificate_pem.judge(
            entries, _iotedge_certificate_pem.USAGES["device_id"], now=NOW.timestamp(), minimum_days=7
        )
    except Refused:
        pass
    else:
        assert entries


def in_lines(length):
    lines = ROOT.pem.splitlines()
    body = "".join(lines[1:-1])
    parts = [body[start : start + length] for start in range(0, len(body), length)]
    return "\n".join([lines[0], *parts, lines[-1], ""])


@pytest.mark.parametrize(
    "pem",
    [
        *map(in_lines, (1, 7, 64, 76, 200, 300, 10000)),
        ROOT.pem.replace("-----\n", "-----  \n"),
        ROOT.pem.replace("-----\n", "-----x\n"),
        ROOT.pem.replace("-----\nM", "-----\n\nM"),
        ROOT.pem.replace("-----\nM", "-----\nProc-Type: 4,CLEAR\n\nM"),
        ROOT.pem.replace("-----\nM", "-----\n M"),
        ROOT.pem.replace("-----END", "\n-----END"),
        ROOT.pem.replace("-----END", "AAAA\n-----END"),
        ROOT.pem.replace("END CERTIFICATE", "END CERT"),
        "x" + ROOT.pem,
        "\n\n" + ROOT.pem,
    ],
)
def test_nothing_is_taken_that_openssl_would_not_read(host, pem):
    taken = True
    try:
        ensure(host, usage="trust_bundle", content=pem)
    except Refused:
        taken = False
    read = subprocess.run(["openssl", "x509", "-noout"], input=pem, capture_output=True, text=True, check=False)
    assert not (taken and read.returncode), read.stderr


# Good input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "content"),
    [
        ("trust_bundle", ROOT.pem + EDGE_CA.pem + ISSUER.pem),  # any order
        ("trust_bundle", ROOT.pem.replace("\n", "\r\n")),
        ("trust_bundle", "Root of ÅÄÖ\n" + ROOT.pem + "\nnext\n" + ISSUER.pem),
        ("trust_bundle", ROOT.pem + ROOT.pem),
        ("trust_bundle", make("no key usage", signs=None).pem),
        ("est_trusted", ROOT.pem),
    ],
)
def test_bundles_that_are_taken_as_they_are(host, usage, content):
    ensure(host, usage=usage, content=content)
    assert (host / PATH[1:]).read_bytes() == content.encode()


def key_forms():
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    plain = serialization.NoEncryption()
    parameters = subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1"], capture_output=True, text=True, check=True
    ).stdout
    rsa_made = make("rsa", rsa_bits=2048)
    yield "PKCS #8", LEAF, LEAF.key_pem
    yield "SEC 1", LEAF, LEAF.key.private_bytes(PEM, traditional, plain).decode()
    yield "SEC 1 with parameters", LEAF, parameters + LEAF.key.private_bytes(PEM, traditional, plain).decode()
    yield "CRLF", LEAF, LEAF.key_pem.replace("\n", "\r\n")
    yield "PKCS #1", rsa_made, rsa_made.key.private_bytes(PEM, traditional, plain).decode()
    yield "RSA", rsa_made, rsa_made.key_pem


@pytest.mark.parametrize("form", list(key_forms()), ids=lambda form: form[0])
def test_forms_of_keys(host, form):
    _name, made, key = form
    run, _result = ensure(host, usage="device_id", content=made.pem, key_path=KEY_PATH, key_content=key)
    assert (host / KEY_PATH[1:]).read_bytes() == key.encode()
    assert run.notices == []


def signed(key):
    """Return an edge CA with a key of any kind."""
    made = certificates.x509
    name = made.Name([made.NameAttribute(certificates.NameOID.COMMON_NAME, "weak")])
    builder = made.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(NOW - certificates.DAY).not_valid_after(NOW + 99 * certificates.DAY)
    )
    builder = builder.add_extension(certificates.CA, critical=True)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else certificates.hashes.SHA256()
    return certificates.Made(builder.sign(key, digest), key)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (certificates.make(rsa_bits=1024).key, "is an RSA key of 1024 bits, less than 2048"),
        (ec.generate_private_key(ec.SECP384R1()), r"is an EC key on another curve (1.3.132.0.34) than P-256"),
        (ed25519.Ed25519PrivateKey.generate(), "is neither an RSA nor an EC key (1.3.101.112)"),
    ],
    ids=["RSA 1024", "P-384", "Ed25519"],
)
def test_keys_that_the_vendors_check_warns_about(host, key, why):
    made = signed(key)
    run, _result = ensure(host, **{**PAIR, "content": made.pem, "key_content": made.key_pem})
    [notice] = run.notices
    assert (notice.reader, why in notice.why) == ("aziot-keyd", True)
    # A bundle's certificates bring no key to the device.
    assert ensure(host, usage="trust_bundle", content=made.pem)[0].notices == []


@pytest.mark.parametrize(
    ("left", "minimum", "warned"), [(6.5, 7, True), (7.5, 7, False), (7.5, 8, True), (0.1, 0, False)]
)
def test_few_days_left_are_warned_about(host, left, minimum, warned):
    made = make("near", days=(-1, left))
    run, result = ensure(host, usage="trust_bundle", content=ROOT.pem + made.pem, minimum_days=minimum)
    assert result["certificates"][1]["days_left"] in (int(left), int(left - 0.01))
    assert [f"in less than {minimum} days" in notice.why for notice in run.notices] == [True] * warned


# Interrupted, and taken back ------------------------------------------------------------------------------------------


def test_killed_at_any_step_no_file_is_half_written_or_too_open(host):
    other = {"usage": "device_id", "content": LEAF.pem, "key_path": KEY_PATH, "key_content": LEAF.key_pem}
    for number in itertools.count(1):
        shutil.rmtree(host / "var/aziot", ignore_errors=True)
        ensure(host, **other)
        os.chown(f"{host}{PATH}", 0, 0)
        killed = killed_at(number, lambda: ensure(host, **PAIR))
        found = tree(host)
        mode, owner, _group, content = found[KEY_PATH[1:]]
        assert (mode, owner) == (0o600, KEYS)
        assert content in (LEAF.key_pem.encode(), EDGE_CA.key_pem.encode())
        assert found[PATH[1:]][3] in (LEAF.pem.encode(), EDGE_CA.pem.encode())
        for path, (mode, _owner, _group, content) in found.items():
            if content and b"PRIVATE KEY" in content:
                assert mode & 0o077 == 0, path
        ensure(host, **PAIR)
        assert tree(host) == WRITTEN
        if not killed:
            break
    assert number > 10


def test_a_checkpoint_takes_back_bytes_owner_and_mode(guarded):
    host = guarded.folder
    put(host, PATH, LEAF.pem, mode=0o604, owner=STRANGER)
    put(host, "/srv/keys/device.pem", EDGE_CA.key_pem, mode=0o640, owner=STRANGER)
    before = {path: entry for path, entry in tree(host).items() if path.startswith(("var/aziot", "srv"))}
    host.parent.chmod(0o755)
    host.chmod(0o755)
    asked = {**PAIR, "key_path": "/srv/keys/device.pem"}
    run, _result = ensure(host, checkpoint=guarded.checkpoint(), **asked)
    assert run.changed
    assert tree(host)["srv/keys/device.pem"] == (0o600, KEYS, KEYS, EDGE_CA.key_pem.encode())
    _checkpoint_restore.restore(guarded.checkpoint())
    assert {path: entry for path, entry in tree(host).items() if path.startswith(("var/aziot", "srv"))} == before


def test_a_checkpoint_takes_back_folders(guarded):
    host = guarded.folder
    host.parent.chmod(0o755)
    host.chmod(0o755)
    ensure(host, checkpoint=guarded.checkpoint(), **PAIR)
    _checkpoint_restore.restore(guarded.checkpoint())
    assert not [path for path in tree(host) if "aziot" in path]
    assert _checkpoint.FOLDER[1:] in tree(host)


# Among other kinds ----------------------------------------------------------------------------------------------------


def test_a_certificate_that_is_refused_keeps_the_configuration_unwritten(host):
    users = {"owner": str(CERTS), "group": str(CERTS)}
    entries = {
        "config_toml": [{"path": "/etc/aziot/config.toml", "settings": {"trust_bundle_cert": f"file://{PATH}"}}],
        "iotedge_certificate": [{**users, "path": PATH, **BUNDLE, "content": EXPIRED.pem}],
    }
    with pytest.raises(Refused, match="expired on"):
        carry_out(_host_settings.ensure, entries, check_mode=False, root=str(host))
    assert list(tree(host)) == ["var"]
    entries["iotedge_certificate"][0]["content"] = ROOT.pem
    run, result = carry_out(_host_settings.ensure, entries, check_mode=False, root=str(host))
    assert (run.changed, result["iotedge_certificate"][0]["changed_files"]) == (True, [PATH])
    assert (host / "etc/aziot/config.toml").exists()
