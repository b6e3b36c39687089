-- How far the furthest failure came of the open incident and of the failures in a row: a success that comes
-- less far does not disprove it. When the first of those in a row happened.
ALTER TABLE incident ADD COLUMN reach TEXT NOT NULL DEFAULT 'sign-in';
ALTER TABLE health ADD COLUMN failing_since BIGINT;
ALTER TABLE health ADD COLUMN failing_reach TEXT NOT NULL DEFAULT 'token';
