-- The connections to the mail server that may be open at a time, over all nodes. A slot is held until
-- `held_until`, by the database's clock.
CREATE TABLE connection_slot (
    number     BIGINT NOT NULL PRIMARY KEY,
    holder     TEXT,
    held_until BIGINT NOT NULL DEFAULT 0
);
INSERT INTO connection_slot (number)
WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 100)
SELECT number FROM numbers;

-- When a message was last attempted although email has stopped.
ALTER TABLE pace ADD COLUMN probed_at BIGINT;

-- The messages that failed since the webhook was last told, and when that was.
CREATE TABLE failed_messages (
    id      BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    number  BIGINT NOT NULL DEFAULT 0,
    told_at BIGINT
);
INSERT INTO failed_messages (id) VALUES (1);
