// Copyright (c) the fleetops.container_hosts authors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URL;

/** Asks for each URL once with the JDK's own client. Answers and errors don't matter. */
public class Probe {
    public static void main(String[] urls) throws Exception {
        for (String url : urls) {
            HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection();
            try {
                connection.getResponseCode();
            } catch (IOException expected) {
                // The other side saw the request, which is what counts.
            }
            connection.disconnect();
        }
    }
}
