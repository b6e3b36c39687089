//! Judges the display name beside an address of a sender. A mail program shows it in place of the
//! address, or takes an address in it for the sender's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The beginnings of the names of charsets in which `@`, `<` and `>` are always these octets.
const CHARSETS: [&str; 12] = [
    "utf-8",
    "utf8",
    "us-ascii",
    "iso-8859-",
    "iso-2022-",
    "windows-",
    "koi8-",
    "euc-",
    "gb",
    "big5",
    "shift_jis",
    "sjis",
];

/// Whether a display name has no `@`, `<`, `>` or line break, also after its encoded words (RFC 2047)
/// are decoded. What could be another encoded word is refused.
pub(super) fn is_plain(name: &str) -> bool {
    if has_sign(name.as_bytes()) {
        return false;
    }
    let mut rest = name;
    while let Some(at) = rest.find("=?") {
        let Some((octets, after)) = encoded_word(&rest[at..]) else { return false };
        if has_sign(&octets) || octets.windows(2).any(|pair| pair == b"=?") {
            return false;
        }
        rest = after;
    }
    true
}

fn has_sign(octets: &[u8]) -> bool {
    octets.iter().any(|octet| b"@<>\r\n\0".contains(octet))
}

/// Decodes the encoded word at the beginning of a text, and returns the text after it.
fn encoded_word(text: &str) -> Option<(Vec<u8>, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (encoded, after) = rest.split_once("?=")?;
    let charset = charset.to_ascii_lowercase();
    let octets = match encoding {
        _ if !CHARSETS.iter().any(|known| charset.starts_with(known)) => None,
        "B" | "b" => STANDARD.decode(encoded).ok(),
        "Q" | "q" => of_q_encoding(encoded),
        _ => None,
    };
    Some((octets?, after))
}

/// Decodes the Q encoding (RFC 2047 4.2).
fn of_q_encoding(encoded: &str) -> Option<Vec<u8>> {
    let mut parts = encoded.split('=');
    let mut octets = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        octets.extend_from_slice(rest.as_bytes());
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_shows_no_address_in_any_encoding() {
        for (name, expected) in [
            ("", true),
            ("Lovelace, Ada \"Countess\"", true),
            ("Jörg (Sales)", true),
            ("1 = 1?", true),
            ("=?utf-8?q?J=C3=B6rg_L.?= =?UTF-8*de?B?SsO2cmc=?=", true),
            ("=?iso-8859-1?Q?J=F6rg?=", true),
            ("=?ISO-2022-JP?B?GyRCO0IbKEI=?=", true),
            ("ceo@example.com", false),
            ("Ada <ceo", false),
            ("=?utf-8?q?ceo=40example.com?=", false),
            ("Ada =?utf-8?B?Y2VvQGV4YW1wbGUuY29t?=", false),
            ("=?utf-8?q?Ada?==?utf-8?q?=3Cceo=3E?=", false),
            ("=?utf-8?q?=0D=0A?=", false),
            ("=?utf-7?q?ceo+AEA-example.com?=", false),
            ("=?utf-8?x?Ada?=", false),
            ("=?utf-8?B?QA?=", false),
            ("=?utf-8?q?=4?=", false),
            ("=?utf-8?q?=3D=3Futf-8=3Fq=3F=3D40=3F=3D?=", false),
            ("Ada =?", false),
        ] {
            assert_eq!(is_plain(name), expected, "{name:?}");
        }
    }
}
