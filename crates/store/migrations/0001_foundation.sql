-- Spelled for SQLite and PostgreSQL alike: {blob} and {ordinal} are put in by store/migrations.rs.
-- Times are epoch milliseconds. Rows of history hold names as text: they outlive a removed person.

CREATE TABLE person (
    id            TEXT   NOT NULL PRIMARY KEY,
    email         TEXT   NOT NULL,
    email_key     TEXT   NOT NULL UNIQUE,
    name          TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    role          TEXT   NOT NULL,
    created_at    BIGINT NOT NULL
);

CREATE TABLE session (
    token_hash TEXT   NOT NULL PRIMARY KEY,
    person     TEXT   NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);
CREATE INDEX session_of_person ON session (person);

CREATE TABLE sign_in_attempt (
    id      {ordinal},
    account TEXT   NOT NULL,
    address TEXT   NOT NULL,
    at      BIGINT NOT NULL
);
CREATE INDEX sign_in_attempt_account ON sign_in_attempt (account, at);
CREATE INDEX sign_in_attempt_address ON sign_in_attempt (address, at);
CREATE INDEX sign_in_attempt_at ON sign_in_attempt (at);

CREATE TABLE audit (
    id     {ordinal},
    at     BIGINT NOT NULL,
    email  TEXT   NOT NULL,
    name   TEXT   NOT NULL,
    action TEXT   NOT NULL,
    fields TEXT   NOT NULL,
    detail TEXT
);
CREATE INDEX audit_at ON audit (at);

CREATE TABLE settings (
    id             BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    revision       BIGINT NOT NULL,
    form           TEXT,
    saved_by_email TEXT,
    saved_by_name  TEXT,
    saved_at       BIGINT
);
INSERT INTO settings (id, revision) VALUES (1, 0);

CREATE TABLE secret (
    field       TEXT   NOT NULL PRIMARY KEY,
    destination TEXT   NOT NULL,
    sealed      {blob} NOT NULL
);

-- Only what a save needs to name and delete it.
CREATE TABLE token (
    grant_id TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE run (
    id          TEXT   NOT NULL PRIMARY KEY,
    person      TEXT   NOT NULL,
    person_name TEXT   NOT NULL,
    recipient   TEXT   NOT NULL,
    started_at  BIGINT NOT NULL,
    outcome     TEXT
);
CREATE INDEX run_started_at ON run (started_at);
-- One test message of a person at a time.
CREATE UNIQUE INDEX run_under_way ON run (person) WHERE outcome IS NULL;

CREATE TABLE run_step (
    run     TEXT   NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    report  TEXT   NOT NULL,
    PRIMARY KEY (run, ordinal)
);

CREATE TABLE key_check (
    id     BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sealed {blob} NOT NULL
);
