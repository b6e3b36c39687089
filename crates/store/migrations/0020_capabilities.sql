-- What the mail server offered in its last response to EHLO (RFC 5321 4.1.1.1), for the settings of this
-- token revision. `max_size` is null without a limit.
CREATE TABLE server_capabilities (
    id             BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    token_revision BIGINT NOT NULL,
    max_size       BIGINT,
    eight_bit      BIGINT NOT NULL,
    smtputf8       BIGINT NOT NULL
);

-- The message that a delivery status notification is about, so that an erasure finds it.
ALTER TABLE message ADD COLUMN notice_of BIGINT;
