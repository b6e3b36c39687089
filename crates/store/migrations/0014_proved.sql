-- The settings that last worked, to restore. Of the secrets only the revision of their row is kept, which
-- says whether the same one is still stored; the Client ID is kept sealed.
CREATE TABLE proved (
    id             BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    revision       BIGINT NOT NULL,
    token_revision BIGINT NOT NULL,
    form           TEXT   NOT NULL,
    saved_by_name  TEXT,
    saved_at       BIGINT
);
CREATE TABLE proved_secret (
    field    TEXT   NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    sealed   {blob}
);
