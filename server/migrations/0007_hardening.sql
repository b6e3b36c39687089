-- Audit trail and retention.

-- Sealing keys.
-- Whom a code verifier is sealed for: without it no change of the key could seal it anew. Browsers that
-- are away at the upgrade sign in once more.
DELETE FROM foreign_sign_in;
ALTER TABLE foreign_sign_in ADD COLUMN issuer TEXT NOT NULL DEFAULT '';

-- Sign-in.
-- An address (of IPv6 the first half), or a device that the account has signed in from.
ALTER TABLE sign_in_attempt RENAME COLUMN address TO source;

-- The Client Secret's destination.

-- The Client Secret goes to a Revocation Endpoint too. Which of these the Token Endpoint's own issuer
-- named was not kept: discovery finds them again.
UPDATE provider SET revocation_endpoint = NULL;
