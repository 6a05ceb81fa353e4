//! A multipart upload of one file, read while it is sent.

use std::io::{self, Cursor, Read};

/// Characters of a file's name that are sent.
const NAME_CHARS_MAX: usize = 255;

/// A form with one part, named `file`.
pub struct Form<'a> {
    boundary: String,
    head: Cursor<Vec<u8>>,
    file: Box<dyn Read + 'a>,
    tail: Cursor<Vec<u8>>,
    file_bytes: Option<u64>,
    failure: Option<String>,
}

impl<'a> Form<'a> {
    /// A file of `bytes` bytes, where that is known. `unlikely` is a text that no file holds.
    pub fn new(name: &str, file: impl Read + 'a, bytes: Option<u64>, unlikely: &str) -> Self {
        let boundary = format!("muster-{unlikely}");
        // As browsers write it (HTML, "multipart form data").
        let shown = name.chars().filter(|character| !character.is_control()).take(NAME_CHARS_MAX);
        let name = shown.collect::<String>().replace('"', "%22");
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        Form {
            boundary,
            head: Cursor::new(head.into_bytes()),
            file: Box::new(file),
            tail: Cursor::new(tail.into_bytes()),
            file_bytes: bytes,
            failure: None,
        }
    }

    /// What the header of that name says.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// How long the whole form is, where that is known.
    pub fn length(&self) -> Option<u64> {
        let frame = self.head.get_ref().len() + self.tail.get_ref().len();
        self.file_bytes.map(|bytes| bytes + frame as u64)
    }

    /// Why the file could not be read to its end.
    pub fn failure(self) -> Option<String> {
        self.failure
    }
}

impl Read for Form<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let head = self.head.read(buffer)?;
        if head > 0 {
            return Ok(head);
        }
        match self.file.read(buffer) {
            Ok(0) => self.tail.read(buffer),
            Ok(count) => Ok(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.failure = Some(error.to_string());
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_as_long_as_it_says() {
        let mut form = Form::new("a \"b\"\r\n.ndjson", &b"{}\n"[..], Some(3), "x");
        let length = form.length().unwrap();
        let mut text = String::new();
        form.read_to_string(&mut text).unwrap();
        assert_eq!(text.len() as u64, length);
        assert!(text.starts_with("--muster-x\r\n") && text.ends_with("{}\n\r\n--muster-x--\r\n"), "{text}");
        assert!(text.contains("filename=\"a %22b%22.ndjson\""), "{text}");
        assert_eq!(form.failure(), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("it is gone"))
            }
        }
        let mut form = Form::new("a", Broken, None, "x");
        assert_eq!(form.length(), None);
        assert!(form.read_to_end(&mut Vec::new()).is_err());
        assert_eq!(form.failure().as_deref(), Some("it is gone"));
    }
}
