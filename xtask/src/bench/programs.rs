//! Starts the programs that are measured, and the load generators.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{fs, net::TcpStream, path::PathBuf, time::Instant};

use anyhow::{Context as _, Result, bail};

use crate::tools::{answer_of, expect_success};
use crate::workspace::{Profile, Workspace};

pub const EMAIL: &str = "ada@example.com";
pub const PASSWORD: &str = "a pass phrase for a benchmark";

/// Starts programs in a separate data folder.
pub struct Programs {
    product: PathBuf,
    bench: PathBuf,
    site: PathBuf,
    counter: PathBuf,
    folder: PathBuf,
    /// The database; `None` for the file in the folder.
    database_url: Option<String>,
}

/// A listening program, which is killed when this is dropped.
pub struct RunningProgram {
    child: Child,
    output: BufReader<ChildStdout>,
    begun: Instant,
    /// Address and port.
    pub address: String,
}

impl Programs {
    /// Creates a fresh database with one administrator.
    pub fn new(workspace: &Workspace, folder: PathBuf) -> Result<Self> {
        Self::on(workspace, folder, None)
    }

    /// The same on this database, which is empty.
    pub fn on(
        workspace: &Workspace,
        folder: PathBuf,
        database_url: Option<String>,
    ) -> Result<Self> {
        let product = workspace.binary(Profile::Release);
        let bench = product.with_file_name(format!("bench{}", std::env::consts::EXE_SUFFIX));
        let (site, counter) = (workspace.site(), workspace.counter_bundle());
        let programs = Self { product, bench, site, counter, folder, database_url };
        fs::create_dir_all(&programs.folder)?;
        let password = programs.folder.join("password.txt");
        fs::write(&password, PASSWORD)?;
        let mut add = programs.product(&["admin", "add", EMAIL, "--name", "Ada Okafor"]);
        add.arg("--password-stdin").stdin(fs::File::open(password)?);
        expect_success(&mut add)?;
        Ok(programs)
    }

