"""How a server shows that it belongs to a folder without giving the folder's key away."""

from __future__ import annotations

import hashlib
import hmac

# The header with the key that opens the switchboard.
KEY_HEADER = "X-Rehearsal-Key"
SERVICE = "postmortem rehearsal Google"


def proof(key: str, challenge: str) -> str:
    """What a server that holds `key` answers to `challenge`: an HMAC-SHA256 in hex."""
    return hmac.new(key.encode(), challenge.encode(), hashlib.sha256).hexdigest()
