//! A bucket that speaks S3, through the object_store library.
//!
//! A file goes up in parts of 8 MiB while it is written, and the bucket shows it once all of them are there; a file of one
//! part is put as a whole. Calls are made one after another on the thread that writes.

use std::io::{self, Read, Write};
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload, RetryConfig};
use tokio::runtime::Runtime;

use super::settings::{S3Credentials, S3Settings};
use super::web::Web;
use super::{Store, StoreFile};

/// Bytes of a part, sent or read at a time; a bucket takes 10,000 of them, which is 80 GB.
const PART_BYTES: usize = 8 << 20;
/// How long the library tries a call again before the day fails and waits its turn.
const RETRY_PATIENCE: Duration = Duration::from_secs(20);
const RETRIES_MAX: usize = 3;
/// Of what an error says.
const SAID_CHARS_MAX: usize = 300;

pub(super) struct Bucket {
    store: AmazonS3,
    prefix: String,
    runtime: Runtime,
}

impl Bucket {
    /// # Errors
    /// When the settings make no store. Nothing is asked of the bucket yet.
    pub(super) fn open(bucket: &str, prefix: &str, settings: &S3Settings) -> io::Result<Bucket> {
        let retry =
            RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_PATIENCE, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&settings.region)
            .with_retry(retry)
            // Not every service knows how to remove many at once, and one is removed at a time here.
            .with_disable_bulk_delete(true)
            .with_http_connector(Web::new());
        if let Some(endpoint) = &settings.endpoint {
            // Services other than Amazon's know buckets by their path.
            builder = builder
                .with_endpoint(endpoint.trim_end_matches('/'))
                .with_virtual_hosted_style_request(false)
                .with_allow_http(endpoint.starts_with("http://"));
        }
        if let Some(S3Credentials { access_key_id, secret_access_key, session_token }) = &settings.credentials
        {
            builder = builder.with_access_key_id(access_key_id).with_secret_access_key(secret_access_key);
            if let Some(token) = session_token {
                builder = builder.with_token(token);
            }
        }
        let store = builder.build().map_err(|error| told(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(Bucket { store, prefix: prefix.to_owned(), runtime })
    }

    fn key(&self, path: &str) -> Path {
        if self.prefix.is_empty() { Path::from(path) } else { Path::from(format!("{}/{path}", self.prefix)) }
    }
}

/// What an error of the bucket says, without the body of its answer, which may name the key: that is for nobody who reads a
/// list of runs.
fn told(error: &object_store::Error) -> io::Error {
    let text = error.to_string();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let said: String =
        text.split(['<', '\n']).next().unwrap_or_default().chars().take(SAID_CHARS_MAX).collect();
    let said = said.trim_end_matches([':', ' ']);
    io::Error::other(match code {
        Some((code, _)) => format!("{said} ({code})"),
        None => said.to_owned(),
    })
}

impl Store for Bucket {
    fn begin<'s>(&'s self, path: &str) -> io::Result<Box<dyn StoreFile + 's>> {
        Ok(Box::new(BucketFile { bucket: self, key: self.key(path), part: Vec::new(), upload: None }))
    }

    fn read<'s>(&'s self, path: &str) -> io::Result<Option<Box<dyn Read + 's>>> {
        let key = self.key(path);
        let head = async { self.store.head(&key).await };
        match self.runtime.block_on(head) {
            Ok(found) => {
                let part = io::Cursor::new(Vec::new());
                Ok(Some(Box::new(BucketReader { bucket: self, key, length: found.size, next: 0, part })))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(told(&error)),
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        match self.runtime.block_on(self.store.delete(&self.key(path))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }
}

/// A file of a bucket, read a part at a time.
struct BucketReader<'s> {
    bucket: &'s Bucket,
    key: Path,
    length: u64,
    /// Where the next part begins.
    next: u64,
    part: io::Cursor<Vec<u8>>,
}

impl Read for BucketReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.part.read(buffer)?;
        if count > 0 || buffer.is_empty() || self.next >= self.length {
            return Ok(count);
        }
        let Bucket { store, runtime, .. } = self.bucket;
        let range = self.next..self.length.min(self.next + PART_BYTES as u64);
        let key = &self.key;
        let part = runtime.block_on(async { store.get_range(key, range.clone()).await });
        self.part = io::Cursor::new(part.map_err(|error| told(&error))?.to_vec());
        self.next = range.end;
        self.part.read(buffer)
    }
}

struct BucketFile<'s> {
    bucket: &'s Bucket,
    key: Path,
    part: Vec<u8>,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl BucketFile<'_> {
    /// Sends the part that is full, or the last one.
    fn send(&mut self) -> io::Result<()> {
        let Bucket { store, runtime, .. } = self.bucket;
        if self.upload.is_none() {
            self.upload =
                Some(runtime.block_on(store.put_multipart(&self.key)).map_err(|error| told(&error))?);
        }
        let part = PutPayload::from(std::mem::take(&mut self.part));
        let Some(upload) = &mut self.upload else { return Ok(()) };
        runtime.block_on(upload.put_part(part)).map_err(|error| told(&error))
    }
}

impl Write for BucketFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// Parts have a least size, so nothing is sent before one is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StoreFile for BucketFile<'_> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let Bucket { store, runtime, .. } = self.bucket;
        if self.upload.is_none() {
            let whole = PutPayload::from(std::mem::take(&mut self.part));
            return runtime.block_on(store.put(&self.key, whole)).map(drop).map_err(|error| told(&error));
        }
        if !self.part.is_empty() {
            self.send()?;
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        runtime.block_on(upload.complete()).map_err(|error| told(&error))?;
        self.upload = None;
        Ok(())
    }
}

impl Drop for BucketFile<'_> {
    fn drop(&mut self) {
        if let Some(mut upload) = self.upload.take()
            && let Err(error) = self.bucket.runtime.block_on(upload.abort())
        {
            tracing::warn!(%error, "parts of a file are left in the bucket; a lifecycle rule for incomplete uploads removes them");
        }
    }
}
