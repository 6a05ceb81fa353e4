//! Request bodies in gzip, br, zstd and deflate, never growing beyond a limit that is known before the first byte.

use std::io::Read;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use muster_kernel::model::limits::{BODY_BYTES_MAX, DECOMPRESSION_RATIO_MAX};
use muster_kernel::model::problem::{Problem, ProblemCode};

/// Encodings that one body may be wrapped in.
const ENCODINGS_MAX: usize = 4;
/// Largest zstd window, as RFC 9659 sets it for content encodings.
const ZSTD_WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Frames of one zstd body: each costs more to begin than its few bytes.
const ZSTD_FRAMES_MAX: usize = 64;
/// Buffer of the brotli reader.
const BROTLI_BUFFER_BYTES: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Brotli,
    Zstd,
    Deflate,
}

/// Takes every encoding off, the last one first.
///
/// # Errors
/// When an encoding is not known, the bytes are not in it, or they grow beyond size or ratio.
pub(super) fn decompress(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Problem> {
    let mut bytes = body;
    for encoding in encodings(headers)?.into_iter().rev() {
        bytes = Bytes::from(once(encoding, &bytes)?);
    }
    Ok(bytes)
}

fn encodings(headers: &HeaderMap) -> Result<Vec<Encoding>, Problem> {
    let unsupported = || {
        let message =
            "The `Content-Encoding` is none of gzip, br, zstd, deflate and identity; send one of these.";
        Problem::of_call(ProblemCode::EncodingUnsupported, message)
    };
    let mut found = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.to_str().map_err(|_| unsupported())?.split(',').map(str::trim) {
            let encoding = match name.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Encoding::Gzip,
                "br" => Encoding::Brotli,
                "zstd" => Encoding::Zstd,
                "deflate" => Encoding::Deflate,
                _ => return Err(unsupported()),
            };
            found.push(encoding);
        }
    }
    if found.len() > ENCODINGS_MAX { Err(unsupported()) } else { Ok(found) }
}

fn once(encoding: Encoding, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    match encoding {
        Encoding::Gzip => limited(MultiGzDecoder::new(bytes), bytes.len()),
        Encoding::Brotli => {
            limited(brotli_decompressor::Decompressor::new(bytes, BROTLI_BUFFER_BYTES), bytes.len())
        }
        Encoding::Zstd => zstd(bytes),
        // RFC 9110 means zlib by this name; old clients send the bare stream.
        Encoding::Deflate if is_zlib(bytes) => limited(ZlibDecoder::new(bytes), bytes.len()),
        Encoding::Deflate => limited(DeflateDecoder::new(bytes), bytes.len()),
    }
}

/// Whether bytes begin as RFC 1950 says.
fn is_zlib(bytes: &[u8]) -> bool {
    match bytes {
        [method, flags, ..] => method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0,
        _ => false,
    }
}

/// Reads all of `decoder` as long as it stays inside both limits.
fn limited(decoder: impl Read, compressed: usize) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::new();
    read_limited(decoder, compressed, &mut out)?;
    Ok(out)
}

fn read_limited(decoder: impl Read, compressed: usize, out: &mut Vec<u8>) -> Result<(), Problem> {
    let ratio_max = compressed.saturating_mul(DECOMPRESSION_RATIO_MAX);
    let left = BODY_BYTES_MAX.min(ratio_max).saturating_sub(out.len());
    let read = decoder.take(left as u64 + 1).read_to_end(out).map_err(|_| broken())?;
    if read <= left {
        return Ok(());
    }
    if out.len() > BODY_BYTES_MAX {
        let message =
            format!("The body is larger than {BODY_BYTES_MAX} bytes when decompressed; send less at once.");
        return Err(Problem::of_call(ProblemCode::BodyTooLarge, message));
    }
    let message = format!(
        "The body grows to more than {DECOMPRESSION_RATIO_MAX} times its size when decompressed; send it without \
         compression."
    );
    Err(Problem::of_call(ProblemCode::CompressionRatio, message))
}

fn broken() -> Problem {
    let message =
        "The body cannot be decompressed; check that it is whole and in the `Content-Encoding` it names.";
    Problem::of_call(ProblemCode::BodyNotDecompressed, message)
}

