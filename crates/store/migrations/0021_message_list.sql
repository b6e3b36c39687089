-- The page Messages: newest first, and by state, application or recipient.
CREATE INDEX message_by_time ON message (accepted_at, ordinal);
CREATE INDEX recipient_by_state ON recipient (state, message);
DROP INDEX recipient_by_address;
CREATE INDEX recipient_by_lower_address ON recipient (LOWER(address));
