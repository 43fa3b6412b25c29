// Copyright (c) the fleetops.container_hosts authors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A stand-in for how ecs-init reads the lines of ecs.config and how the agent reads values, with Go's own library doing
// what matters. One JSON object a line in, one out.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Bytes, since a file need not be UTF-8; encoding/json has them in base64.
type request struct {
	File  []byte
	Kind  string
	Value string
}

func lines(file string) [][2][]byte {
	found := [][2][]byte{}
	for _, line := range strings.Split(strings.TrimSpace(file), "\n") {
		parts := strings.SplitN(strings.TrimSpace(line), "=", 2)
		if len(parts) == 2 {
			found = append(found, [2][]byte{[]byte(parts[0]), []byte(parts[1])})
		}
	}
	return found
}

// What a value comes to, or why it is none.
func read(kind string, value string) (interface{}, error) {
	switch kind {
	case "switch":
		return strconv.ParseBool(value)
	case "duration":
		length, err := time.ParseDuration(value)
		return length.Nanoseconds(), err
	case "integer":
		return strconv.Atoi(value)
	case "number":
		return strconv.ParseFloat(value, 64)
	case "map":
		found := map[string]string{}
		err := json.Unmarshal([]byte(value), &found)
		return found, err
	case "texts", "names":
		found := []string{}
		err := json.Unmarshal([]byte(value), &found)
		return found, err
	case "ports":
		found := []uint16{}
		err := json.Unmarshal([]byte(value), &found)
		return found, err
	case "credentials":
		found := map[string]map[string]string{}
		err := json.Unmarshal([]byte(value), &found)
		return found, err
	case "networks":
		found := []string{}
		err := json.Unmarshal([]byte(value), &found)
		for _, network := range found {
			if _, _, wrong := net.ParseCIDR(network); wrong != nil {
				err = wrong
			}
		}
		return found, err
	}
	return nil, fmt.Errorf("no such kind: %s", kind)
}

func main() {
	answers := json.NewEncoder(os.Stdout)
	requests := bufio.NewScanner(os.Stdin)
	requests.Buffer(nil, 1<<26)
	for requests.Scan() {
		var asked request
		if err := json.Unmarshal(requests.Bytes(), &asked); err != nil {
			panic(err)
		}
		answer := map[string]interface{}{}
		if asked.Kind == "" {
			answer["lines"] = lines(string(asked.File))
		} else if value, err := read(asked.Kind, asked.Value); err != nil {
			answer["error"] = err.Error()
		} else {
			answer["value"] = value
		}
		if err := answers.Encode(answer); err != nil {
			panic(err)
		}
	}
}
