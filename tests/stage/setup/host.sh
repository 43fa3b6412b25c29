#!/bin/sh
# Run inside a new host image: a small server that an administrator reaches by SSH.
# No watchdogs, timers or consoles: they only wake up, and a container has no console.
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
  console-getty.service getty@tty1.service systemd-logind.service
systemctl set-default multi-user.target
# A login waits for no name look-up, and many connections may come at once.
printf 'UseDNS no\nPermitRootLogin prohibit-password\nMaxStartups 100\nMaxSessions 100\n' >/etc/ssh/sshd_config.d/stage.conf
rm -f /etc/resolv.conf
install -d -m 0700 /root/.ssh

# A container's /proc/sys is read-only, and dockerd 26 starts no container whose IPv6 settings it can't write.
# Only the net part becomes writable: that one belongs to the host's own network namespace.
cat >/etc/systemd/system/writable-net-sysctl.service <<'UNIT'
[Unit]
Description=Make /proc/sys/net writable
DefaultDependencies=no
Before=docker.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=mount --bind /proc/sys/net /proc/sys/net
ExecStart=mount -o remount,bind,rw /proc/sys/net
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable writable-net-sysctl.service

# The kernel's boot id is the machine's; a host that is cut off from power comes back with another one, as a real one.
cat >/etc/systemd/system/own-boot-id.service <<'UNIT'
[Unit]
Description=Give this host a boot id of its own
DefaultDependencies=no
Before=sysinit.target systemd-journald.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=cp /proc/sys/kernel/random/uuid /run/boot-id
ExecStart=mount --bind /run/boot-id /proc/sys/kernel/random/boot_id
[Install]
WantedBy=sysinit.target
UNIT
systemctl enable own-boot-id.service
