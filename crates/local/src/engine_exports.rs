//! The engine as the kernel's port for exports sees it.

use muster_kernel::model::export::Export;
use muster_kernel::model::id::{EnvironmentId, ExportNumber};
use muster_kernel::ports::{ExportFile, Exports, StoreError};

use crate::engine::Engine;

impl Exports for Engine {
    fn begin_export(&self, environment: EnvironmentId, export: Export) -> Result<Export, StoreError> {
        self.environment(environment)?.exports.begin(export)
    }

    fn exports(&self, environment: EnvironmentId) -> Result<Vec<Export>, StoreError> {
        Ok(self.environment(environment)?.exports.exports())
    }

    fn save_export(&self, environment: EnvironmentId, export: &Export) -> Result<(), StoreError> {
        self.environment(environment)?.exports.save(export)
    }

    fn renew_export(&self, environment: EnvironmentId, number: ExportNumber) -> Result<Export, StoreError> {
        let environment = self.environment(environment)?;
        environment.exports.renew(number, environment.state.visible())
    }

    fn begin_part(
        &self,
        environment: EnvironmentId,
        export: &Export,
        part: usize,
    ) -> Result<Box<dyn ExportFile>, StoreError> {
        self.environment(environment)?.exports.begin_part(export, part)
    }

    fn read_part(
        &self,
        environment: EnvironmentId,
        export: &Export,
        part: usize,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        self.environment(environment)?.exports.read_part(export, part, offset, buffer)
    }

    fn remove_export(&self, environment: EnvironmentId, number: ExportNumber) -> Result<(), StoreError> {
        self.environment(environment)?.exports.remove(number)
    }
}
