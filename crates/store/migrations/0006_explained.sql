-- Whose token an attempt brought, by address, where that is another account than the sender.
ALTER TABLE token_attempt ADD COLUMN account TEXT;

-- What a provider says about itself (OpenID Connect Discovery 1.0, RFC 8414), as an administrator
-- looked it up: by its Token Endpoint, letter for letter.
CREATE TABLE provider (
    token_endpoint         TEXT   NOT NULL PRIMARY KEY,
    authorization_endpoint TEXT   NOT NULL,
    revocation_endpoint    TEXT,
    is_openid              BIGINT NOT NULL,
    learnt_at              BIGINT NOT NULL
);
