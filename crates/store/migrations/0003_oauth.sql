-- The one token that mail is sent with. What is sealed opens for its destination only: the access
-- token for the mail server, the refresh token for the Token Endpoint. `grant_id` names what was
-- consented to; `generation` counts the renewals since, and fences those that come too late.
DROP TABLE token;
CREATE TABLE token (
    id            BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    grant_id      TEXT   NOT NULL,
    generation    BIGINT NOT NULL,
    access        {blob} NOT NULL,
    refresh       {blob},
    client_auth   TEXT   NOT NULL,
    granted_scope TEXT,
    obtained_at   BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    lease_owner   TEXT,
    lease_until   BIGINT,
    failures      BIGINT NOT NULL DEFAULT 0,
    tried_at      BIGINT,
    next_try_at   BIGINT,
    setback       TEXT,
    is_gone       BIGINT NOT NULL DEFAULT 0
);

-- Presses of Get Auth Token. A ticket leads a browser to the provider once, a state leads it back
-- once; both are stored as hashes. Rows hold names as text: they outlive a removed person.
CREATE TABLE token_attempt (
    id            TEXT   NOT NULL PRIMARY KEY,
    person        TEXT   NOT NULL,
    person_email  TEXT   NOT NULL,
    person_name   TEXT   NOT NULL,
    revision      BIGINT NOT NULL,
    needs_pasting BIGINT NOT NULL,
    in_pop_up     BIGINT NOT NULL,
    ticket_hash   TEXT   UNIQUE,
    state_hash    TEXT   UNIQUE,
    browser_hash  TEXT,
    verifier      {blob},
    begun_at      BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    consumed_at   BIGINT,
    ended         TEXT
);
CREATE INDEX token_attempt_begun_at ON token_attempt (begun_at);

-- From when on a test message without an end has lost the process that sent it.
ALTER TABLE run ADD COLUMN gone_after BIGINT NOT NULL DEFAULT 0;
