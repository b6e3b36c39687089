-- The token: when its refresh token ends if it is not used, and when its grant ends however often it is
-- renewed, where the provider says so (draft-ietf-oauth-refresh-token-expiration-03).
ALTER TABLE token ADD COLUMN refresh_expires_at BIGINT;
ALTER TABLE token ADD COLUMN grant_expires_at BIGINT;

-- Providers: whether they know PKCE by S256 (RFC 8414 2).
ALTER TABLE provider ADD COLUMN knows_pkce BIGINT NOT NULL DEFAULT 0;