    fn product(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.product);
        command.current_dir(&self.folder).env_clear().args(args);
        command.envs(self.database_url.iter().map(|url| ("PPM_EMAIL_DATABASE_URL", url)));
        command
    }

    fn bench(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.bench);
        command.args(args);
        command
    }

    /// Starts the product.
    pub fn serve(&self) -> Result<RunningProgram> {
        self.serve_with(&[])
    }

    /// Starts the product behind a proxy on this machine, so that the flood has a separate address.
    pub fn serve_behind_a_proxy(&self) -> Result<RunningProgram> {
        self.serve_with(&["--trusted-proxy", "127.0.0.1"])
    }

    /// Starts the product without checks of the sign-in.
    pub fn serve_without_checks(&self) -> Result<RunningProgram> {
        self.serve_with(&["--health-check", "off"])
    }

    fn serve_with(&self, flags: &[&str]) -> Result<RunningProgram> {
        let mut command = self.product(&["serve", "--listen", "127.0.0.1:0"]);
        // The mail sink is on this machine, on any port.
        command.args(["--egress-allow", "127.0.0.1", "--site-root"]);
        RunningProgram::start(command.arg(&self.site).args(flags))
    }

    /// Starts a flood of sign-ins from one address, which ends when this is dropped.
    pub fn flood(
        &self,
        server: &RunningProgram,
        connections: u32,
        per_second: u32,
    ) -> Result<RunningProgram> {
        let mut command = self.bench(&["flood", &server.address]);
        command.arg(format!("--connections={connections}"));
        RunningProgram::start(command.arg(format!("--per-second={per_second}")))
    }

    /// Measures the 99th percentile of an administrator's calls, in milliseconds.
    pub fn slowest_call(&self, server: &RunningProgram, calls: u32) -> Result<f64> {
        number(
            self.bench(&["call", &server.address, &format!("--calls={calls}")])
                .arg(as_administrator()),
        )
    }

    /// Starts a server with an empty route.
    pub fn empty(&self) -> Result<RunningProgram> {
        RunningProgram::start(&mut self.bench(&["empty"]))
    }

    /// Starts a server of a bare Leptos page.
    pub fn counter(&self) -> Result<RunningProgram> {
        let mut command = self.bench(&["counter"]);
        RunningProgram::start(command.arg(&self.counter))
    }

    /// Starts a mail server that accepts everything.
    pub fn sink(&self) -> Result<RunningProgram> {
        RunningProgram::start(&mut self.bench(&["sink"]))
    }

    /// Starts a mail server that accepts everything, and prints the rate after each so many messages.
    pub fn counting_sink(&self, every: u32) -> Result<RunningProgram> {
        RunningProgram::start(&mut self.bench(&["sink", &format!("--every={every}")]))
    }

    /// Adds an application, and returns its key.
    pub fn application(&self) -> Result<String> {
        let key = answer_of(&mut self.product(&["application", "add", "Planner"]));
        key.context("the application was not added")
    }

    /// Fills the outbox with messages that wait.
    pub fn fill(&self, messages: u32) -> Result<()> {
        let file = || format!("sqlite://{}", self.folder.join("ppm-email.db").display());
        let url = self.database_url.clone().unwrap_or_else(file);
        number(&mut self.bench(&["fill", &url, &format!("--messages={messages}")])).map(drop)
    }

    /// Saves settings with which messages are held.
    pub fn hold(&self, server: &RunningProgram) -> Result<()> {
        number(self.bench(&["hold", &server.address]).arg(as_administrator())).map(drop)
    }

    /// Measures how many messages a second are accepted.
    pub fn hand_over(
        &self,
        server: &RunningProgram,
        key: &str,
        messages: u32,
        connections: u32,
    ) -> Result<f64> {
        let mut command = self.bench(&["hand-over", &server.address, "--key", key]);
        command.arg(format!("--messages={messages}"));
        number(command.arg(format!("--connections={connections}")))
    }

    /// Measures page requests per second.
    pub fn get(
        &self,
        server: &RunningProgram,
        path: &str,
        requests: u32,
        connections: u32,
        signed_in: bool,
    ) -> Result<f64> {
        let mut command = self.bench(&["get", &server.address, path]);
        command.arg(format!("--requests={requests}")).arg(format!("--connections={connections}"));
        number(command.args(signed_in.then(as_administrator)))
    }

    /// Measures saves per second. With a sink, the settings saved are for it.
    pub fn save(
        &self,
        server: &RunningProgram,
        sink: Option<&RunningProgram>,
        saves: u32,
    ) -> Result<f64> {
        let mut command = self.bench(&["save", &server.address, &format!("--saves={saves}")]);
        command.args(sink.map(|sink| format!("--port={}", sink.port())));
        number(command.arg(as_administrator()))
    }

    /// Opens event streams, sends a test message, reads each stream to the message's end, and
    /// closes them again.
    pub fn watch(&self, server: &RunningProgram, sink: &RunningProgram, pages: u32) -> Result<f64> {
        let pages = format!("--pages={pages}");
        number(self.bench(&["watch", &server.address, sink.port(), &pages]).arg(as_administrator()))
    }

    /// Measures test messages per second to a sink.
    pub fn send(&self, sink: &RunningProgram, messages: u32) -> Result<f64> {
        number(&mut self.bench(&["send", sink.port(), &format!("--messages={messages}")]))
    }
}

/// The option by which a load generator signs in.
fn as_administrator() -> String {
    format!("--as={EMAIL}:{PASSWORD}")
}

impl RunningProgram {
    fn start(command: &mut Command) -> Result<Self> {
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().context("a program is missing")?;
        let mut line = String::new();
        let output = child.stdout.take().context("a program has no output")?;
        let mut output = BufReader::new(output);
        output.read_line(&mut line)?;
        let Some((_, address)) = line.trim().split_once("://") else {
            bail!("a program does not listen: {line}");
        };
        Ok(Self { child, output, begun, address: address.to_owned() })
    }

    /// Milliseconds from the start of the process to its first response.
    pub fn first_answer(&self) -> Result<f64> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if !answer.starts_with("HTTP/1.1 200") {
            bail!("the first answer is not a 200: {answer}");
        }
        Ok(self.begun.elapsed().as_secs_f64() * 1_000.0)
    }

    /// Waits until it prints another number.
    pub fn next_number(&mut self) -> Result<f64> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        line.trim().parse().with_context(|| format!("no number: {line}"))
    }

    /// Its resident memory in MiB (`VmRSS`).
    pub fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .context("memory is measured on Linux only")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kibibytes.context("no VmRSS in /proc")?.parse::<f64>()? / 1_024.0)
    }

    /// The port it listens on.
    pub fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap_or_default()
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program, and parses the number that it prints.
pub fn number(command: &mut Command) -> Result<f64> {
    let output = command.stderr(Stdio::inherit()).output().context("a program is missing")?;
    if !output.status.success() {
        bail!("a measurement failed ({})", output.status);
    }
    let text = String::from_utf8(output.stdout)?;
    text.trim().parse().with_context(|| format!("no number: {text}"))
}