/// Every frame of a zstd body; skippable ones are skipped.
fn zstd(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut frame = FrameDecoder::new();
    frame.set_max_window_size(ZSTD_WINDOW_BYTES_MAX);
    let mut out = Vec::new();
    let mut rest = bytes;
    for _ in 0..ZSTD_FRAMES_MAX {
        match StreamingDecoder::new_with_decoder(&mut rest, &mut frame) {
            Ok(decoder) => read_limited(decoder, bytes.len(), &mut out)?,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                rest = rest.get(length as usize..).ok_or_else(broken)?;
            }
            Err(_) => return Err(broken()),
        }
        let checksum = frame.get_checksum_from_data();
        if checksum.is_some() && checksum != frame.get_calculated_checksum() {
            return Err(broken());
        }
        if rest.is_empty() {
            return Ok(out);
        }
    }
    Err(broken())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::http::HeaderValue;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    const TEXT: &[u8] = br#"{"user_id":"u-1","metadata":{"name":"Ada"}}"#;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstandard(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    /// One uncompressed meta-block (RFC 7932, 9.2), then the empty last one.
    fn brotli(bytes: &[u8]) -> Vec<u8> {
        let head = (bytes.len() - 1) << 4 | 1 << 20;
        [&head.to_le_bytes()[..3], bytes, &[3]].concat()
    }

    fn read(encodings: &[&str], body: &[u8]) -> Result<Vec<u8>, ProblemCode> {
        let mut headers = HeaderMap::new();
        for value in encodings {
            headers.append(CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
        }
        let bytes = decompress(&headers, Bytes::copy_from_slice(body));
        bytes.map(|bytes| bytes.to_vec()).map_err(|problem| problem.code)
    }

    #[test]
    fn every_encoding_reads_back() {
        let wrapped: [(&str, Vec<u8>); 8] = [
            ("identity", TEXT.to_vec()),
            ("gzip", gzip(TEXT)),
            ("X-GZIP", gzip(TEXT)),
            ("deflate", zlib(TEXT)),
            ("deflate", deflate(TEXT)),
            ("zstd", zstandard(TEXT)),
            ("br", brotli(TEXT)),
            ("gzip, br", brotli(&gzip(TEXT))),
        ];
        for (name, body) in wrapped {
            assert_eq!(read(&[name], &body), Ok(TEXT.to_vec()), "{name}");
        }
        assert_eq!(
            read(&["zstd", "deflate, identity"], &zlib(&zstandard(TEXT))),
            Ok(TEXT.to_vec()),
            "two headers"
        );
    }

    #[test]
    fn members_and_frames_are_put_together() {
        let twice = [TEXT, TEXT].concat();
        assert_eq!(read(&["gzip"], &[gzip(TEXT), gzip(TEXT)].concat()), Ok(twice.clone()));
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9][..]].concat();
        let frames = [zstandard(TEXT), skippable, zstandard(TEXT)].concat();
        assert_eq!(read(&["zstd"], &frames), Ok(twice));
    }

    #[test]
    fn bytes_that_grow_too_much_are_refused_while_they_grow() {
        let blank = vec![b' '; 64 * 1024 * 1024];
        assert_eq!(read(&["gzip"], &gzip(&blank)), Err(ProblemCode::BodyTooLarge));
        assert_eq!(read(&["deflate"], &zlib(&blank)), Err(ProblemCode::BodyTooLarge));
        assert_eq!(
            read(&["zstd"], &zstandard(&blank)),
            Err(ProblemCode::CompressionRatio),
            "packed to nearly nothing"
        );
        let small = vec![b' '; 100 * 1024];
        assert_eq!(read(&["gzip"], &gzip(&small)), Err(ProblemCode::CompressionRatio));
    }

    #[test]
    fn what_is_not_whole_or_not_known_is_refused() {
        for (name, body) in
            [("gzip", gzip(TEXT)), ("zstd", zstandard(TEXT)), ("br", brotli(TEXT)), ("deflate", zlib(TEXT))]
        {
            assert_eq!(
                read(&[name], &body[..body.len() - 3]),
                Err(ProblemCode::BodyNotDecompressed),
                "{name} cut"
            );
            assert_eq!(read(&[name], TEXT), Err(ProblemCode::BodyNotDecompressed), "{name} of plain text");
            assert_eq!(read(&[name], b""), Err(ProblemCode::BodyNotDecompressed), "{name} of nothing");
        }
        let mut flipped = gzip(TEXT);
        let middle = flipped.len() - 6;
        flipped[middle] ^= 1;
        assert_eq!(read(&["gzip"], &flipped), Err(ProblemCode::BodyNotDecompressed), "checksum");
        assert_eq!(read(&["compress"], TEXT), Err(ProblemCode::EncodingUnsupported));
        assert_eq!(read(&["gzip,gzip,gzip,gzip,gzip"], TEXT), Err(ProblemCode::EncodingUnsupported));
    }
}
