-- Audit trail and retention.
-- A row may stand for several events: `count` says how many, and `aggregate_key` is a digest of what
-- they have in common. `address` is the client's IPv4 address or the /64 of its IPv6 address.
ALTER TABLE audit ADD COLUMN address TEXT;
ALTER TABLE audit ADD COLUMN count BIGINT NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN aggregate_key TEXT;
CREATE UNIQUE INDEX audit_aggregate_key ON audit (aggregate_key) WHERE aggregate_key IS NOT NULL;
-- Which message of a person is their latest, the one that retention keeps.
CREATE INDEX run_of_person ON run (person, started_at);
-- The one row that a probe of readiness writes to.
CREATE TABLE readiness_probe (
    id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    written_at BIGINT NOT NULL
);
INSERT INTO readiness_probe (id, written_at) VALUES (1, 0);

-- Sealing keys.
-- Whom a code verifier is sealed for: without it no change of the key could seal it anew. Browsers that
-- are away at the upgrade sign in once more.
DELETE FROM foreign_sign_in;
ALTER TABLE foreign_sign_in ADD COLUMN issuer TEXT NOT NULL DEFAULT '';

-- Sign-in.
-- An address (of IPv6 the first half), or a device that the account has signed in from.
ALTER TABLE sign_in_attempt RENAME COLUMN address TO source;

-- Revocation endpoints.
-- The Client Secret goes to a Revocation Endpoint too. Which of these the Token Endpoint's own issuer
-- named was not kept: discovery finds them again.
UPDATE provider SET revocation_endpoint = NULL;
