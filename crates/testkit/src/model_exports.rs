//! Exports that are obviously right: plain maps behind one lock, nothing on disk. The reference for [`Exports`], but for
//! erasures, of which it knows nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_kernel::model::export::Export;
use muster_kernel::model::id::{EnvironmentId, ExportNumber};
use muster_kernel::ports::{ExportFile, Exports, StoreError};

#[derive(Default)]
struct Kept {
    exports: BTreeMap<(EnvironmentId, ExportNumber), Export>,
    parts: BTreeMap<(EnvironmentId, ExportNumber, usize), Vec<u8>>,
    last: u32,
}

/// The exports of the environments 1 and 2.
#[derive(Clone, Default)]
pub struct ModelExports(Arc<Mutex<Kept>>);

struct Writing {
    all: ModelExports,
    environment: EnvironmentId,
    export: Export,
    part: usize,
    bytes: Vec<u8>,
}

impl ExportFile for Writing {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn keep(self: Box<Self>) -> Result<(), StoreError> {
        let mut kept = self.all.lock();
        kept.check(self.environment, &self.export)?;
        kept.parts.insert((self.environment, self.export.number, self.part), self.bytes.clone());
        Ok(())
    }
}

impl Kept {
    fn check(&self, environment: EnvironmentId, export: &Export) -> Result<(), StoreError> {
        match self.exports.get(&(environment, export.number)) {
            None => Err(unknown(export.number)),
            Some(known) if known.round != export.round => Err(StoreError::Stopped),
            Some(_) => Ok(()),
        }
    }

    fn drop_parts(&mut self, environment: EnvironmentId, number: ExportNumber) {
        self.parts
            .retain(|(in_environment, export, _), _| (*in_environment, *export) != (environment, number));
    }
}

impl ModelExports {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(number: ExportNumber) -> StoreError {
    StoreError::Failed(format!("there is no export {number}"))
}

fn check(environment: EnvironmentId) -> Result<(), StoreError> {
    if (1..=2).contains(&environment.0) { Ok(()) } else { Err(StoreError::NoEnvironment) }
}

impl Exports for ModelExports {
    fn begin_export(&self, environment: EnvironmentId, export: Export) -> Result<Export, StoreError> {
        check(environment)?;
        let mut kept = self.lock();
        kept.last += 1;
        let export = Export { number: ExportNumber(kept.last), ..export };
        kept.exports.insert((environment, export.number), export.clone());
        Ok(export)
    }

    fn exports(&self, environment: EnvironmentId) -> Result<Vec<Export>, StoreError> {
        check(environment)?;
        let kept = self.lock();
        let own = kept.exports.iter().rev().filter(|((of, _), _)| *of == environment);
        Ok(own.map(|(_, export)| export.clone()).collect())
    }

    fn save_export(&self, environment: EnvironmentId, export: &Export) -> Result<(), StoreError> {
        let mut kept = self.lock();
        kept.check(environment, export)?;
        kept.exports.insert((environment, export.number), export.clone());
        Ok(())
    }

    fn renew_export(&self, environment: EnvironmentId, number: ExportNumber) -> Result<Export, StoreError> {
        let mut kept = self.lock();
        kept.drop_parts(environment, number);
        let export = kept.exports.get_mut(&(environment, number)).ok_or_else(|| unknown(number))?;
        export.round += 1;
        export.parts.clear();
        Ok(export.clone())
    }

    fn begin_part(
        &self,
        environment: EnvironmentId,
        export: &Export,
        part: usize,
    ) -> Result<Box<dyn ExportFile>, StoreError> {
        self.lock().check(environment, export)?;
        let (all, export) = (self.clone(), export.clone());
        Ok(Box::new(Writing { all, environment, export, part, bytes: Vec::new() }))
    }

    fn read_part(
        &self,
        environment: EnvironmentId,
        export: &Export,
        part: usize,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let kept = self.lock();
        kept.check(environment, export)?;
        let bytes = kept.parts.get(&(environment, export.number, part));
        let bytes = bytes.ok_or_else(|| StoreError::Failed("there is no such part".to_owned()))?;
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn remove_export(&self, environment: EnvironmentId, number: ExportNumber) -> Result<(), StoreError> {
        check(environment)?;
        let mut kept = self.lock();
        kept.exports.remove(&(environment, number));
        kept.drop_parts(environment, number);
        Ok(())
    }
}
