-- One table for the sessions of local accounts and of users of an OpenID provider. `person` is the
-- user's id. A session has either an account, or a principal as at sign-in (JSON) with the sealed ID
-- token, which the sign-out needs. Sessions that were ended stay in `ended_session`.
CREATE TABLE local_session AS SELECT * FROM session;
DROP TABLE session;
CREATE TABLE session (
    token_hash TEXT   NOT NULL PRIMARY KEY,
    person     TEXT   NOT NULL,
    account    TEXT   REFERENCES person (id) ON DELETE CASCADE,
    principal  TEXT,
    id_token   {blob},
    address    TEXT,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    CHECK ((account IS NULL) = (principal IS NOT NULL)),
    CHECK ((principal IS NULL) = (id_token IS NULL))
);
CREATE INDEX session_of_person ON session (person);
CREATE INDEX session_of_account ON session (account);

INSERT INTO session (token_hash, person, account, address, created_at, seen_at)
SELECT token_hash, person, person, address, created_at, seen_at FROM local_session;
-- Before 0008, only the principal says whose session it is.
INSERT INTO session (token_hash, person, principal, id_token, address, created_at, seen_at)
SELECT token_hash, CASE person WHEN '' THEN CAST(principal AS {json}) ->> 'id' ELSE person END,
       principal, id_token, address, created_at, seen_at FROM foreign_session;
DROP TABLE local_session;
DROP TABLE foreign_session;
