-- Messages that applications have handed over. A claim touches no body. `due_at` is when a message may be
-- attempted next; null while it is attempted, and once it has ended. Subject and body are sealed.
CREATE TABLE message (
    ordinal          {ordinal},
    id               TEXT   NOT NULL UNIQUE,
    application      TEXT   NOT NULL,
    application_name TEXT   NOT NULL,
    message_id       TEXT   NOT NULL,
    sender           TEXT   NOT NULL,
    subject          {blob} NOT NULL,
    size             BIGINT NOT NULL,
    sends_again      BIGINT NOT NULL,
    is_notice        BIGINT NOT NULL,
    accepted_at      BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    due_at           BIGINT,
    attempt          BIGINT NOT NULL DEFAULT 0,
    failures         BIGINT NOT NULL DEFAULT 0,
    lease_owner      TEXT,
    lease_until      BIGINT,
    marked_at        BIGINT,
    ended_at         BIGINT
);
CREATE INDEX message_due ON message (due_at, ordinal) WHERE due_at IS NOT NULL;
CREATE INDEX message_expiring ON message (expires_at) WHERE due_at IS NOT NULL;
CREATE INDEX message_leased ON message (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX message_ended ON message (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX message_of_application ON message (application, accepted_at);

CREATE TABLE message_body (
    id     TEXT   NOT NULL PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
    sealed {blob} NOT NULL
);

-- One state for each recipient; that of the message follows from them.
CREATE TABLE recipient (
    message    BIGINT NOT NULL REFERENCES message (ordinal) ON DELETE CASCADE,
    position   BIGINT NOT NULL,
    address    TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    trouble    TEXT,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (message, position)
);
CREATE INDEX recipient_by_address ON recipient (address);

CREATE TABLE message_attempt (
    message  BIGINT NOT NULL REFERENCES message (ordinal) ON DELETE CASCADE,
    number   BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    millis   BIGINT NOT NULL,
    steps    TEXT   NOT NULL,
    PRIMARY KEY (message, number)
);

-- Keys by which an application repeats a request (Idempotency-Key), with an HMAC of its body.
CREATE TABLE idempotency (
    application TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    message     TEXT   NOT NULL,
    hmac        TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (application, key)
);
CREATE INDEX idempotency_by_time ON idempotency (at);

-- The pace of the connection, for all nodes: when messages were sent, to how many recipients; the
-- failures in a row; and until when the server wants no message.
CREATE TABLE pace_sent (
    ordinal    {ordinal},
    at         BIGINT NOT NULL,
    recipients BIGINT NOT NULL
);
CREATE INDEX pace_sent_by_time ON pace_sent (at);
CREATE TABLE pace (
    id           BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    failures     BIGINT NOT NULL DEFAULT 0,
    paused_until BIGINT
);
INSERT INTO pace (id) VALUES (1);
