//! Links to the files of exports: good for whoever has one, until a time, and for one file only.
//!
//! A link carries its end and a signature (HMAC-SHA-256, RFC 2104) over environment, export, file and end. The key is the
//! export's own secret, which is drawn when it begins, stands in its state only, and goes with it: no link outlives its
//! export, and no link can be made from another.

use hmac::{Hmac, KeyInit, Mac};
use muster_kernel::model::export::Export;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::time::{SECOND, Timestamp};
use sha2::Sha256;

/// What a link says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The environment of the export.
    pub environment: EnvironmentId,
    /// The file.
    pub file: &'a str,
    /// Until when it is good, in seconds since 1970.
    pub expires: i64,
}

/// Why a link is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// This server did not sign it.
    Forged,
    /// It was good once.
    Expired,
}

impl<'a> Link<'a> {
    /// A link to a file that is good until a time; less than a second of it is lost.
    pub fn until(environment: EnvironmentId, file: &'a str, until: Timestamp) -> Self {
        Link { environment, file, expires: until.0.div_euclid(SECOND) }
    }

    /// Its path and query below the address of the server.
    pub fn path(&self, export: &Export) -> String {
        let Link { environment, file, expires } = self;
        let signature = hexadecimal(&self.mac(export).finalize().into_bytes());
        format!("/v1/downloads/{environment}/{}/{file}?expires={expires}&signature={signature}", export.id)
    }

    /// Whether the signature that came with it is its own, and it is still good.
    ///
    /// # Errors
    /// When one of the two is not so.
    pub fn check(&self, export: &Export, signature: &str, now: Timestamp) -> Result<(), Bad> {
        let bytes = bytes_of(signature).ok_or(Bad::Forged)?;
        // In constant time.
        self.mac(export).verify_slice(&bytes).map_err(|_| Bad::Forged)?;
        if self.expires > now.0.div_euclid(SECOND) { Ok(()) } else { Err(Bad::Expired) }
    }

    fn mac(&self, export: &Export) -> Hmac<Sha256> {
        let Link { environment, file, expires } = self;
        let mut mac = Hmac::<Sha256>::new_from_slice(export.secret.as_bytes()).unwrap_or_else(|_| {
            // HMAC takes a key of any length.
            unreachable!("HMAC takes every key")
        });
        mac.update(format!("{environment}/{}/{file}/{expires}", export.id).as_bytes());
        mac
    }
}

/// Bytes as hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let is_plain = rest.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if is_plain { pairs.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use muster_testkit::contract::export;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_242_069_123_456);
    const HOUR: i64 = 3_600 * SECOND;

    #[test]
    fn a_link_is_good_for_its_own_file_and_until_its_end() {
        let one = export("0b0e4f8a");
        let until = NOW.plus(HOUR);
        let link = Link::until(EnvironmentId(1), "events-00001.csv.gz", until);
        let path = link.path(&one);
        let (before, signature) = path.split_once("&signature=").unwrap();
        assert_eq!(before, "/v1/downloads/1/0b0e4f8a/events-00001.csv.gz?expires=1795245669");
        assert_eq!(link.check(&one, signature, NOW), Ok(()));
        assert_eq!(link.check(&one, &signature.to_uppercase(), NOW), Ok(()));
        assert_eq!(link.check(&one, signature, until), Err(Bad::Expired));
        let other_file = Link { file: "events-00002.csv.gz", ..link };
        let longer = Link { expires: link.expires + 1, ..link };
        let elsewhere = Link { environment: EnvironmentId(2), ..link };
        for changed in [other_file, longer, elsewhere] {
            assert_eq!(changed.check(&one, signature, NOW), Err(Bad::Forged), "{changed:?}");
        }
        let mut other = export("0b0e4f8a");
        other.secret = "11".repeat(32);
        assert_eq!(link.check(&other, signature, NOW), Err(Bad::Forged), "another secret");
        for bad in ["", "0", "zz", &signature[2..], &format!("{signature}00")] {
            assert_eq!(link.check(&one, bad, NOW), Err(Bad::Forged), "{bad}");
        }
    }
}
