//! Certificates to trust, as somebody pastes them: PEM (RFC 7468), looked at from outside. Whether
//! what is in them can vouch for anything, the server finds out.

use serde::{Deserialize, Serialize};

use super::text::one_line;

/// What is wrong with certificates that were pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateProblem {
    /// It is a private key, or has one in it.
    PrivateKey,
    /// It has no certificate from its first line to its last, or something else beside it, such as a
    /// character that turns the reading direction.
    NotPem,
    /// Between the first line and the last stands no certificate.
    Damaged,
    /// It is a certificate, but none that can vouch for a server. Only the server knows this, and what
    /// is below.
    NoAuthority,
    /// It is the mail server's own, and of X.509 version 1.
    Version1,
    /// Its RSA key has fewer than 2,048 bits.
    KeyTooShort,
    /// It is the mail server's own, and has no subjectAltName.
    NoNames,
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// What is in the first line of every private key in PEM, whatever its kind.
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// Checks that a text is one or more certificates in PEM. Lines before and between them that look
/// like none of PEM's are let be (RFC 7468 2).
///
/// # Errors
/// The first [`CertificateProblem`] that is found, a private key before all others.
pub fn certificates(text: &str) -> Result<(), CertificateProblem> {
    if private_key_at(text).is_some() {
        return Err(CertificateProblem::PrivateKey);
    }
    // A line of base64 of each certificate, while within one.
    let mut within: Option<String> = None;
    let mut count = 0;
    for line in text.lines().map(|line| line.trim_end_matches(' ')) {
        one_line(line).map_err(|_| CertificateProblem::NotPem)?;
        within = match within {
            None if line == BEGIN => Some(String::new()),
            None if line.starts_with("-----") => return Err(CertificateProblem::NotPem),
            None => None,
            Some(base64) if line == END => {
                is_encoded_sequence(&base64).then_some(()).ok_or(CertificateProblem::Damaged)?;
                count += 1;
                None
            }
            Some(_) if line.starts_with("-----") => return Err(CertificateProblem::NotPem),
            Some(base64) => Some(base64 + line),
        };
    }
    if within.is_some() || count == 0 { Err(CertificateProblem::NotPem) } else { Ok(()) }
}

/// The text up to where a private key begins: what nobody asked for is not kept.
#[must_use]
pub fn without_private_key(text: &str) -> &str {
    private_key_at(text).map_or(text, |at| &text[..at])
}

/// Where a private key begins after its first line's words.
fn private_key_at(text: &str) -> Option<usize> {
    let at = text.to_ascii_uppercase().find(PRIVATE_KEY)?;
    Some(at + PRIVATE_KEY.len())
}

/// Whether a text is base64 (RFC 4648 4) whose first octet is 0x30: a SEQUENCE, as every certificate
/// begins (RFC 5280 4.1).
fn is_encoded_sequence(base64: &str) -> bool {
    let digits = base64.trim_end_matches('=');
    let is_digit = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
    base64.len().is_multiple_of(4)
        && base64.len() - digits.len() <= 2
        && digits.bytes().all(is_digit)
        && matches!(digits.as_bytes(), [b'M', b'A'..=b'P', ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n+/==\n-----END CERTIFICATE-----";

    fn pem(base64: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn one_or_more_certificates_are_taken_with_words_around_them() {
        for text in [
            ONE.to_owned(),
            format!("{ONE}\n"),
            format!("{ONE}\n{ONE}"),
            ONE.replace('\n', "\r\n"),
            format!("subject=CN = Büro\nissuer=CN = Büro\n\n{ONE}\n\n{ONE}\n\n"),
        ] {
            assert_eq!(certificates(&text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        use CertificateProblem::{Damaged, NotPem};
        for (text, expected) in [
            ("smtp.example.com".to_owned(), NotPem),
            ("MIIB+/==".to_owned(), NotPem),
            (" ".to_owned(), NotPem),
            (BEGIN.to_owned(), NotPem),
            (format!("{BEGIN}\nMIIB"), NotPem),
            (format!("MIIB\n{END}"), NotPem),
            (format!("{BEGIN}\n{ONE}"), NotPem),
            (format!("{ONE}\n{BEGIN}"), NotPem),
            (ONE.replace("CERTIFICATE", "CERTIFICATE REQUEST"), NotPem),
            (ONE.replace("CERTIFICATE", "PUBLIC KEY"), NotPem),
            (ONE.replace("CERTIFICATE", "PKCS7"), NotPem),
            (pem(""), Damaged),
            (pem("MIIB="), Damaged),
            (pem("MIIBA==="), Damaged),
            (pem("MIIBé"), Damaged),
            (pem("MIIB!AAA"), Damaged),
            (pem("MIIB=AAA"), Damaged),
            (pem("MQAB"), Damaged),
            (pem("AAAB"), Damaged),
            (pem("Proc-Type: 4,ENCRYPTED"), Damaged),
            (pem("MII\u{0}B"), NotPem),
            (format!("a\u{202E}b\n{ONE}"), NotPem),
        ] {
            assert_eq!(certificates(&text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_private_key_is_told_whatever_stands_around_it_and_is_cut_off() {
        for kind in ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "] {
            let key = format!(
                "-----BEGIN {kind}PRIVATE KEY-----\nMIIEvQ\n-----END {kind}PRIVATE KEY-----"
            );
            for text in
                [key.clone(), format!("{ONE}\n{key}"), format!("{key}\n{ONE}"), key.to_lowercase()]
            {
                assert_eq!(certificates(&text), Err(CertificateProblem::PrivateKey), "{text}");
                let kept = without_private_key(&text);
                assert!(!kept.to_uppercase().contains("MIIEVQ"), "{kept}");
                assert_eq!(certificates(kept), Err(CertificateProblem::PrivateKey), "{kept}");
            }
        }
    }

    #[test]
    fn what_is_no_private_key_is_kept_whole() {
        assert_eq!(without_private_key(ONE), ONE);
    }
}
