//! Ends a program when this process is gone, however it ended.

use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result};

/// A shell that waits for the end of its stdin and then ends a program. That end comes when this is
/// dropped or when this process dies, also by SIGKILL.
pub struct Guard {
    shell: Child,
    stdin: Option<ChildStdin>,
}

impl Guard {
    /// Starts a shell that runs `script` at the end, with what `prepare` adds as its arguments.
    pub fn start(script: &str, prepare: impl FnOnce(&mut Command)) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("trap '' INT TERM HUP; read -r _; {script}")]);
        prepare(&mut command);
        let mut shell = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("sh, which ends a program afterwards, could not be started")?;
        let stdin = shell.stdin.take();
        Ok(Self { shell, stdin })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.shell.wait();
    }
}
