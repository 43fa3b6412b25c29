# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask for each URL once with urllib or requests (the first argument). Answers and errors don't matter."""

import sys
import urllib.request


def main() -> None:
    client, *urls = sys.argv[1:]
    if client == "requests":
        import requests

        get = requests.get
    else:
        get = urllib.request.urlopen
    for url in urls:
        try:
            get(url, timeout=5).close()
        except OSError:
            # The other side saw the request, which is what counts.
            continue


if __name__ == "__main__":
    main()
