-- Settings: the revision of the last save that a token depends on. A save of expiry dates alone raises
-- `revision` only. `token_attempt.revision` is a token revision.
ALTER TABLE settings ADD COLUMN token_revision BIGINT NOT NULL DEFAULT 0;
UPDATE settings SET token_revision = revision;
