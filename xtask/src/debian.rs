//! Installs Debian packages for the tests: servers and browsers. No package starts its service.
//! Only root can start Postfix, so other users skip the tests with it. They also skip the tests
//! behind nginx and in Firefox and `WebKit` if those are missing, because only root can install them.

use std::process::{Command, Stdio};
use std::{env, fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::random::random_hex;
use crate::tools::{answer_of, expect_success};

/// A Debian package that a step of the gate needs.
#[derive(Clone, Copy)]
pub struct Package {
    /// Its name in Debian.
    pub name: &'static str,
    /// Its purpose.
    pub purpose: &'static str,
}

const POSTFIX: Package =
    Package { name: "postfix", purpose: "a real mail server that takes test messages" };
const DOVECOT: Package =
    Package { name: "dovecot-core", purpose: "checks passwords and OAuth tokens for Postfix" };
/// The database of several nodes.
pub const POSTGRESQL: Package =
    Package { name: "postgresql", purpose: "the database of several nodes" };
/// The browser of the browser tests.
pub const CHROMIUM: Package =
    Package { name: "chromium-headless-shell", purpose: "the browser of the browser tests" };
/// The fonts of Chromium.
pub const FONTS: Package =
    Package { name: "fonts-dejavu", purpose: "letters for Chromium to draw with" };
const NGINX: Package = Package {
    name: "nginx",
    purpose: "the reverse proxy of docs/sign-in.md, in front of a browser",
};
const FIREFOX: Package =
    Package { name: "firefox-esr", purpose: "Firefox, for an administrator's journeys" };
const WEBKIT: Package = Package {
    name: "webkit2gtk-driver",
    purpose: "WebKit with its driver, for an administrator's journeys",
};
const XVFB: Package = Package { name: "xvfb", purpose: "a display for WebKit" };
/// For the soak tests only.
const PROMETHEUS: Package =
    Package { name: "prometheus", purpose: "promtool, which checks the text of the metrics" };

/// All packages that the gate installs, in the order in which it does.
pub const ALL: [Package; 9] =
    [POSTFIX, DOVECOT, POSTGRESQL, CHROMIUM, FONTS, NGINX, FIREFOX, WEBKIT, XVFB];

/// Programs whose presence shows that a package is installed.
const POSTFIX_PROGRAM: &str = "/usr/lib/postfix/sbin/master";
const DOVECOT_PROGRAM: &str = "/usr/sbin/dovecot";
const NGINX_PROGRAM: &str = "/usr/sbin/nginx";
/// Those of Firefox and `WebKit`, as `end2end/engines/` names them.
const ENGINES: [(Package, &str); 3] = [
    (FIREFOX, "/usr/bin/firefox-esr"),
    (WEBKIT, "/usr/bin/WebKitWebDriver"),
    (XVFB, "/usr/bin/Xvfb"),
];

/// The script that Debian's packages run before they start a service (`invoke-rc.d`(8)).
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Whether this process runs as root.
pub fn is_root() -> bool {
    answer_of(Command::new("id").arg("-u")).as_deref() == Some("0")
}

/// Whether the tests that start Postfix can run here.
pub fn can_start_postfix() -> bool {
    cfg!(target_os = "linux") && is_root()
}

/// Whether the tests that mount a tmpfs can run here: as root, on a machine that allows it.
pub fn can_mount() -> bool {
    if !cfg!(target_os = "linux") || !is_root() {
        return false;
    }
    let folder = env::temp_dir().join(format!("ppm-email-mount-{}", random_hex()));
    let script =
        r#"mkdir "$0" && mount -t tmpfs tmpfs "$0" && umount "$0"; s=$?; rmdir "$0"; exit $s"#;
    let mut mount = Command::new("sh");
    mount.args(["-c", script]).arg(folder).stderr(Stdio::null());
    mount.status().is_ok_and(|status| status.success())
}

/// Ensures Postfix and Dovecot if the tests that need them can run.
pub fn ensure_mail_server() -> Result<()> {
    if !can_start_postfix() {
        println!("Only root can start Postfix, on Linux: the tests that do are left out.");
        return Ok(());
    }
    if [POSTFIX_PROGRAM, DOVECOT_PROGRAM].iter().all(|program| Path::new(program).is_file()) {
        return Ok(());
    }
    install(&[POSTFIX, DOVECOT])
}

/// Whether the tests that start nginx can run here.
pub fn has_nginx() -> bool {
    Path::new(NGINX_PROGRAM).is_file()
}

/// Ensures nginx if it can be installed.
pub fn ensure_nginx() -> Result<()> {
    if has_nginx() {
        return Ok(());
    }
    if !can_install() {
        println!(
            "There is no nginx, and only root can install it, on Debian: the tests behind it are left out."
        );
        return Ok(());
    }
    install(&[NGINX])
}

/// Ensures Firefox and `WebKit` if they can be installed.
pub fn ensure_engines() -> Result<()> {
    let missing = |(_, program): &(Package, &str)| !Path::new(program).is_file();
    let missing: Vec<Package> =
        ENGINES.into_iter().filter(missing).map(|(package, _)| package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !can_install() {
        println!(
            "There is no {}, and only root can install it, on Debian: the journeys with it are left out.",
            names(&missing).join(" and no ")
        );
        return Ok(());
    }
    install(&missing)
}

/// Ensures promtool, or says how to install it.
pub fn ensure_promtool() -> Result<()> {
    if answer_of(Command::new("promtool").arg("--version")).is_some() {
        return Ok(());
    }
    install(&[PROMETHEUS])
}

/// Installs packages, or says how to.
pub fn install(packages: &[Package]) -> Result<()> {
    let names = names(packages);
    let packages = names.join(" ");
    if !can_install() {
        bail!(
            "{packages} must be installed, which needs root: on Debian, run `sudo apt-get update && sudo apt-get \
             install -y {packages}`"
        );
    }
    println!("Installing {packages} from Debian.");
    install_quietly(&names).with_context(|| format!("{packages} could not be installed"))
}

/// Whether packages can be installed here: by root, on Debian.
pub fn can_install() -> bool {
    answer_of(Command::new("apt-get").arg("--version")).is_some() && is_root()
}

fn names(packages: &[Package]) -> Vec<&'static str> {
    packages.iter().map(|package| package.name).collect()
}

fn install_quietly(packages: &[&str]) -> Result<()> {
    let _quiet = Quiet::keep()?;
    expect_success(Command::new("apt-get").arg("update"))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install.args(["install", "-y", "--no-install-recommends"]).args(packages);
    expect_success(&mut install)
}

/// Keeps packages from starting their services while it lives. An existing policy is kept.
struct Quiet {
    is_ours: bool,
}

impl Quiet {
    fn keep() -> Result<Self> {
        if Path::new(POLICY).exists() {
            return Ok(Self { is_ours: false });
        }
        fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
        let quiet = Self { is_ours: true };
        expect_success(Command::new("chmod").args(["755", POLICY]))?;
        Ok(quiet)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
