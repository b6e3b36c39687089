//! The `OpenAPI` document of a server, and whether its answers are those that the document names.

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Builder;
use axum::http::{HeaderValue, Method, Request};
use domain::application::ApplicationSettings;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::harness::{Answer, Harness, get, operator};

/// The path of sending.
pub const MESSAGES: &str = "/v1/messages";
/// The path of a message, as the document names it.
pub const MESSAGE: &str = "/v1/messages/{id}";

/// The document.
pub struct OpenApiDocument(pub Value);

impl OpenApiDocument {
    /// Returns the document of this server.
    pub async fn of(harness: &Harness) -> Self {
        let answer = harness.ask(Router::new(), get("/v1/openapi.json")).await;
        Self(serde_json::from_str(&answer.body).expect("JSON"))
    }

    /// Returns an operation.
    pub fn operation(&self, method: &Method, path: &str) -> &Value {
        &self.0["paths"][path][method.as_str().to_lowercase()]
    }

    /// Returns what a schema of the document refers to, or the schema itself.
    pub fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let pointer = schema["$ref"].as_str().and_then(|uri| uri.strip_prefix('#'));
        pointer.map_or(schema, |pointer| self.0.pointer(pointer).expect("the reference leads on"))
    }

    /// Checks a value against a schema of the document.
    ///
    /// # Errors
    /// Its members that do not fit.
    pub fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = json!({ "allOf": [schema], "components": self.0["components"] });
        let validator = jsonschema::draft202012::options().should_validate_formats(true);
        let validator = validator.build(&schema).expect("a JSON schema");
        let wrong: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }

    /// Checks that an answer is one that the document names for this operation: status, headers,
    /// media type and schema.
    ///
    /// # Errors
    /// What differs.
    pub fn check_answer(&self, method: &Method, path: &str, answer: &Answer) -> Result<(), String> {
        let response = &self.operation(method, path)["responses"][answer.status.as_str()];
        if response.is_null() {
            return Err(format!("{} is not documented: {}", answer.status, answer.body));
        }
        let headers = response["headers"].as_object().into_iter().flatten();
        for (name, _) in headers {
            if answer.header(&name.to_lowercase()).is_empty() {
                return Err(format!("{} has no header {name}", answer.status));
            }
        }
        let Some(content) = response["content"].as_object() else {
            let is_empty = answer.body.is_empty();
            return if is_empty { Ok(()) } else { Err(format!("a body: {}", answer.body)) };
        };
        let media_type = answer.header("content-type");
        let Some(media) = content.get(media_type) else {
            return Err(format!("{media_type:?} is not documented: {}", answer.body));
        };
        let body = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
        self.check(&media["schema"], &body).map_err(|wrong| format!("{wrong} in {}", answer.body))
    }
}

/// Adds an application with these settings, and returns the header by which it authenticates.
pub async fn application(harness: &Harness, settings: ApplicationSettings) -> HeaderValue {
    let added = harness.server.applications().add(&operator(), settings).await;
    bearer(&added.expect("it is added").1)
}

/// Returns the header for a key.
pub fn bearer(key: &SecretString) -> HeaderValue {
    let header = format!("Bearer {}", key.expose_secret());
    HeaderValue::try_from(header).expect("a key is ASCII")
}

/// Returns a request of an application.
pub fn request(method: &Method, path: &str, credentials: &HeaderValue) -> Builder {
    let request = Request::builder().method(method).uri(path).header(HOST, "ppm.example");
    request.header(AUTHORIZATION, credentials)
}

/// Sends a request, and returns its answer.
pub async fn ask(harness: &Harness, request: Builder, body: impl Into<Body>) -> Answer {
    harness.ask_with(Router::new(), request, body.into()).await
}
