-- Each check counts what contradicts it.

-- the file is sound
SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok';

-- references lead to a row
SELECT COUNT(*) FROM pragma_foreign_key_check;

-- each save is in the audit once
SELECT COUNT(*) - (SELECT revision FROM settings) FROM audit WHERE action = 'settings-saved';

-- the last save in the audit is by the user who saved
SELECT COUNT(*) FROM settings WHERE revision > 0 AND saved_by_email IS NOT (SELECT email FROM audit WHERE action = 'settings-saved' ORDER BY id DESC LIMIT 1);

-- a save deleted the token before it
SELECT COUNT(*) FROM token WHERE grant_id <> 'grant-' || (SELECT revision + 1 FROM settings);

-- each test message is in the audit once
SELECT (SELECT COUNT(*) FROM run) - (SELECT COUNT(*) FROM audit WHERE action = 'test-sent');

-- a test message that ended has its steps
SELECT COUNT(*) FROM run WHERE outcome LIKE '%failed%' AND NOT EXISTS (SELECT 1 FROM run_step WHERE run = run.id);

-- no user has two test messages under way
SELECT COUNT(*) - COUNT(DISTINCT person) FROM run WHERE outcome IS NULL;
