//! Holds `docs/http-api.md` to the code: its endpoints and arguments are those of the tab's server
//! functions, its examples are values of the contract's types, and its table has every error code.

use std::{fs, path::Path};

use contract::{
    ApiCode, AttemptFinished, AttemptStarted, EmailTab, IncidentView, LookupResult, RunView, Save,
    SaveAnswer, SettingsSaved, TestAnswer, TokenView, code::ErrorBody,
};
use domain::{Draft, Field, OauthFlow};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../docs/http-api.md");

/// A JSON example, and what stands beside `json` in its first line.
struct Example {
    about: &'static str,
    value: Value,
}

/// Returns the JSON examples in a part of the document.
fn examples(text: &'static str) -> impl Iterator<Item = Example> {
    text.split("\n```json").skip(1).map(|block| {
        let (about, rest) = block.split_once('\n').expect("a block has lines");
        let (json, _) = rest.split_once("\n```").expect("a block ends");
        let about = about.trim();
        let value =
            serde_json::from_str(json).unwrap_or_else(|error| panic!("{about}: {error}\n{json}"));
        Example { about, value }
    })
}

/// Returns the value as the type writes it after reading it.
fn reread<T: DeserializeOwned + Serialize>(value: &Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<T>(value.clone())?)
}

/// Checks that the type with this name reads a value and writes the same.
fn assert_is(type_name: &str, value: &Value) {
    macro_rules! reread_as {
        ($($name:ident)+) => {
            match type_name {
                $(stringify!($name) => reread::<$name>(value),)+
                other => panic!("no type of the contract is called {other:?}"),
            }
        };
    }
    let written = reread_as!(
        ApiCode AttemptFinished AttemptStarted Draft EmailTab ErrorBody IncidentView LookupResult OauthFlow
        RunView Save SaveAnswer SettingsSaved String TestAnswer TokenView bool
    );
    let written = written.unwrap_or_else(|error| panic!("{type_name}: {error}\n{value:#}"));
    assert_eq!(&written, value, "{type_name}");
}

/// Returns the arguments of a request's example, each with its type: `id=String address=String`.
fn arguments(about: &str) -> Option<Vec<(&str, &str)>> {
    about.split_whitespace().map(|argument| argument.split_once('=')).collect()
}

#[test]
fn every_example_is_a_value_of_its_type() {
    let mut count = 0;
    for Example { about, value } in examples(DOCUMENT) {
        match arguments(about).filter(|arguments| !arguments.is_empty()) {
            None => assert_is(about, &value),
            Some(arguments) => {
                let members = value.as_object().expect("a request is an object");
                assert_eq!(members.len(), arguments.len(), "{about}");
                for (name, type_name) in arguments {
                    assert_is(type_name, members.get(name).unwrap_or_else(|| panic!("{about}")));
                }
            }
        }
        count += 1;
    }
    assert!(count > 20, "{count} examples");
}

#[test]
fn the_table_has_every_error_code_with_its_status_and_no_other() {
    let (_, table) = DOCUMENT.split_once("\n## Error codes\n").expect("there is a table");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut listed: Vec<_> = rows
        .map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let code = cells.next().unwrap_or_default().trim_end_matches('`');
            format!("{} {code}", cells.next().unwrap_or_default())
        })
        .collect();
    let codes = ApiCode::ALL.iter().chain(&[ApiCode::Oversized(Field::Scope)]);
    let mut expected: Vec<_> = codes.map(|code| format!("{} {code}", code.status())).collect();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

/// Returns the Rust sources of a folder as one text.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| match path {
            path if path.is_dir() => sources(path),
            path if path.extension().is_some_and(|extension| extension == "rs") => {
                fs::read_to_string(path).expect("it can be read")
            }
            _ => String::new(),
        })
        .collect()
}

/// Returns the endpoints of the tab's server functions with their arguments, as the document has
/// them: `email/run id=String`.
fn endpoints_of_the_tab() -> Vec<String> {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../app/src"));
    let functions = sources.split("endpoint = \"").skip(1);
    functions
        .map(|function| {
            let (endpoint, rest) = function.split_once('"').expect("an endpoint ends");
            let (_, rest) = rest.split_once("pub async fn ").expect("a function follows");
            let (_, rest) = rest.split_once('(').expect("it has arguments");
            let (parameters, _) = rest.split_once(") ->").expect("they end");
            let lines = parameters.lines().filter(|line| !line.trim_start().starts_with("///"));
            let parameters: String = lines.collect();
            let arguments = parameters.split(',').filter_map(|one| one.split_once(':'));
            arguments.fold(endpoint.to_owned(), |line, (name, type_name)| {
                format!("{line} {}={}", name.trim(), type_name.trim())
            })
        })
        .collect()
}

#[test]
fn every_call_of_the_tab_is_described_with_its_arguments_and_no_other() {
    let sections = DOCUMENT.split("\n### POST /api/").skip(1);
    let mut described: Vec<_> = sections
        .map(|section| {
            let endpoint = section.lines().next().unwrap_or_default();
            let section = section.split("\n## ").next().unwrap_or_default();
            let request = examples(section).find(|example| example.about.contains('='));
            let has_none = section.contains("\nNo arguments.");
            assert!(request.is_some() != has_none, "{endpoint} needs its arguments, or none");
            request.map_or(endpoint.to_owned(), |request| format!("{endpoint} {}", request.about))
        })
        .collect();
    let mut expected = endpoints_of_the_tab();
    described.sort();
    expected.sort();
    assert_eq!(described, expected);
}
