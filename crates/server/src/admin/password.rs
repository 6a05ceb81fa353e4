//! Passwords: which may be chosen, and how they are kept: as argon2id hashes with parameters that OWASP names
//! (19 MiB, two passes, one lane). A hash takes some ten milliseconds, so never make one on a thread that serves others.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use muster_kernel::model::problem::Problem;

use super::{AdminError, Random, invalid};

const CHARS_MIN: usize = 10;
const CHARS_MAX: usize = 256;
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// Whether a password may be chosen. Length is what counts; which characters it has is nobody's business.
pub(super) fn check(password: &str, pointer: &str) -> Result<(), Problem> {
    if (CHARS_MIN..=CHARS_MAX).contains(&password.chars().count()) {
        return Ok(());
    }
    Err(invalid(pointer, format!("Choose a password of {CHARS_MIN} to {CHARS_MAX} characters.")))
}

/// The hash of a password, as a PHC string with a salt of its own.
pub(super) fn hash(password: &str, random: Random<'_>) -> Result<String, AdminError> {
    let mut salt = [0; SALT_BYTES];
    random(&mut salt);
    let hashed = hasher().and_then(|hasher| {
        let hashed: PasswordHash = hasher.hash_password_with_salt(password.as_bytes(), &salt)?;
        Ok(hashed.to_string())
    });
    hashed.map_err(|error| AdminError::failed(format!("The password could not be hashed ({error}).")))
}

/// Whether a password belongs to a hash. Without a hash it takes as long and is never so, so that nobody learns from the
/// time which addresses are known.
pub(super) fn matches(password: &str, kept: Option<&str>) -> bool {
    let Ok(hasher) = hasher() else { return false };
    match kept {
        Some(kept) => hasher.verify_password(password.as_bytes(), kept).is_ok(),
        None => {
            let nobody: Result<PasswordHash, _> =
                hasher.hash_password_with_salt(password.as_bytes(), &[0; SALT_BYTES]);
            drop(std::hint::black_box(nobody));
            false
        }
    }
}

fn hasher() -> argon2::password_hash::Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_says_how_it_was_made_and_opens_for_its_password_only() {
        let hashed = hash("correct horse battery", &|bytes| bytes.fill(7)).unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert!(matches("correct horse battery", Some(&hashed)));
        assert!(!matches("correct horse batterx", Some(&hashed)));
        assert!(!matches("correct horse battery", None));
        assert!(!matches("correct horse battery", Some("no hash at all")));
        let other = hash("correct horse battery", &|bytes| bytes.fill(8)).unwrap();
        assert_ne!(hashed, other, "each has a salt of its own");
    }

    #[test]
    fn length_is_all_that_a_password_needs() {
        let takes = |password: &str| check(password, "/password").is_ok();
        assert_eq!([9, 10, 256, 257].map(|chars| takes(&"é".repeat(chars))), [false, true, true, false]);
    }
}
