# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No document makes an editor fail but by a refusal, write to a foreign byte, or leave anything of its own behind.

FUZZ_SCALE=50 makes 50 times as many documents. FUZZ_SEED makes others: a failure names its own, and prints the document
as Python writes it, for a test of its own beside those of the editor.
"""

from __future__ import annotations

import os

import pytest

from . import documents, editors, laws

SCALE = int(os.environ.get("FUZZ_SCALE", "1"))
SEED = os.environ.get("FUZZ_SEED", "1")
DOCUMENTS = 2000
_SHOWN = 5


@pytest.mark.parametrize("batch", range(SCALE))
@pytest.mark.parametrize("editor", editors.EDITORS, ids=lambda editor: editor.name)
def test_the_laws_hold_for_every_document(editor: editors.Editor, batch: int) -> None:
    files = documents.corpus(editor.corpus)
    found: dict[str, str] = {}
    for number in range(batch * DOCUMENTS, (batch + 1) * DOCUMENTS):
        source = documents.document(files, editor.words, SEED, number)
        try:
            laws.check(editor, source)
        except laws.Broken as broken:
            if broken.law not in found and len(found) < _SHOWN:
                least, told = laws.smallest(editor, source, broken)
                found[broken.law] = f"FUZZ_SEED={SEED}, document {number}, as small as it gets:\n  {least!r}\n  {told}"
    if found:
        pytest.fail(f"{editor.name}\n" + "\n".join(found.values()), pytrace=False)
