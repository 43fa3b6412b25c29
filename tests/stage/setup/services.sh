#!/bin/sh
# Run inside the services image: the programs are started one a container, by command, so nothing is enabled.
install -d -o proxy -g proxy /var/log/squid
install -d /srv/registry
