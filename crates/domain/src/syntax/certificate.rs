//! Validates pasted PEM certificates (RFC 7468) superficially. Whether a certificate can be a trust
//! anchor is checked on the server.

use serde::{Deserialize, Serialize};

use super::text::one_line;

/// Why pasted certificates are invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateProblem {
    /// The text contains a private key.
    PrivateKey,
    /// There is no complete PEM certificate, or there is other PEM or an unsafe character.
    NotPem,
    /// The text between the PEM markers is not a certificate.
    Damaged,
    /// The certificate cannot be a trust anchor. Only the server reports this and the problems below.
    NoAuthority,
    /// The certificate is the mail server's own, and X.509 version 1.
    Version1,
    /// The RSA key has fewer than 2,048 bits.
    KeyTooShort,
    /// The certificate is the mail server's own, and has no subjectAltName.
    NoNames,
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The words in the first line of every PEM private key, of any kind.
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// Checks that a text has one or more PEM certificates. Explanatory text before, between and after
/// them is allowed (RFC 7468 2).
///
/// # Errors
/// Returns the first [`CertificateProblem`]; a private key takes precedence.
pub fn certificates(text: &str) -> Result<(), CertificateProblem> {
    if private_key_label_end(text).is_some() {
        return Err(CertificateProblem::PrivateKey);
    }
    // The base64 text of the current certificate.
    let mut current: Option<String> = None;
    let mut count = 0;
    for line in text.lines().map(|line| line.trim_end_matches(' ')) {
        one_line(line).map_err(|_| CertificateProblem::NotPem)?;
        current = match current {
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
    if current.is_some() || count == 0 { Err(CertificateProblem::NotPem) } else { Ok(()) }
}

/// Cuts the text inside the first line of a private key, so that no key material is stored.
pub fn without_private_key(text: &str) -> &str {
    private_key_label_end(text).map_or(text, |at| &text[..at])
}

/// Returns the position after the words `PRIVATE KEY`.
fn private_key_label_end(text: &str) -> Option<usize> {
    let at = text.to_ascii_uppercase().find(PRIVATE_KEY)?;
    Some(at + PRIVATE_KEY.len())
}

/// Whether a text is base64 (RFC 4648 4) of DER that begins with a SEQUENCE (0x30), as a certificate
/// does (RFC 5280 4.1).
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
    fn certificates_are_accepted_with_text_around_them() {
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
    fn invalid_certificates_are_rejected_with_a_reason() {
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
    fn a_private_key_is_rejected_and_cut_off() {
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
    fn text_without_a_private_key_is_not_cut() {
        assert_eq!(without_private_key(ONE), ONE);
    }
}
