// Copyright (c) the fleetops.container_hosts authors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Asks for each URL once with net/http's default transport, as dockerd does. Answers and errors don't matter.
package main

import (
	"net/http"
	"os"
)

func main() {
	for _, url := range os.Args[1:] {
		if answer, err := http.Get(url); err == nil {
			answer.Body.Close()
		}
	}
}
