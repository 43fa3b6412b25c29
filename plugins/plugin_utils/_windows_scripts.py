# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The few lines of PowerShell of our own, for what no module of ansible.windows does as it has to be done here.

They go to the host as the script of win_powershell, values as its parameters: by standard input, in no command line.
"""

from __future__ import annotations

# Takes a file's new bytes, or none to delete it, and the digest of those it must still have. win_copy would delete the
# file before it copies, and so lose its permissions, and the file itself where it is interrupted.
REPLACE = r"""
param([string]$Path, [string]$Content, [string]$Expected)
$ErrorActionPreference = 'Stop'
$found = ''
$exists = [IO.File]::Exists($Path)
if ($exists) {
    $sha256 = [Security.Cryptography.SHA256]::Create()
    $found = [BitConverter]::ToString($sha256.ComputeHash([IO.File]::ReadAllBytes($Path))) -replace '-'
}
if ($found -ne $Expected) { throw 'the file has been changed by somebody else meanwhile' }
if (-not $Content) {
    [IO.File]::Delete($Path)
    return
}
$folder = [IO.Path]::GetDirectoryName($Path)
$null = [IO.Directory]::CreateDirectory($folder)
$next = [IO.Path]::Combine($folder, [IO.Path]::GetRandomFileName())
try {
    [IO.File]::WriteAllBytes($next, [Convert]::FromBase64String($Content))
    if ($exists) {
        [IO.File]::Replace($next, $Path, [NullString]::Value)
    } else {
        [IO.File]::Move($next, $Path)
    }
} finally {
    [IO.File]::Delete($next)
}
"""

# Takes a checkpoint's name, its new document, and the digest of the one it must still have. The keys are made with
# access for SYSTEM and administrators alone, inheriting none: the document holds what protected files held.
CHECKPOINT = r"""
param([string]$Name, [string]$Document, [string]$Expected)
$ErrorActionPreference = 'Stop'
$access = New-Object Security.AccessControl.RegistrySecurity
$access.SetSecurityDescriptorSddlForm('D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)', 'Access')
$check = [Microsoft.Win32.RegistryKeyPermissionCheck]::ReadWriteSubTree
$top = [Microsoft.Win32.Registry]::LocalMachine.CreateSubKey('SOFTWARE\container_hosts', $check, $access)
try {
    # One that was there already has been made with whatever access.
    $top.SetAccessControl($access)
    $key = $top.CreateSubKey("checkpoints\$Name")
    try {
        $found = ''
        $before = [string]$key.GetValue('Document', '')
        if ($before) {
            $sha256 = [Security.Cryptography.SHA256]::Create()
            $bytes = [Text.Encoding]::ASCII.GetBytes($before)
            $found = [BitConverter]::ToString($sha256.ComputeHash($bytes)) -replace '-'
        }
        if ($found -ne $Expected) { throw 'the checkpoint has been changed by another run meanwhile' }
        $key.SetValue('Document', $Document, [Microsoft.Win32.RegistryValueKind]::String)
        $key.Flush()
    } finally {
        $key.Close()
    }
} finally {
    $top.Close()
}
"""

# Takes certificates as base64 of DER, and thumbprints.
CERTIFICATES = r"""
param([string[]]$Add, [string[]]$Remove)
$ErrorActionPreference = 'Stop'
$store = New-Object Security.Cryptography.X509Certificates.X509Store 'Root', 'LocalMachine'
$store.Open('ReadWrite')
try {
    foreach ($text in $Add) {
        $bytes = [Convert]::FromBase64String($text)
        $store.Add((New-Object Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList (, $bytes)))
    }
    foreach ($thumbprint in $Remove) {
        foreach ($found in $store.Certificates.Find('FindByThumbprint', $thumbprint, $false)) { $store.Remove($found) }
    }
} finally {
    $store.Close()
}
"""

# Takes the cluster, and the machine's variables as they are now: those of this process are from before.
INITIALIZE_ECS = r"""
param([string]$Cluster, [bool]$TaskIamRole, [string[]]$Names, [string[]]$Values)
$ErrorActionPreference = 'Stop'
for ($i = 0; $i -lt $Names.Count; $i++) {
    [Environment]::SetEnvironmentVariable($Names[$i], $Values[$i], 'Process')
}
Import-Module ECSTools
$null = Initialize-ECSAgent -Cluster $Cluster -EnableTaskIAMRole:$TaskIamRole
"""

# Takes the proxy's URL without credentials, and those. The vendor's page has Get-Credential's GetNetworkCredential()
# for -ProxyCredential, which takes a PSCredential.
DEPLOY_IOTEDGE = r"""
param([string]$Proxy, [string]$User, [string]$Password)
$ErrorActionPreference = 'Stop'
$request = @{}
if ($Proxy) { $request['-Proxy'] = $Proxy }
if ($User) {
    $secret = New-Object Security.SecureString
    foreach ($char in $Password.ToCharArray()) { $secret.AppendChar($char) }
    $request['-ProxyCredential'] = New-Object Management.Automation.PSCredential $User, $secret
}
# Older Windows offers no TLS that the page still takes.
[Net.ServicePointManager]::SecurityProtocol =
    [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
$web = @{ UseBasicParsing = $true }
foreach ($name in $request.Keys) { $web[$name.TrimStart('-')] = $request[$name] }
. { Invoke-WebRequest @web -Uri https://aka.ms/iotedge-win } | Invoke-Expression
$null = Deploy-IoTEdge -InvokeWebRequestParameters $request
"""
