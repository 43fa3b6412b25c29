# An image of a Docker host behind a proxy: the roles hold its files true, and look at nothing that runs. What boots from it
# has the proxy from the start.
# See docs/images.md. Packer takes a playbook's file, not a name, so site.yml beside this file names the collection's.
#   packer build -var proxy_variables=../../inventory/group_vars/all/main.yml examples/packer

variable "base" {
  type        = string
  description = "The container image to begin with; with another source, such as amazon-ebs, that source's own variables."
  default     = "debian:13"
}

variable "proxy_variables" {
  type        = string
  description = "A file with container_hosts_proxy, and whatever else the roles are to know."
}

source "docker" "host" {
  image  = var.base
  commit = true
  pull   = false
  # A shell keeps it while it is worked on; no systemd, so nothing but files is looked at. The image is committed from that
  # container and would start the shell as well, so CMD says what boots it. Packer's own run_command makes the shell the
  # entrypoint: "ENTRYPOINT []" among the changes does not take that back, and /sbin/init becomes a script for the shell.
  run_command = ["-d", "-i", "-t", "--", "{{.Image}}", "/bin/sh"]
  changes     = ["CMD [\"/sbin/init\"]"]
}

build {
  sources = ["source.docker.host"]

  provisioner "ansible" {
    playbook_file = "${path.root}/site.yml"
    groups        = ["moby"]
    user          = "root"
    # Packer's own SSH server leads into the container, which needs no sshd. Its keys are of a kind that OpenSSH takes only
    # if it is told to.
    ansible_env_vars = ["ANSIBLE_HOST_KEY_CHECKING=False", "ANSIBLE_PIPELINING=True", "ANSIBLE_SCP_EXTRA_ARGS=-O"]
    extra_arguments = [
      "--ssh-extra-args", "-o HostKeyAlgorithms=+ssh-rsa -o PubkeyAcceptedAlgorithms=+ssh-rsa",
      "--extra-vars", "container_hosts_manage_runtime=false",
      "--extra-vars", "@${var.proxy_variables}",
    ]
  }

  post-processor "docker-tag" {
    repository = "example/container-host"
    tags       = ["latest"]
  }
}
