-- What is known of the saved connection: the failures in a row that can pass by themselves, when the next
-- one counts, and when the sign-in is checked next, by the node that has the lease. `grant_seconds` is how
-- long a grant lasts, if the end of an earlier one has shown it.
CREATE TABLE health (
    id                     BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    failures               BIGINT NOT NULL DEFAULT 0,
    retry_at               BIGINT,
    check_at               BIGINT,
    lease_owner            TEXT,
    lease_until            BIGINT,
    checked_at             BIGINT,
    check_millis           BIGINT,
    check_trouble          TEXT,
    accepted_at            BIGINT,
    token_deleted_at       BIGINT,
    certificate_expires_at BIGINT,
    grant_seconds          BIGINT
);
INSERT INTO health (id, check_at) VALUES (1, 0);

-- When the grant of a token began; unknown for a token of an earlier version.
ALTER TABLE token ADD COLUMN granted_at BIGINT;

-- Periods in which mail does not work. One is open at a time.
CREATE TABLE incident (
    id          TEXT   NOT NULL PRIMARY KEY,
    is_open     BIGINT UNIQUE CHECK (is_open = 1),
    opened_at   BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    closed_at   BIGINT,
    occurrences BIGINT NOT NULL,
    trouble     TEXT   NOT NULL,
    CHECK ((is_open IS NULL) = (closed_at IS NOT NULL))
);
CREATE INDEX incident_by_time ON incident (opened_at);

-- Alerts to deliver, one row for each way. Those of one way are delivered in the order of `ordinal`.
CREATE TABLE alert (
    ordinal     {ordinal},
    id          TEXT   NOT NULL,
    channel     TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    tries       BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT,
    sent_at     BIGINT
);
CREATE INDEX alert_to_send ON alert (channel, sent_at, ordinal);

-- The reminders that were sent before a credential ended.
CREATE TABLE reminder (
    credential TEXT   NOT NULL,
    expires_on TEXT   NOT NULL,
    days       BIGINT NOT NULL,
    sent_at    BIGINT NOT NULL,
    PRIMARY KEY (credential, expires_on, days)
);
