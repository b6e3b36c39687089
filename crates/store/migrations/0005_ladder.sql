-- What a test message goes through: the saved settings or typed ones, and the form itself without its
-- secrets, sealed, for the words about it.
ALTER TABLE run ADD COLUMN tested TEXT NOT NULL DEFAULT '"saved"';
ALTER TABLE run ADD COLUMN form {blob};
