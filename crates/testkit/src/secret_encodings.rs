//! Searches octets for a secret in every encoding in which it could leak unnoticed.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem::find;

/// Returns the encoding in which a text of base64url characters occurs in `octets`; `None` if it
/// does not.
///
/// Quoting in JSON, HTML, a form or `Debug` output leaves such characters unchanged, so the text is
/// found verbatim.
pub fn spelled_in(octets: &[u8], text: &str) -> Option<&'static str> {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_".contains(&octet);
    assert!(text.len() >= 12 && text.bytes().all(is_plain), "{text}");
    let mut spellings = spellings(text).into_iter();
    spellings.find(|(_, spelling)| find(octets, spelling).is_some()).map(|(name, _)| name)
}

fn spellings(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let each = |spell: &dyn Fn(u8) -> String, between: &str| {
        text.bytes().map(spell).collect::<Vec<_>>().join(between).into_bytes()
    };
    let mut spellings = vec![
        ("as it is", text.into()),
        ("in small letters", text.to_lowercase().into()),
        ("in capitals", text.to_uppercase().into()),
        ("backwards", text.bytes().rev().collect()),
        ("percent-encoded", each(&|octet| format!("%{octet:02X}"), "")),
        ("percent-encoded in small letters", each(&|octet| format!("%{octet:02x}"), "")),
        ("in hexadecimal", each(&|octet| format!("{octet:02x}"), "")),
        ("in hexadecimal capitals", each(&|octet| format!("{octet:02X}"), "")),
        ("as a list of numbers", each(&|octet| octet.to_string(), ", ")),
        ("as a dense list of numbers", each(&|octet| octet.to_string(), ",")),
        ("in UTF-16, little end first", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("in UTF-16, big end first", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
    ];
    for before in 0..3 {
        // Only the base64 digits that depend on the text alone are the same at every position.
        let padded = [&vec![0; before], text.as_bytes()].concat();
        let (start, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let spelling = engine.encode(&padded).into_bytes()[start..end].to_vec();
            spellings.push(("in base64", spelling.iter().rev().copied().collect()));
            spellings.push(("in base64", spelling));
        }
    }
    spellings
}

#[test]
fn a_text_is_found_in_every_encoding() {
    const TEXT: &str = "Kanarienvogel7Zq";
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    for (name, octets) in [
        ("in a sentence", format!("the password {TEXT}, she said").into_bytes()),
        ("in small letters", TEXT.to_lowercase().into_bytes()),
        ("backwards", TEXT.chars().rev().collect::<String>().into_bytes()),
        ("percent-encoded", b"%4b%61%6e%61%72%69%65%6e%76%6f%67%65%6c%37%5a%71".to_vec()),
        ("in hexadecimal", b"x4b616e617269656e766f67656c375a71x".to_vec()),
        ("printed as octets", format!("{:?}", TEXT.as_bytes()).into_bytes()),
        ("printed as a JSON list", serde_json::to_vec(TEXT.as_bytes()).expect("numbers")),
        ("in UTF-16", utf_16(&format!("a{TEXT}"))),
        ("in base64", b"S2FuYXJpZW52b2dlbDdacQ==".to_vec()),
        ("in base64 behind one octet", STANDARD_NO_PAD.encode(format!("\0{TEXT}\0")).into_bytes()),
        ("in base64 behind two", URL_SAFE_NO_PAD.encode(format!("\0u{TEXT}?>")).into_bytes()),
        (
            "in base64 behind a user name",
            STANDARD_NO_PAD.encode(format!("\0noreply\0{TEXT}")).into(),
        ),
    ] {
        assert!(spelled_in(&octets, TEXT).is_some(), "{name}");
    }
}

#[test]
fn a_missing_text_is_not_found() {
    assert_eq!(spelled_in(b"Kanarienvogel7Z and a few octets more", "Kanarienvogel7Zq"), None);
}
