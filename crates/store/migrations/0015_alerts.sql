-- The incident of an alert, whose opening is sent before its recovery, and the holder of the lease.
ALTER TABLE alert ADD COLUMN incident TEXT;
ALTER TABLE alert ADD COLUMN lease_owner TEXT;

-- The token revision of the settings with which an incident last occurred; unknown for an earlier version.
ALTER TABLE incident ADD COLUMN token_revision BIGINT;
