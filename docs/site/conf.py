# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site's settings, for Sphinx; `make docs` builds it."""

project = "fleetops.container_hosts"
author = "The fleetops.container_hosts authors"
extensions = ["sphinx_antsibull_ext", "myst_parser"]
# Links by heading, as GitHub has them.
myst_heading_anchors = 4
# A lexer may know a listing only in part, such as JSON with three dots in it.
suppress_warnings = ["misc.highlighting_failure"]
nitpicky = True
html_theme = "sphinx_ansible_theme"
html_title = project
html_copy_source = False
pygments_style = "ansible"
