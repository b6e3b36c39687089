//! Tests of compressed token responses and decompression bombs.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::token::OauthDiagnosis;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use testkit::provider::Turn;

use super::{diagnosis, reading, trouble, words};

const TOKEN: &str = r#"{"access_token":"token-1","token_type":"Bearer","expires_in":3600}"#;

/// `TOKEN` compressed by brotli.
const BY_BROTLI: &str = "iyCAeyJhY2Nlc3NfdG9rZW4iOiJ0b2tlbi0xIiwidG9rZW5fdHlwZSI6IkJlYXJlciIsImV4cGlyZXNfaW4iOjM2MDB9Aw==";
const BOMB_BY_BROTLI: &str = "y///P/gl8OKxQCD3/o///3/wSwDEYRGA7v1f/rPE4JcAiMMCAF2SGA==";

fn finished<W: Write>(
    mut encoder: W,
    text: &[u8],
    finish: fn(W) -> io::Result<Vec<u8>>,
) -> Vec<u8> {
    encoder.write_all(text).expect("memory");
    finish(encoder).expect("memory")
}

fn gzip(text: &[u8]) -> Vec<u8> {
    finished(GzEncoder::new(Vec::new(), Compression::best()), text, GzEncoder::finish)
}

fn zlib(text: &[u8]) -> Vec<u8> {
    finished(ZlibEncoder::new(Vec::new(), Compression::best()), text, ZlibEncoder::finish)
}

fn deflate(text: &[u8]) -> Vec<u8> {
    finished(DeflateEncoder::new(Vec::new(), Compression::best()), text, DeflateEncoder::finish)
}

fn brotli(base64: &str) -> Vec<u8> {
    BASE64.decode(base64).expect("base64")
}

/// Returns a response with this content coding.
fn coded(status: &str, coding: &str, body: &[u8]) -> Turn {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    Turn::raw([head.as_bytes(), body].concat())
}

#[tokio::test]
async fn a_compressed_token_is_read() {
    for (coding, body) in [
        ("gzip", gzip(TOKEN.as_bytes())),
        ("x-gzip", gzip(TOKEN.as_bytes())),
        ("deflate", zlib(TOKEN.as_bytes())),
        ("deflate", deflate(TOKEN.as_bytes())),
        ("br", brotli(BY_BROTLI)),
        ("identity", TOKEN.as_bytes().to_vec()),
    ] {
        let issued = reading(coded("200 OK", coding, &body)).await.expect(coding);
        assert_eq!(words(&issued.access_token), "token-1", "{coding}");
    }
}

#[tokio::test]
async fn a_compressed_refusal_is_read() {
    let body = gzip(br#"{"error":"invalid_scope","error_description":"No such scope."}"#);
    let expected = (OauthDiagnosis::InvalidScope, "invalid_scope: No such scope.".to_owned());
    assert_eq!(trouble(coded("400 Bad Request", "gzip", &body)).await, expected);
}

#[tokio::test]
async fn the_size_limit_applies_after_decompression() {
    let padded = |length: usize| TOKEN.to_owned() + &" ".repeat(length - TOKEN.len());
    reading(coded("200 OK", "gzip", &gzip(padded(65_536).as_bytes()))).await.expect("a token");
    for (coding, body) in [
        ("gzip", gzip(padded(65_537).as_bytes())),
        ("gzip", gzip(&vec![b'x'; 20_000_000])),
        ("deflate", zlib(&vec![b'x'; 20_000_000])),
        ("br", brotli(BOMB_BY_BROTLI)),
        ("gzip, gzip", gzip(&gzip(&vec![b'x'; 20_000_000]))),
    ] {
        let found = diagnosis(coded("200 OK", coding, &body)).await;
        assert_eq!(found, OauthDiagnosis::TooLong, "{coding}");
    }
}

#[tokio::test]
async fn an_invalid_content_coding_is_refused() {
    for (coding, body) in [
        ("gzip", TOKEN.as_bytes().to_vec()),
        ("br", brotli(BY_BROTLI)[..20].to_vec()),
        ("zstd", TOKEN.as_bytes().to_vec()),
    ] {
        let found = diagnosis(coded("200 OK", coding, &body)).await;
        assert_eq!(found, OauthDiagnosis::NotOauth, "{coding}");
    }
}
