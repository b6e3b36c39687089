//! Decodes the content codings of a response (RFC 9110 8.4.1) up to a limit: some servers compress
//! unasked. A decompression bomb is cut at the limit.

use std::io::Read;

use ::http::{HeaderMap, header::CONTENT_ENCODING};
use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

const MOST_CODINGS: usize = 3;
/// The size of brotli's input buffer, in octets.
const BUFFER: usize = 4096;

/// A decoded body, as far as it could be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) octets: Vec<u8>,
    pub(crate) end: DecodeEnd,
}

/// How the decoding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecodeEnd {
    /// The body is complete.
    Whole,
    /// The body exceeds the limit and is truncated.
    Cut,
    /// The body is incomplete or invalid, or has an unknown coding.
    Damaged,
}

/// Decodes a body by its `Content-Encoding`, up to `limit` octets.
pub(crate) fn decoded(headers: &HeaderMap, body: Vec<u8>, limit: usize) -> Decoded {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let codings = values.flat_map(|value| value.split(',')).map(str::trim);
    let codings: Vec<_> = codings.filter(|coding| !is_identity(coding)).collect();
    let mut decoded = Decoded { octets: body, end: DecodeEnd::Whole };
    if decoded.octets.is_empty() {
        return decoded;
    }
    if codings.len() > MOST_CODINGS {
        return Decoded { octets: Vec::new(), end: DecodeEnd::Damaged };
    }
    // The codings are listed in the order in which they were applied.
    for coding in codings.into_iter().rev() {
        decoded = decode_one(coding, &decoded.octets, limit);
        if decoded.end != DecodeEnd::Whole {
            break;
        }
    }
    decoded
}

fn is_identity(coding: &str) -> bool {
    coding.is_empty() || coding.eq_ignore_ascii_case("identity")
}

fn decode_one(coding: &str, octets: &[u8], limit: usize) -> Decoded {
    match coding.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => read(MultiGzDecoder::new(octets), limit),
        "deflate" if is_zlib(octets) => read(ZlibDecoder::new(octets), limit),
        // Some servers omit the zlib wrapper of RFC 9110 8.4.1.2.
        "deflate" => read(DeflateDecoder::new(octets), limit),
        "br" if !has_large_window(octets) => read(Decompressor::new(octets, BUFFER), limit),
        _ => Decoded { octets: Vec::new(), end: DecodeEnd::Damaged },
    }
}

/// Whether a brotli stream requests a window larger than RFC 7932 9.1 allows (see
/// draft-vandevenne-shared-brotli-format): up to 1 GiB, which the decoder would allocate at once.
fn has_large_window(octets: &[u8]) -> bool {
    octets.first().is_some_and(|first| first & 0x7F == 0x11)
}

/// Whether octets begin with a zlib header (RFC 1950 2.2).
fn is_zlib(octets: &[u8]) -> bool {
    let [method, flags, ..] = octets else { return false };
    method & 0x0F == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0
}

fn read(decoder: impl Read, limit: usize) -> Decoded {
    let mut octets = Vec::new();
    let outcome = decoder.take(limit as u64 + 1).read_to_end(&mut octets);
    let end = match outcome {
        _ if octets.len() > limit => DecodeEnd::Cut,
        Ok(_) => DecodeEnd::Whole,
        Err(_) => DecodeEnd::Damaged,
    };
    octets.truncate(limit);
    Decoded { octets, end }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use ::http::HeaderValue;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1_000;

    #[test]
    fn a_brotli_stream_with_a_large_window_is_not_decoded() {
        for first in [0x11, 0x91] {
            let found = decode_one("br", &[first, 0x1E, 0x00, 0x00], LIMIT);
            assert!(found.octets.is_empty() && found.end == DecodeEnd::Damaged, "{first:x}");
        }
    }

    fn with(coding: &str, body: Vec<u8>) -> Decoded {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_str(coding).expect("a header"));
        decoded(&headers, body, LIMIT)
    }

    fn gzip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(octets).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zlib(octets: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(octets).expect("memory");
        encoder.finish().expect("memory")
    }

    fn deflate(octets: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(octets).expect("memory");
        encoder.finish().expect("memory")
    }

    /// `words`, compressed by brotli.
    const BROTLI: [u8; 9] = [0x0B, 0x02, 0x80, b'w', b'o', b'r', b'd', b's', 0x03];

    #[test]
    fn each_coding_is_decoded() {
        for (coding, body) in [
            ("gzip", gzip(b"words")),
            ("X-GZIP", gzip(b"words")),
            ("deflate", zlib(b"words")),
            ("deflate", deflate(b"words")),
            ("br", BROTLI.to_vec()),
            ("identity", b"words".to_vec()),
            ("deflate, gzip", gzip(&zlib(b"words"))),
        ] {
            let expected = Decoded { octets: b"words".to_vec(), end: DecodeEnd::Whole };
            assert_eq!(with(coding, body), expected, "{coding}");
        }
    }

    #[test]
    fn a_body_of_exactly_the_limit_is_complete_and_a_longer_one_is_truncated() {
        for (length, end) in
            [(LIMIT, DecodeEnd::Whole), (LIMIT + 1, DecodeEnd::Cut), (9_999_999, DecodeEnd::Cut)]
        {
            let found = with("gzip", gzip(&vec![b'x'; length]));
            assert_eq!((found.end, found.octets.len()), (end, LIMIT), "{length}");
        }
    }

    #[test]
    fn an_invalid_body_is_damaged() {
        let broken = |mut octets: Vec<u8>| {
            octets.truncate(octets.len() - 4);
            octets
        };
        for (coding, body) in [
            ("gzip", b"words".to_vec()),
            ("gzip", broken(gzip(b"words"))),
            ("br", BROTLI[..7].to_vec()),
            ("zstd", b"words".to_vec()),
            ("gzip, gzip, gzip, gzip", gzip(b"words")),
        ] {
            assert_eq!(with(coding, body).end, DecodeEnd::Damaged, "{coding}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_decoded_to_at_most_the_limit(
            coding in "(gzip|deflate|br)(, (gzip|deflate|br)){0,2}",
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert!(with(&coding, body).octets.len() <= LIMIT.max(200));
        }
    }
}
