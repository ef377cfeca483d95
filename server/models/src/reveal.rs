//! Showing a model's files where a person sits at the machine.

use crate::{Models, ModelsError};
use types::ids::ModelId;

impl Models {
    /// Opens the file manager of this machine where the model is.
    pub async fn reveal(&self, id: &ModelId) -> Result<(), ModelsError> {
        let (library, wanted) = (self.library.clone(), id.clone());
        let path = tokio::task::spawn_blocking(move || library.path_of(&wanted)).await.ok().flatten();
        let path = path.ok_or_else(|| ModelsError::NotFound(id.clone()))?;
        let failed = |source| ModelsError::NoFileManager { path: path.clone(), source };
        system::file_manager::reveal(&path).await.map_err(failed)
    }
}
