//! Local accounts beside another sign-in: the set-up link is printed only on request, and
//! `--no-local-accounts` turns local accounts off.

use std::fs;

use axum::http::StatusCode;
use serde_json::json;

use crate::support::databases::{count_rows, database_url};
use crate::support::harness::{EMAIL, FORM, PASSWORD};
use crate::support::host::{AUDIENCE, ISSUER, PUBLIC_KEY};
use crate::support::program::{Serving, add_administrator_to, complaint, log, program, run};

const OIDC: [&str; 4] = ["--oidc-issuer", "http://127.0.0.1:9", "--oidc-client-id", "ppm"];
const HOST_KEY: &str = "--host-token-key-file=host.pem";
const HOST: [&str; 5] =
    [HOST_KEY, "--host-token-issuer", ISSUER, "--host-token-audience", AUDIENCE];
const PROXY: [&str; 3] =
    ["--trusted-proxy=10.0.0.1", "--proxy-user-header=X-User", "--proxy-roles-header=X-Roles"];

/// A folder with the host's public key in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("host.pem"), PUBLIC_KEY).expect("the folder is there");
    folder
}

#[tokio::test]
async fn a_set_up_link_is_printed_by_default_only_without_another_sign_in_and_always_on_request() {
    let prints_link = async |flags: &[&str]| {
        let folder = folder();
        Serving::on_database(folder.path(), flags).await.stop().contains("/set-up?ticket=")
    };
    assert!(prints_link(&[]).await);
    for others in [&OIDC[..], &HOST, &PROXY] {
        assert!(!prints_link(others).await, "{others:?}");
        assert!(prints_link(&[others, &["--set-up-link"]].concat()).await, "{others:?}");
    }
}

#[tokio::test]
async fn without_a_link_no_ticket_is_stored_and_no_page_mentions_one() {
    let folder = folder();
    let program = Serving::on_database(folder.path(), &OIDC).await;
    let mut browser = program.browser().await;
    let page = browser.get("/sign-in").await.expect("an answer").body;
    assert!(!page.contains("the link the server printed"), "{page}");
    assert!(page.contains("type=\"password\""), "local accounts are there: {page}");
    let page = browser.get("/set-up?ticket=x").await.expect("an answer");
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert_eq!(count_rows(folder.path(), "set_up_ticket").await, 0);
}

#[tokio::test]
async fn with_local_accounts_off_no_password_works_and_sessions_end() {
    let folder = folder();
    let url = database_url(folder.path()).await;
    add_administrator_to(folder.path(), &url, EMAIL, PASSWORD);
    let program = Serving::on_database(folder.path(), &OIDC).await;
    let mut ada = program.browser().await;
    ada.sign_in(EMAIL, PASSWORD).await.expect("an answer");
    assert_eq!(ada.get("/settings/email").await.expect("an answer").status, StatusCode::OK);
    program.stop();

    let flags = [&OIDC[..], &["--no-local-accounts"]].concat();
    let program = Serving::on_database(folder.path(), &flags).await;
    let mut ada = ada.again(&program.address).await.expect("it listens");
    let page = ada.get("/settings/email").await.expect("an answer");
    assert_eq!(page.header("location"), "/sign-in", "{page:?}");
    let call = ada.call("email/load", &json!({})).await.expect("an answer");
    assert_eq!(call.status, StatusCode::UNAUTHORIZED);

    let form = format!("email={EMAIL}&password={PASSWORD}&ticket=x&name=x&again={PASSWORD}");
    for path in ["/sign-in", "/set-up"] {
        let answer = ada.ask("POST", path, FORM, form.clone()).await.expect("an answer");
        let found = (answer.status, answer.header("set-cookie"));
        assert_eq!(found, (StatusCode::NOT_FOUND, ""), "{path}");
    }
    let set_up = ada.get("/set-up?ticket=x").await.expect("an answer");
    assert_eq!(set_up.status, StatusCode::NOT_FOUND);
    let page = ada.get("/sign-in").await.expect("an answer").body;
    assert!(page.contains("Sign in with your organisation"), "{page}");
    assert!(!page.contains("type=\"password\"") && !page.contains("<form"), "{page}");
}

#[tokio::test]
async fn a_sign_in_page_without_a_way_to_sign_in_says_so() {
    for others in [&HOST[..], &PROXY] {
        let folder = folder();
        let flags = [others, &["--no-local-accounts"]].concat();
        let program = Serving::on_database(folder.path(), &flags).await;
        let page = program.browser().await.get("/sign-in").await.expect("an answer").body;
        assert!(page.contains("You cannot sign in on this page."), "{page}");
        assert!(!page.contains("<form"), "{page}");
    }
}

#[test]
fn flags_that_lock_all_users_out_or_contradict_each_other_stop_the_start() {
    let folder = folder();
    let refusal = |flags: &[&str]| {
        let mut command = program(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(flags);
        complaint(&run(command, ""))
    };
    for (others, flags, named) in [
        (&[][..], &["--no-local-accounts"][..], "--oidc-issuer"),
        (&OIDC, &["--no-local-accounts", "--set-up-link"], "--set-up-link"),
    ] {
        let line = refusal(&[others, flags].concat());
        assert!(line.contains("--no-local-accounts") && line.contains(named), "{line}");
    }
}

#[tokio::test]
async fn a_start_warns_of_a_public_url_with_http_and_of_a_missing_trusted_proxy() {
    let warned = async |flags: &[&str]| {
        let folder = folder();
        let url = database_url(folder.path()).await;
        let serving = Serving::logged(folder.path(), &url, |command| {
            command.args(flags);
        });
        serving.stop();
        log(folder.path())
    };
    let clear = warned(&["--public-url", "http://ppm.example"]).await;
    assert!(clear.contains("http://ppm.example uses http"), "{clear}");
    let unnamed = warned(&["--public-url", "https://ppm.example"]).await;
    assert!(unnamed.contains("no --trusted-proxy is set"), "{unnamed}");
    for quiet in [
        &["--public-url", "https://ppm.example", "--trusted-proxy", "127.0.0.1"][..],
        &["--public-url", "http://localhost:3000"],
    ] {
        let log = warned(quiet).await;
        let is_warned = log.contains("uses http") || log.contains("no --trusted-proxy");
        assert!(!is_warned, "{quiet:?}: {log}");
    }
}
