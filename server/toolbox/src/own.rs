//! This product's own tools.

use std::sync::Arc;
use tools::{
    AllowedHosts, Calculator, Clock, Egress, EgressError, FetchPage, GenerateImage, Tool, WebSearch,
};
use types::toolbox::{ImageService, SearchService};

/// Those that are always there.
pub(crate) fn tools() -> Result<Vec<Arc<dyn Tool>>, EgressError> {
    Ok(vec![Calculator::tool(), Clock::tool(), FetchPage::tool(Egress::new(AllowedHosts::default())?)])
}

/// The one that searches the web; none, if what is kept of its service is of no use any more.
pub(crate) fn search(service: &SearchService) -> Option<Arc<dyn Tool>> {
    if matches!(service, SearchService::Brave { key } if key.expose().is_empty()) {
        tracing::warn!("nobody searches the web: the key of the service that was chosen is gone");
        return None;
    }
    match WebSearch::tool(service) {
        Ok(tool) => Some(tool),
        Err(err) => {
            tracing::warn!(error = %err, "nobody searches the web: the service that was chosen cannot be used");
            None
        }
    }
}

/// The one that makes images; none, if what is kept of its service is of no use any more.
pub(crate) fn images(service: &ImageService) -> Option<Arc<dyn Tool>> {
    match GenerateImage::tool(service) {
        Ok(tool) => Some(tool),
        Err(err) => {
            tracing::warn!(error = %err, "nobody makes images: the service that was chosen cannot be used");
            None
        }
    }
}
