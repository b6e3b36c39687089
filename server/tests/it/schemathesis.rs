//! Schemathesis sends requests that it makes from the `OpenAPI` document to a running program, and
//! compares each answer with the document. `cargo xtask soak` installs it.

use std::process::Command;

use domain::application::ApplicationSettings;
use testkit::smtp_server::SmtpScript;

use crate::support::databases::database_url;
use crate::support::harness::{Harness, ada};
use crate::support::openapi::application;
use crate::support::program::{Serving, run};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

#[tokio::test]
#[ignore = "needs schemathesis, which `cargo xtask soak` installs"]
async fn schemathesis_finds_no_answer_that_differs_from_the_document() {
    let mail_server = SmtpScript::in_clear().play_to_all();
    let harness = Harness::start().await.with_ada().await;
    harness.sends_through(&ada(), mail_server.address).await;
    // The document's example has this sender.
    let senders = vec!["planner@example.com".to_owned()];
    let settings =
        ApplicationSettings { name: "Planner".to_owned(), senders, ..Default::default() };
    let credentials = application(&harness, settings).await;
    let folder = harness.folder.path();
    let program = Serving::logged(folder, &database_url(folder).await, |_| {});

    let path = std::env::var_os("PPM_EMAIL_TEST_SCHEMATHESIS").expect("the program's path");
    let mut schemathesis = Command::new(path);
    let support = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support");
    schemathesis.env("PYTHONPATH", support).env("PYTHONDONTWRITEBYTECODE", "1");
    schemathesis.env("SCHEMATHESIS_HOOKS", "message_rfc822");
    schemathesis.current_dir(folder).arg("run");
    schemathesis.arg(format!("http://{}/v1/openapi.json", program.address));
    let credentials = credentials.to_str().expect("a key is ASCII");
    schemathesis.arg("--header").arg(format!("Authorization: {credentials}"));
    // Without the phase of examples, which cannot send text for a media type with a strategy.
    schemathesis.args(["--phases", "coverage,fuzzing,stateful"]);
    schemathesis.args(["--checks", CHECKS, "--max-examples", "300"]);
    schemathesis.args(["--continue-on-failure", "--no-color", "--generation-database", "none"]);
    let output = run(schemathesis, "");
    let report = String::from_utf8_lossy(&output.stdout);
    println!("{report}");
    assert_eq!(output.status.code(), Some(0), "{report}");
}
