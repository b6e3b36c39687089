-- Audit trail and retention.

-- Sealing keys.

-- Sign-in.

-- The Client Secret's destination.
