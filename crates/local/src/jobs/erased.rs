//! Rejected rows of ended jobs, read and blanked: a row that is about somebody who was erased becomes a line of the same
//! length that says so, so that every place in the file stays what the job's state says.

use std::io;
use std::path::Path;

use muster_kernel::ports::StoreError;

use super::{FRESH, JobFiles, REJECTS};
use crate::disk::DiskFile;

const PIECE_BYTES: usize = 1 << 20;

impl JobFiles {
    /// Shows every rejected row of the ended jobs up to a number.
    ///
    /// # Errors
    /// When reading fails.
    pub fn each_reject(&self, until: u32, see: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        for number in self.ended_until(until) {
            if let Some(file) = self.rejects(number)? {
                lines(file.as_ref(), &mut |_, line| see(line)).map_err(|error| self.0.files.failed(error))?;
            }
        }
        Ok(())
    }

    /// Blanks the rejected rows that `is_about` names, of the ended jobs up to a number; durably.
    ///
    /// # Errors
    /// When reading or writing fails.
    pub fn blank_rejects(&self, until: u32, is_about: &dyn Fn(&str) -> bool) -> Result<(), StoreError> {
        for number in self.ended_until(until) {
            let Some(file) = self.rejects(number)? else { continue };
            let mut blanks = Vec::new();
            let find = &mut |offset: u64, line: &str| {
                if is_about(line) {
                    blanks.push((offset, blank(line)));
                }
            };
            let found = lines(file.as_ref(), find);
            let replaced = found.and_then(|()| match blanks.is_empty() {
                true => Ok(()),
                false => self.replace_rejects(number, file.as_ref(), &blanks),
            });
            replaced.map_err(|error| self.0.files.failed(error))?;
        }
        Ok(())
    }

    /// A copy with the blanks in it takes the place of the file: a stop leaves the one or the other.
    fn replace_rejects(&self, number: u32, file: &dyn DiskFile, blanks: &[(u64, Vec<u8>)]) -> io::Result<()> {
        let shelf = &self.0;
        let path = shelf.path(number, FRESH);
        let fresh = shelf.files.disk.open(&path, true)?;
        fresh.set_length(0)?;
        let (mut piece, mut offset) = (vec![0; PIECE_BYTES], 0);
        loop {
            let filled = file.read_at(&mut piece, offset)?;
            if filled == 0 {
                break;
            }
            fresh.write_at(&piece[..filled], offset)?;
            offset += filled as u64;
        }
        for (offset, line) in blanks {
            fresh.write_at(line, *offset)?;
        }
        fresh.sync()?;
        drop(fresh);
        shelf.files.disk.rename(&path, &shelf.path(number, REJECTS))?;
        shelf.files.disk.sync_directory(&shelf.files.directory)
    }

    fn ended_until(&self, until: u32) -> Vec<u32> {
        let state = self.0.lock();
        let ended = state.jobs.values().filter(|job| job.status.is_ended());
        ended.map(|job| job.number.0).filter(|number| *number <= until).collect()
    }

    fn rejects(&self, number: u32) -> Result<Option<Box<dyn DiskFile>>, StoreError> {
        let path = self.0.path(number, REJECTS);
        match self.0.files.disk.open(Path::new(&path), false) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.0.files.failed(error)),
        }
    }
}

/// A line of the same length that keeps the number of the row.
fn blank(line: &str) -> Vec<u8> {
    let row = serde_json::from_str::<serde_json::Value>(line).ok();
    let number = row.and_then(|row| row.pointer("/_muster/row")?.as_u64()).unwrap_or_default();
    let said =
        format!(r#"{{"_muster":{{"row":{number},"pointer":"","code":"erased","message":"Erased."}}}}"#);
    let mut bytes = if said.len() <= line.len() { said.into_bytes() } else { Vec::new() };
    bytes.resize(line.len(), b' ');
    bytes
}

/// Shows each line with its place, holding one at a time.
fn lines(file: &dyn DiskFile, see: &mut dyn FnMut(u64, &str)) -> io::Result<()> {
    let (mut piece, mut line) = (vec![0; PIECE_BYTES], Vec::new());
    let (mut offset, mut begins) = (0, 0);
    loop {
        let filled = file.read_at(&mut piece, offset)?;
        for part in piece[..filled].split_inclusive(|&byte| byte == b'\n') {
            line.extend_from_slice(part);
            if line.ends_with(b"\n") {
                see(begins, &String::from_utf8_lossy(&line[..line.len() - 1]));
                begins += line.len() as u64;
                line.clear();
            }
        }
        offset += filled as u64;
        if filled == 0 {
            break;
        }
    }
    if !line.is_empty() {
        see(begins, &String::from_utf8_lossy(&line));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_has_the_length_of_the_line_and_the_number_of_the_row() {
        let line = r#"{"user_id":"u-7","_muster":{"row":12,"pointer":"/user_id","code":"id_type","message":"Send a string."}}"#;
        let blank = String::from_utf8(blank(line)).unwrap();
        assert_eq!(blank.len(), line.len());
        let row: serde_json::Value = serde_json::from_str(&blank).unwrap();
        assert_eq!((&row["_muster"]["row"], &row["_muster"]["code"]), (&12.into(), &"erased".into()));
        assert_eq!(super::blank("short"), b"     ");
    }
}
