-- How a person reads times. The person may be one that a host knows and this database does not,
-- so nothing refers to their row.
CREATE TABLE time_preference (
    person  TEXT NOT NULL PRIMARY KEY,
    pattern TEXT NOT NULL,
    clock   TEXT NOT NULL,
    zone    TEXT NOT NULL
);

-- The links by which the first administrator makes themselves one.
CREATE TABLE set_up_ticket (
    hash       TEXT   NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

ALTER TABLE secret ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
