//! What the settings of buckets may be, and the key to them; `crate::stores::S3Settings` says what they mean.

use super::rule::Rule;
use super::variables::{self, Variables};
use crate::stores::S3Credentials;

pub(super) const RULES: &[(&str, Rule)] = &[("s3.region", Rule::Word), ("s3.endpoint", Rule::OptionalUrl)];

/// The key to buckets that the variables give, if they give one.
///
/// # Errors
/// When they give half of one, or what is no text.
pub(super) fn credentials(variables: &Variables) -> Result<Option<S3Credentials>, String> {
    let text = |name: &str| match variables.get(name).map(|value| value.to_str()) {
        None => Ok(None),
        Some(Some(text)) => Ok(Some(text.to_owned())),
        Some(None) => Err(format!("{name}: the value is not UTF-8")),
    };
    let (id, secret) = (text(variables::S3_ACCESS_KEY_ID)?, text(variables::S3_SECRET_ACCESS_KEY)?);
    let session_token = text(variables::S3_SESSION_TOKEN)?;
    match (id, secret) {
        (Some(access_key_id), Some(secret_access_key)) => {
            Ok(Some(S3Credentials { access_key_id, secret_access_key, session_token }))
        }
        (None, None) if session_token.is_none() => Ok(None),
        _ => Err(format!(
            "{} and {} belong together; set both or neither",
            variables::S3_ACCESS_KEY_ID,
            variables::S3_SECRET_ACCESS_KEY
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_to_a_bucket_has_both_halves() {
        let of = |pairs: &[(&str, &str)]| credentials(&Variables::of(pairs));
        assert_eq!(of(&[]), Ok(None));
        let (id, secret) = (("MUSTER_S3_ACCESS_KEY_ID", "id"), ("MUSTER_S3_SECRET_ACCESS_KEY", "secret"));
        let expected = S3Credentials {
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
        };
        assert_eq!(of(&[id, secret]), Ok(Some(expected)));
        for half in [id, secret, ("MUSTER_S3_SESSION_TOKEN", "token")] {
            assert!(of(&[half]).is_err(), "{half:?}");
        }
    }
}
