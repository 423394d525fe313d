"""Secrets that are planted, and where they must not turn up."""

import base64
import secrets
import urllib.parse


class Canaries:
    """Distinctive texts by what they stand for; `canaries("a name")` makes one or gives it again."""

    def __init__(self):
        self.planted = {}

    def __call__(self, what):
        if what not in self.planted:
            self.planted[what] = f"canary{secrets.token_hex(8)}"
        return self.planted[what]

    def plant(self, what, text):
        """A secret that somebody else made, a token say."""
        self.planted[what] = text

    def in_bytes(self, content, besides=()):
        """Which secrets stand in `content`, plainly or in base64 or percent-encoded."""
        return {
            what
            for what, text in self.planted.items()
            if what not in besides and any(form in content for form in forms(text))
        }


def forms(text):
    """How a text may be written: itself, percent-encoded, and the three ways base64 can cut it."""
    raw = text.encode()
    yield raw
    yield urllib.parse.quote(text).encode()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        # Whole quanta only: the first and the last depend on the neighbours.
        first = 4 if shift else 0
        yield encoded[first : (len(raw) + shift) // 3 * 4]
