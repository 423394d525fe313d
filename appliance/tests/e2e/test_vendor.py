"""The client library the meeting page carries."""

import hashlib
from pathlib import Path

from support.browser import modules

VENDOR = Path(__file__).parents[2] / "web" / "vendor"


def test_the_vendored_client_is_the_published_one():
    facts = dict(line.split(" ", 1) for line in (VENDOR / "VERSION").read_text().splitlines())
    package = modules() / facts["name"]
    carried = (VENDOR / facts["file"]).read_bytes()

    assert f'"version": "{facts["version"]}"' in (package / "package.json").read_text()
    assert hashlib.sha256(carried).hexdigest() == facts["sha256"]
    assert carried == (package / facts["package-path"]).read_bytes()
    assert (VENDOR / "LICENSE").read_bytes() == (package / "LICENSE").read_bytes()
