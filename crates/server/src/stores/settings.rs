//! Where files go outside of the data directory, as settings and commands name it.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// The settings under `[s3]`: the service whose buckets are named elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Settings {
    /// The region of the buckets.
    pub region: String,
    /// Where the service answers, when it is none of Amazon's.
    pub endpoint: Option<String>,
    /// The key to the buckets; from variables only, and never shown.
    #[serde(skip)]
    pub credentials: Option<S3Credentials>,
}

impl Default for S3Settings {
    fn default() -> Self {
        S3Settings { region: "us-east-1".to_owned(), endpoint: None, credentials: None }
    }
}

/// A key to a bucket.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Credentials {
    /// Its id.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The token of a key that ends.
    pub session_token: Option<String>,
}

/// Says nothing of the secret.
impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("S3Credentials(…)")
    }
}

/// A destination as a setting or a command names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A directory on the server's machine.
    Directory(PathBuf),
    /// A bucket and what the keys in it begin with; no slash at its ends.
    Bucket {
        /// The bucket.
        bucket: String,
        /// What keys begin with; may be empty.
        prefix: String,
    },
}

impl Destination {
    /// # Errors
    /// What is wrong, as the rest of a sentence that began with the setting's name, with the remedy.
    pub fn parse(text: &str) -> Result<Destination, String> {
        let wrong = || {
            format!(
                "is `{text}`; give an absolute directory as /srv/muster-sync, or a bucket as s3://BUCKET/PREFIX"
            )
        };
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let prefix = prefix.trim_end_matches('/');
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            let parts_are_plain = prefix.is_empty()
                || prefix.split('/').all(|part| !part.is_empty() && part.bytes().all(plain));
            if (3..=63).contains(&bucket.len()) && bucket.bytes().all(plain) && parts_are_plain {
                return Ok(Destination::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
            }
            return Err(wrong());
        }
        let path = PathBuf::from(text);
        if path.is_absolute() { Ok(Destination::Directory(path)) } else { Err(wrong()) }
    }

    /// A folder in it, as people are told of it.
    pub fn shown(&self, folder: &str) -> String {
        match self {
            Destination::Directory(path) => path.join(folder).display().to_string(),
            Destination::Bucket { bucket, prefix } if prefix.is_empty() => format!("s3://{bucket}/{folder}"),
            Destination::Bucket { bucket, prefix } => format!("s3://{bucket}/{prefix}/{folder}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_absolute_directories_and_buckets() {
        let shown = |text: &str| Destination::parse(text).map(|destination| destination.shown("f"));
        assert_eq!(shown("/srv/sync").as_deref(), Ok("/srv/sync/f"));
        assert_eq!(shown("s3://muster-sync").as_deref(), Ok("s3://muster-sync/f"));
        assert_eq!(shown("s3://muster-sync/a/b-1/").as_deref(), Ok("s3://muster-sync/a/b-1/f"));
        for bad in
            ["sync", "./sync", "s3://", "s3://ab", "s3://bucket//x", "s3://bucket/a b", "gs://bucket", ""]
        {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let credentials = S3Credentials {
            access_key_id: "id".to_owned(),
            secret_access_key: "very secret".to_owned(),
            session_token: None,
        };
        let settings = S3Settings { credentials: Some(credentials), ..S3Settings::default() };
        assert!(!format!("{settings:?}").contains("very secret"));
    }
}
