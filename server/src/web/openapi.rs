//! `GET /v1/openapi.json`: the `OpenAPI` document of `/v1/messages`, made from the types. It is
//! public.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::Json;
use axum::http::header::CACHE_CONTROL;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::openapi::schema::{AllOf, Schema, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Content, Header, Object, ObjectBuilder, OpenApi as Document, Ref, RefOr, Response,
    ResponseBuilder,
};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

use super::messages;
use super::problem_details::{PROBLEM_JSON, ProblemCode, ProblemDetails};

/// The path of the document.
pub(super) const DOCUMENT: &str = "/v1/openapi.json";

/// Answers with the document, which changes only with a release.
pub(super) async fn document() -> impl IntoResponse {
    static MADE: LazyLock<Document> = LazyLock::new(MessagesApi::openapi);
    ([(CACHE_CONTROL, "public, max-age=3600")], Json(&*MADE))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sending through PPM Email Settings",
        description = "PPM products hand messages over. An accepted message survives a crash, and is sent through the saved settings."
    ),
    paths(messages::send, messages::read, messages::cancel),
    components(schemas(ProblemDetails, ProblemCode)),
    security(("key" = [])),
    modifiers(&ApplicationKey)
)]
struct MessagesApi;

/// Adds the security scheme.
struct ApplicationKey;

impl Modify for ApplicationKey {
    fn modify(&self, document: &mut Document) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("The key of an application.".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

/// The refusals of `POST /v1/messages`.
pub(super) struct RefusalsOfSending;
/// The refusals of `GET /v1/messages/{id}`.
pub(super) struct RefusalsOfReading;
/// The refusals of `DELETE /v1/messages/{id}`.
pub(super) struct RefusalsOfCanceling;

impl IntoResponses for RefusalsOfSending {
    fn responses() -> Responses {
        refusals(&ProblemCode::OF_SENDING)
    }
}

impl IntoResponses for RefusalsOfReading {
    fn responses() -> Responses {
        refusals(&ProblemCode::OF_READING)
    }
}

impl IntoResponses for RefusalsOfCanceling {
    fn responses() -> Responses {
        refusals(&ProblemCode::OF_CANCELING)
    }
}

type Responses = BTreeMap<String, RefOr<Response>>;

/// The responses with these codes, one for each status.
fn refusals(codes: &[ProblemCode]) -> Responses {
    let mut by_status: BTreeMap<StatusCode, Vec<ProblemCode>> = BTreeMap::new();
    for &code in codes {
        for &status in code.statuses() {
            by_status.entry(status).or_default().push(code);
        }
    }
    let response = |(status, codes): (StatusCode, Vec<_>)| {
        (status.as_str().to_owned(), RefOr::T(refusal(status, &codes)))
    };
    by_status.into_iter().map(response).collect()
}

fn refusal(status: StatusCode, codes: &[ProblemCode]) -> Response {
    let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
    let mut details = AllOf::new();
    details.items = vec![
        Ref::from_schema_name(ProblemDetails::name()).into(),
        ObjectBuilder::new().property("code", one_of(codes)).into(),
    ];
    let mut response = ResponseBuilder::new()
        .description(titles.join(" "))
        .content(PROBLEM_JSON, Content::new(Some(Schema::from(details))));
    if status == StatusCode::UNAUTHORIZED {
        response = response.header(header::WWW_AUTHENTICATE.as_str(), Header::default());
    }
    if codes.iter().any(|code| code.retry_after().is_some()) {
        let seconds = Header::new(Object::with_type(Type::Integer));
        response = response.header(header::RETRY_AFTER.as_str(), seconds);
    }
    response.build()
}

/// The schema of an enum with these values, whose JSON is their names.
pub(super) fn one_of<T: Serialize>(values: &[T]) -> Object {
    let names = values.iter().filter_map(|value| serde_json::to_value(value).ok());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build()
}
