-- The products that send through the saved settings. `senders` has an address a line, beside Default Sender
-- Email; `sends_again` is what becomes of a message whose connection was lost after the final dot.
CREATE TABLE application (
    id           TEXT   NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    name_key     TEXT   NOT NULL UNIQUE,
    senders      TEXT   NOT NULL,
    per_minute   BIGINT,
    sends_again  BIGINT NOT NULL,
    is_disabled  BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    refused_at   BIGINT,
    refusal      TEXT
);

-- Their keys: two at most, the newer one after a rotation.
CREATE TABLE application_key (
    prefix      TEXT   NOT NULL PRIMARY KEY,
    application TEXT   NOT NULL REFERENCES application (id) ON DELETE CASCADE,
    hash        TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX application_key_of ON application_key (application);
