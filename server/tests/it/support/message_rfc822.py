"""Messages as octets for schemathesis, which cannot make them from a schema."""

from hypothesis import strategies as st

import schemathesis

START = [b"From: planner@example.com", b"To: bo@example.org"]
USUAL = [
    b"Subject: Hello",
    b"Cc: Bo Ek <bo@example.org>",
    b"Sender: planner@example.com",
    b"Message-ID: <a@b>",
    b" folded",
    b"",
    b"Hello",
]

usual = st.lists(st.sampled_from(USUAL), max_size=8)
odd = st.lists(st.sampled_from(USUAL) | st.binary(max_size=40), max_size=8)
messages = (usual | odd).map(lambda lines: b"\r\n".join([*START, *lines, b""]))

schemathesis.openapi.media_type("message/rfc822", messages | st.binary(max_size=200))
