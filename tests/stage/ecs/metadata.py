# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of EC2's metadata service: an empty answer to everything, and a log of who asked."""

from __future__ import annotations

import http.server
import os
import socket

LOG = "/run/ecs-stand-in/metadata.log"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with open(LOG, "a", encoding="utf-8") as log:
            log.write(f"{self.headers['User-Agent']}\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET


server = http.server.HTTPServer(("169.254.169.254", 80), Handler)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
    ready.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
server.serve_forever()
