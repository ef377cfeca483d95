//! What tools a server says it has.

use super::McpError;
use crate::{Description, RegistryError, Tool, arguments::Schema, fingerprint};
use rmcp::{Peer, RoleClient, ServiceError, model::PaginatedRequestParams};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use types::{
    toolbox::{Effect, Fingerprint, Origin},
    tools::MAX_NAME_CHARS,
};

/// The most tools of one server, and the most pages that its list may have.
const MAX_TOOLS: usize = 64;
const MAX_PAGES: usize = 16;
const MAX_DESCRIPTION_CHARS: usize = 2000;
const MAX_ORIGINAL_NAME_BYTES: usize = 256;

/// A server's tools.
pub struct Listing {
    /// Ready for a registry.
    pub tools: Vec<Arc<dyn Tool>>,
    /// To be shown to the administrator.
    pub untaken: Vec<Untaken>,
}

/// A tool that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untaken {
    /// Fit to be shown.
    pub name: String,
    pub reason: RegistryError,
}

/// A tool as it was listed.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) original_name: String,
    pub(super) description: Description,
    pub(super) fingerprint: Fingerprint,
}

#[derive(Default)]
pub(super) struct Found {
    pub(super) tools: Vec<Listed>,
    pub(super) untaken: Vec<Untaken>,
}

impl Found {
    pub(super) fn fingerprints(&self) -> BTreeMap<String, Fingerprint> {
        self.tools.iter().map(|it| (it.original_name.clone(), it.fingerprint.clone())).collect()
    }

    fn add(&mut self, tool: rmcp::model::Tool, server: &str) {
        let name = tool.name.to_string();
        match listed(tool, server) {
            Ok(tool) if self.has(&tool) => self.refuse(&name, RegistryError::Twice(tool.description.name)),
            Ok(_) if self.tools.len() == MAX_TOOLS => self.refuse(&name, RegistryError::Full),
            Ok(tool) => self.tools.push(tool),
            Err(reason) => self.refuse(&name, reason),
        }
    }

    fn has(&self, tool: &Listed) -> bool {
        self.tools.iter().any(|it| it.description.name == tool.description.name)
    }

    fn refuse(&mut self, name: &str, reason: RegistryError) {
        if self.untaken.len() < MAX_TOOLS {
            self.untaken.push(Untaken { name: crate::shown::line(name), reason });
        }
    }
}

/// Asks page by page, so that a list without an end ends.
pub(super) async fn list(peer: &Peer<RoleClient>, server: &str) -> Result<Found, McpError> {
    let mut found = Found::default();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let page = cursor.take().map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)));
        let page = peer.list_tools(page).await.map_err(|err| problem(&err))?;
        for tool in page.tools {
            found.add(tool, server);
        }
        cursor = page.next_cursor;
        if cursor.is_none() || found.tools.len() == MAX_TOOLS {
            break;
        }
    }
    Ok(found)
}

fn problem(err: &ServiceError) -> McpError {
    match err {
        ServiceError::McpError(_) | ServiceError::UnexpectedResponse => McpError::Protocol,
        _ => McpError::Gone,
    }
}

fn listed(tool: rmcp::model::Tool, server: &str) -> Result<Listed, RegistryError> {
    let original_name = tool.name.to_string();
    if original_name.is_empty() || original_name.len() > MAX_ORIGINAL_NAME_BYTES {
        return Err(RegistryError::Name(crate::shown::line(&original_name)));
    }
    let parameters = Value::Object(Arc::unwrap_or_clone(tool.input_schema));
    Schema::compile(&parameters)?;
    let text = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or_default();
    let description = Description {
        name: name(server, &original_name),
        // What a model would read and a person would not see is shown to both.
        description: crate::shown::text(text, MAX_DESCRIPTION_CHARS),
        parameters,
        origin: Origin::Mcp(server.to_owned()),
        effect: Effect::Changes,
    };
    let fingerprint = fingerprint::of(&description);
    Ok(Listed { original_name, description, fingerprint })
}

/// With the server's name before it, so that no server can take another's name or a built-in tool's.
fn name(server: &str, original: &str) -> String {
    let plain = original.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' });
    format!("{server}_").chars().chain(plain).take(MAX_NAME_CHARS).collect()
}
