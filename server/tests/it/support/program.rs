//! The program as a separate process, and an HTTP client for it over sockets, for tests that need a
//! whole process.

use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use axum::body::Bytes;
use axum::http::{HeaderName, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use testkit::sockets::connect_from;
use tokio::net::TcpStream;

use super::databases::database_url;
use super::harness::{Answer, FORM, THIS_MACHINE, cookie_of};
use super::waiting::until;

/// The body of `/ready` while a process is fully operational.
pub const READY: &str = r#"{"code":"ok"}"#;

/// Returns a command for the program in this folder, with an environment that only turns checks off:
/// a check would be the one session of a scripted mail server.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ppm-email"));
    command.env_clear().env("PPM_EMAIL_HEALTH_CHECK", "off").current_dir(folder);
    command
}

/// Runs a command of the program to completion, with `input` on its standard input.
pub fn run(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    // With invalid arguments, it ends without reading.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("the program ends")
}

/// Returns the single error line of a program that was called with invalid arguments.
pub fn complaint(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("the program writes text");
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// Adds an administrator, as an operator does.
pub fn add_administrator(folder: &Path, email: &str, password: &str) {
    add_administrator_to(folder, "sqlite://ppm-email.db", email, password);
}

/// Adds an administrator to another database than the default one.
pub fn add_administrator_to(folder: &Path, database_url: &str, email: &str, password: &str) {
    let mut command = program(folder);
    command.args(["admin", "add", email, "--name", email, "--password-stdin"]);
    command.args(["--database-url", database_url]);
    let output = run(command, &format!("{password}\n"));
    assert!(output.status.success(), "{output:?}");
}

/// A running program, which is killed when this is dropped.
pub struct Serving {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Address and port.
    pub address: String,
}

impl Serving {
    /// Starts `ppm-email serve` in this folder on a free port, with the additions of `configure`.
    /// It may connect to every address of this machine.
    pub fn with(folder: &Path, configure: impl FnOnce(&mut Command)) -> Self {
        Self::strictly(folder, |command| {
            for network in THIS_MACHINE {
                command.args(["--egress-allow", network]);
            }
            configure(command);
        })
    }

    /// Starts `ppm-email serve` on this folder's database with these flags.
    pub async fn on_database(folder: &Path, flags: &[&str]) -> Self {
        Self::on_url(folder, &database_url(folder).await, flags)
    }

    /// Starts `ppm-email serve` in this folder on another database, with these flags.
    pub fn on_url(folder: &Path, database_url: &str, flags: &[&str]) -> Self {
        Self::with(folder, |command| {
            command.args(["--database-url", database_url]).args(flags);
        })
    }

    /// Starts `ppm-email serve` with its log and its key in this folder, with the additions of
    /// `configure`. By default the key file is beside the database, which may be in another folder.
    pub fn logged(folder: &Path, database_url: &str, configure: impl FnOnce(&mut Command)) -> Self {
        Self::with(folder, |command| {
            command.args(["--database-url", database_url]).stderr(log_file(&log_path(folder)));
            command.arg("--key-file").arg(folder.join("ppm-email.key"));
            configure(command);
        })
    }

    /// Connects a new browser to it.
    pub async fn browser(&self) -> HttpBrowser {
        HttpBrowser::at(&self.address).await.expect("it listens")
    }

    /// Starts `ppm-email serve` with the default egress policy.
    pub fn strictly(folder: &Path, configure: impl FnOnce(&mut Command)) -> Self {
        let mut command = program(folder);
        command.arg("serve");
        configure(&mut command);
        if command.get_args().all(|argument| argument != "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Self::by(command)
    }

    /// Starts the program by a command that executes it, such as `prlimit`.
    pub fn by(mut command: Command) -> Self {
        command.stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the program says where it listens");
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.expect("the line is as promised").to_owned();
        Self { child, output, address }
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process (SIGKILL).
    pub fn kill(mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it is ours");
    }

    /// Stops it gracefully, and returns its standard output since it listens.
    pub fn stop(mut self) -> String {
        send(&self.child, Signal::TERM);
        let mut written = String::new();
        self.output.read_to_string(&mut written).expect("it writes text");
        assert!(self.child.wait().expect("it is ours").success());
        written
    }
}

/// Sends a signal to a program.
pub fn send(program: &Child, signal: Signal) {
    let id = Pid::from_child(program);
    kill_process(id, signal).expect("it is ours");
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has already ended if a test waited for that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("ppm-email.log")
}

/// Returns what the programs of this folder have logged.
pub fn log(folder: &Path) -> String {
    fs::read_to_string(log_path(folder)).expect("the programs wrote it")
}

/// Opens a log file of a process.
pub fn log_file(path: &Path) -> File {
    File::options().append(true).create(true).open(path).expect("the folder is there")
}

/// Writes a file that only its owner can read, as every secret must be.
pub fn write_private(file: &Path, content: &str) {
    fs::write(file, content).expect("the folder is the test's");
    fs::set_permissions(file, Permissions::from_mode(0o600)).expect("the file is the test's");
}

/// A browser: a connection that stays open, and a cookie.
pub struct HttpBrowser {
    connection: SendRequest<Full<Bytes>>,
    /// The `Host` header: the address, unless a proxy passes on another one.
    pub host: String,
    /// The `Cookie` header, empty before the sign-in.
    pub cookie: String,
    /// The `X-Forwarded-For` header of a proxy; empty without a proxy.
    pub forwarded_for: String,
}

impl HttpBrowser {
    /// Connects to the program.
    pub async fn at(address: &str) -> io::Result<Self> {
        Self::over(TcpStream::connect(address).await?, address).await
    }

    /// Connects with the cookie of another browser.
    pub async fn with_cookie(address: &str, cookie: &str) -> Self {
        Self { cookie: cookie.to_owned(), ..Self::at(address).await.expect("it listens") }
    }

    /// Connects from another address of this machine.
    pub async fn at_from(own: &str, address: &str) -> io::Result<Self> {
        let program = address.parse().expect("an address and a port");
        Self::over(connect_from(own, program).await, address).await
    }

    async fn over(stream: TcpStream, address: &str) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let handshake = handshake(TokioIo::new(stream)).await;
        let (connection, driver) = handshake.map_err(io::Error::other)?;
        tokio::spawn(driver);
        let (cookie, forwarded_for) = (String::new(), String::new());
        Ok(Self { connection, host: address.to_owned(), cookie, forwarded_for })
    }

    /// Connects from another address through a proxy on this machine.
    pub async fn from(address: &str, forwarded_for: &str) -> io::Result<Self> {
        Ok(Self { forwarded_for: forwarded_for.to_owned(), ..Self::at(address).await? })
    }

    /// Connects the same browser to the same or another process, with its cookie.
    pub async fn again(&self, address: &str) -> io::Result<Self> {
        let (cookie, forwarded_for) = (self.cookie.clone(), self.forwarded_for.clone());
        Ok(Self { cookie, forwarded_for, ..Self::at(address).await? })
    }

    /// Changes the `Host` header.
    pub fn calling_itself(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Sends a request as a page of the program does, and reads the response.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> io::Result<Answer> {
        let method = method.parse().expect("a method");
        self.send(method, path, &[(header::CONTENT_TYPE, content_type)], body).await
    }

    /// Sends a request with additional headers, and reads the response.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: impl Into<Bytes>,
    ) -> io::Result<Answer> {
        read(self.begin(method, path, headers, body).await?).await.map_err(io::Error::other)
    }

    /// Sends a request without a body, and reads only the head of the response.
    pub async fn head(&mut self, method: Method, path: &str) -> io::Result<Answer> {
        let (head, _) = self.begin(method, path, &[], "").await?.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body: String::new() })
    }

    async fn begin(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: impl Into<Bytes>,
    ) -> io::Result<Response<Incoming>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::COOKIE, &self.cookie)
            .header("sec-fetch-site", "same-origin");
        if !self.forwarded_for.is_empty() {
            request = request.header("x-forwarded-for", &self.forwarded_for);
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("the request is well-formed");
        self.connection.ready().await.map_err(io::Error::other)?;
        self.connection.send_request(request).await.map_err(io::Error::other)
    }

    /// Requests a page.
    pub async fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask("GET", path, "text/plain", "").await
    }

    /// Requests a page with additional headers.
    pub async fn get_with(&mut self, path: &str, headers: &[(&str, &str)]) -> io::Result<Answer> {
        let named = |(name, value): &(&str, _)| (name.parse().expect("a header's name"), *value);
        let headers: Vec<_> = headers.iter().map(named).collect();
        self.send(Method::GET, path, &headers, "").await
    }

    /// Calls a server function.
    pub async fn call(&mut self, function: &str, argument: &impl Serialize) -> io::Result<Answer> {
        let body = serde_json::to_vec(argument).expect("arguments are JSON");
        self.ask("POST", &format!("/api/{function}"), "application/json", body).await
    }

    /// Attempts to sign in, and stores the cookies on success.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> io::Result<Answer> {
        let form = format!("email={}&password={}", encoded(email), encoded(password));
        let answer = self.ask("POST", "/sign-in", FORM, form).await?;
        let set_cookies = answer.headers.get_all(header::SET_COOKIE).iter();
        let cookies = set_cookies.map(|cookie| cookie_of(cookie.to_str().expect("text")));
        let cookies: Vec<_> = cookies.collect();
        if !cookies.is_empty() {
            self.cookie = cookies.join("; ");
        }
        Ok(answer)
    }

    /// Waits until `/ready` responds with this body.
    pub async fn until_ready_says(&mut self, body: &str) {
        until(async || self.get("/ready").await.expect("an answer").body == body).await;
    }

    /// Deletes the session cookie, as at the end of a browser session, and keeps the device cookie.
    pub fn forget_session(&mut self) {
        let kept = self.cookie.split("; ").filter(|cookie| cookie.contains("-device="));
        self.cookie = kept.collect::<Vec<_>>().join("; ");
    }
}

async fn read(response: Response<Incoming>) -> Result<Answer, hyper::Error> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    let body = String::from_utf8(body.to_vec()).expect("answers are text here");
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

/// Percent-encodes every octet of a text.
pub fn encoded(text: &str) -> String {
    text.bytes().flat_map(|octet| format!("%{octet:02X}").into_bytes()).map(char::from).collect()
}
