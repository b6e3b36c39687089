-- Browsers that are away to sign in with an organisation's account. State, cookie and nonce are stored
-- as hashes; the code verifier is sealed. A row works once. The address is what one subscriber holds.
CREATE TABLE foreign_sign_in (
    state_hash   TEXT   NOT NULL PRIMARY KEY,
    browser_hash TEXT   NOT NULL,
    address      TEXT   NOT NULL,
    nonce_hash   TEXT   NOT NULL,
    verifier     {blob} NOT NULL,
    redirect_uri TEXT   NOT NULL,
    destination  TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX foreign_sign_in_expires_at ON foreign_sign_in (expires_at);
CREATE INDEX foreign_sign_in_address ON foreign_sign_in (address);

-- Sessions of people whom somebody else knows. Who it is stands here as JSON, as it was said at
-- sign-in; the ID token is sealed, and kept for the sign-out.
CREATE TABLE foreign_session (
    token_hash TEXT   NOT NULL PRIMARY KEY,
    principal  TEXT   NOT NULL,
    id_token   {blob} NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);

-- Sessions of either kind that somebody ended, until they would have ended by themselves: whoever
-- still shows the cookie of one is told from a stranger.
CREATE TABLE ended_session (
    token_hash TEXT   NOT NULL PRIMARY KEY,
    how        TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
