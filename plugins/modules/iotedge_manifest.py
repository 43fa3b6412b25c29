#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iotedge_manifest
short_description: Edit and judge a deployment manifest of Azure IoT Edge
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Puts the proxy and what production asks for into a deployment manifest, and keeps every byte that isn't asked about.
  - Judges what comes out. A manifest without the proxy in C(edgeAgent)'s variables cuts a device off for good, since
    they replace those of its C(config.toml).
  - Runs on the controller, whatever host the task is for, and without C(become).
  - Takes manifests of all schema versions, with C(modulesContent) at the top or under C(content); layers, whose keys
    have the path in them (C(properties.desired.modules.sensor)); and templates (C($schema-template)), where
    C(createOptions) may be objects.
  - C(createOptions) are edited as the JSON that their text is, and split into pieces of 512 characters if they change
    and are longer.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
attributes:
  platform:
    platforms: posix
    description: Runs on the controller.
options:
  path:
    description:
      - The manifest, a JSON file on the controller. It is looked for as files of C(copy) are, then beside the inventory
        and in the working directory.
    type: path
    required: true
  dest:
    description:
      - Where to write it, by default O(path) itself. Name another file where O(path) is under version control and there
        are credentials; what holds credentials is readable by its owner alone.
    type: path
  proxy:
    description:
      - The proxy, as C(container_hosts_proxy) describes it for every role of this collection.
      - C(edgeAgent), C(edgeHub) and O(modules) get C(https_proxy).
      - The two of the runtime get C(UpstreamProtocol=AmqpWs) too, unless they have C(MqttWs) or O(upstream_protocol)
        says otherwise, since they use a proxy for WebSockets alone.
    type: dict
  modules:
    description:
      - Further modules that get C(https_proxy), and C(no_proxy) where the proxy has one.
      - The runtime's do not read C(no_proxy).
    type: list
    elements: str
    default: []
  upstream_protocol:
    description: How C(edgeAgent) and C(edgeHub) speak to the hub.
    type: str
    choices: [AmqpWs, MqttWs, Amqp, Mqtt]
  module_update_mode:
    description: With V(WaitForAllPulls), C(edgeAgent) stops no module before all new images are there.
    type: str
    choices: [NonBlocking, WaitForAllPulls]
  log_limits:
    description: Bounds for the logs of every module.
    type: dict
    suboptions:
      driver:
        description: The engine's log driver.
        type: str
        choices: [json-file, local]
        default: json-file
      max_size:
        description: The size of one file, with C(k), C(m) or C(g).
        type: str
        default: 10m
      max_file:
        description: How many files are kept.
        type: int
        default: 3
  resource_limits:
    description:
      - For each module named, some of C(memory) (V(256m)), C(cpus) (V(0.5)) and C(pids).
    type: dict
  host_storage:
    description: Folders of the device on which the runtime's modules keep what they store.
    type: dict
    suboptions:
      agent:
        description: The folder for C(edgeAgent), such as V(/srv/edgeAgent).
        type: str
      hub:
        description: The folder for C(edgeHub).
        type: str
  edge_hub:
    description: What saves C(edgeHub) memory and disk.
    type: dict
    suboptions:
      optimize_for_performance:
        description: V(false) on a device with little memory.
        type: bool
      amqp:
        description: Whether C(edgeHub) listens for AMQP.
        type: bool
      mqtt:
        description: Whether C(edgeHub) listens for MQTT.
        type: bool
      http:
        description: Whether C(edgeHub) listens for HTTP.
        type: bool
      time_to_live:
        description: For how many seconds messages are kept that can't be sent. V(-1) is for ever.
        type: int
  images:
    description: The image of each module named, with its tag or digest.
    type: dict
    default: {}
  registry:
    description: A registry of your own.
    type: dict
    suboptions:
      address:
        description:
          - Its name, with a port or a folder, as C(mirror_registry) of playbook C(mirror_images) says it.
        type: str
        required: true
      name:
        description: What its credentials are called in the manifest. By default its host's name with C(-) for dots.
        type: str
      username:
        description: Who pulls. Together with O(registry.password), written to C(registryCredentials).
        type: str
      password:
        description: The password for that.
        type: str
      move:
        description: Whether to have the images of O(registry.sources) pulled from there, under the same names.
        type: bool
        default: true
      sources:
        description: The registries whose images are moved.
        type: list
        elements: str
        default: [mcr.microsoft.com]
  behind_proxy:
    description:
      - The devices are behind a proxy, also where O(proxy) isn't given. C(edgeAgent) without one is then an error.
    type: bool
    default: false
  fail_on:
    description:
      - Fail, and write nothing, where the manifest that would be written has findings of this severity or worse.
    type: str
    choices: [error, warning, never]
    default: error
  state:
    description:
      - V(absent) takes out what the other options name, whatever its value. Images stay as they are.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Give it O(path) alone to have a manifest judged.
  - A manifest is one file for many hosts; say C(run_once) in a play for more than one.
seealso:
  - name: Configure an IoT Edge device to communicate through a proxy server
    description: The vendor's page.
    link: https://learn.microsoft.com/en-us/azure/iot-edge/how-to-configure-proxy-support
  - name: Prepare to deploy your IoT Edge solution in production
    description: The vendor's checklist.
    link: https://learn.microsoft.com/en-us/azure/iot-edge/production-checklist
"""

EXAMPLES = r"""
- name: Have devices stay in touch with their hub through the proxy
  fleetops.container_hosts.iotedge_manifest:
    path: deployment.json
    dest: rendered/deployment.json
    proxy: "{{ container_hosts_proxy }}"
    modules: [blobUploader]
    log_limits: {max_size: 10m, max_file: 3}
    resource_limits:
      edgeHub: {memory: 256m}
    host_storage: {agent: /srv/edgeAgent, hub: /srv/edgeHub}
    edge_hub: {optimize_for_performance: false, http: false, time_to_live: 3600}
    images:
      edgeAgent: mcr.microsoft.com/azureiotedge-agent:1.5.21
      edgeHub: mcr.microsoft.com/azureiotedge-hub:1.5.21
    registry:
      address: registry.example.com/iot
      username: puller
      password: "{{ vault_registry_password }}"

- name: Judge a manifest in a pipeline
  fleetops.container_hosts.iotedge_manifest:
    path: deployment.json
    behind_proxy: true
    fail_on: warning
"""

RETURN = r"""
path:
  description: The file that is written.
  returned: always
  type: str
findings:
  description: What is wrong with the manifest, the worst first.
  returned: once it could be read
  type: list
  elements: dict
  contains:
    severity:
      description: V(error) for what fails or cuts a device off, V(warning) for what harms in production, V(info).
      type: str
    rule:
      description: The rule's name.
      type: str
      sample: agent_without_proxy
    place:
      description: The key that it is about, from the twin on.
      type: str
      sample: $edgeAgent.systemModules.edgeAgent.env.https_proxy
    line:
      description: The line of the key, or of what would contain it.
      type: int
    what:
      description: What is wrong.
      type: str
    mend:
      description: What to write instead.
      type: str
    source:
      description: Who says so, a page of the vendor's or the source of what reads the manifest.
      type: str
table:
  description: The same as lines for a terminal. They are printed too where there are any.
  returned: once it could be read
  type: list
  elements: str
notices:
  description: The warnings as data (reader, entry, why).
  returned: success
  type: list
  elements: dict
"""
