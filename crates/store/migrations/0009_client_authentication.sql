-- Providers: the ways of client authentication that a Token Endpoint's own issuer names, separated by
-- blanks.
ALTER TABLE provider ADD COLUMN auth_methods TEXT NOT NULL DEFAULT '';
