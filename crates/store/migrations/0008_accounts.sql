-- Audit trail: the identity's issuer and subject, and the session by its short name, which is a digest
-- of the token's hash.
ALTER TABLE audit ADD COLUMN issuer TEXT;
ALTER TABLE audit ADD COLUMN subject TEXT;
ALTER TABLE audit ADD COLUMN session TEXT;

-- Sessions: from which address a person signed in, and whose session it is.
ALTER TABLE session ADD COLUMN address TEXT;
ALTER TABLE foreign_session ADD COLUMN address TEXT;
ALTER TABLE foreign_session ADD COLUMN person TEXT NOT NULL DEFAULT '';
CREATE INDEX foreign_session_of_person ON foreign_session (person);

-- Attempts to obtain a token: the name of the session that began one, where there was one.
ALTER TABLE token_attempt ADD COLUMN session TEXT;
CREATE INDEX token_attempt_of_session ON token_attempt (session);

-- Sign-ins: until when an attempt may be under way; nothing once it has failed.
ALTER TABLE sign_in_attempt ADD COLUMN under_way_until BIGINT;

-- Providers: what a Token Endpoint's own issuer calls itself, and whether its answers name it (RFC 9207).
ALTER TABLE provider ADD COLUMN issuer TEXT;
ALTER TABLE provider ADD COLUMN names_itself BIGINT NOT NULL DEFAULT 0;
