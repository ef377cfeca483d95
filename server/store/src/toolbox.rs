//! What people have chosen for tools, who searches the web, and servers of tools. Keys are not kept here: what is read
//! back has empty ones in their places.

mod images;

use crate::{Store, StoreError};
use sqlx::{Sqlite, Transaction};
use types::{
    ids::UserId,
    secret::Secret,
    toolbox::{Fingerprint, McpPlace, McpServer, Permission, SearchService, Standing},
};

/// A server of tools and whether it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRow {
    pub server: McpServer,
    pub is_enabled: bool,
}

impl Store {
    /// What the person has chosen for tools, by their names.
    pub async fn tool_permissions(&self, user: UserId) -> Result<Vec<Standing>, StoreError> {
        let rows = sqlx::query!(
            "select tool, fingerprint, permission from tool_permission where user_id = ? order by tool",
            user.0
        )
        .fetch_all(&self.read)
        .await?;
        let standing = |tool, fingerprint, permission: &str| Standing {
            tool,
            fingerprint: Fingerprint(fingerprint),
            permission: permission_of(permission),
        };
        Ok(rows.into_iter().map(|row| standing(row.tool, row.fingerprint, &row.permission)).collect())
    }

    /// Replaces what the person has chosen for a tool of this server; of none, for one of this product's own. What was
    /// chosen goes with the server.
    pub async fn set_tool_permission(
        &self,
        user: UserId,
        standing: &Standing,
        server: Option<&str>,
    ) -> Result<(), StoreError> {
        let permission = permission_name(standing.permission);
        sqlx::query!(
            "insert or replace into tool_permission (user_id, tool, fingerprint, server, permission)
             values (?, ?, ?, ?, ?)",
            user.0,
            standing.tool,
            standing.fingerprint.0,
            server,
            permission
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// The names of the tools that the person's new chats begin with; some may be gone.
    pub async fn default_tools(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        let names =
            sqlx::query_scalar!("select tool from tool_default where user_id = ? order by tool", user.0)
                .fetch_all(&self.read)
                .await?;
        Ok(names)
    }

    /// Lets the person's new chats begin with a tool of this server; of none, with one of this product's own.
    pub async fn add_default_tool(
        &self,
        user: UserId,
        tool: &str,
        server: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert or replace into tool_default (user_id, tool, server) values (?, ?, ?)",
            user.0,
            tool,
            server
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Undoes [`Store::add_default_tool`].
    pub async fn remove_default_tool(&self, user: UserId, tool: &str) -> Result<(), StoreError> {
        sqlx::query!("delete from tool_default where user_id = ? and tool = ?", user.0, tool)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// Who searches the web, if anybody does.
    pub async fn search_service(&self) -> Result<Option<SearchService>, StoreError> {
        let row = sqlx::query!("select kind, address from search_service").fetch_optional(&self.read).await?;
        Ok(row.map(|row| match (row.address, row.kind.as_str()) {
            (Some(address), _) => SearchService::SearXng { address },
            (None, "brave") => SearchService::Brave { key: Secret::default() },
            (None, _) => SearchService::DuckDuckGo,
        }))
    }

    /// Replaces who searches the web.
    pub async fn set_search_service(&self, service: Option<&SearchService>) -> Result<(), StoreError> {
        let (kind, address) = match service {
            None => {
                sqlx::query!("delete from search_service").execute(&self.write).await?;
                return Ok(());
            }
            Some(SearchService::SearXng { address }) => ("searxng", Some(address.as_str())),
            Some(SearchService::Brave { .. }) => ("brave", None),
            Some(SearchService::DuckDuckGo) => ("duckduckgo", None),
        };
        sqlx::query!(
            "insert or replace into search_service (id, kind, address) values (1, ?, ?)",
            kind,
            address
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// The servers of tools by their names.
    pub async fn list_mcp_servers(&self) -> Result<Vec<ServerRow>, StoreError> {
        let rows = sqlx::query!("select name, enabled, program, url, has_key from mcp_server order by name")
            .fetch_all(&self.read)
            .await?;
        let mut servers = Vec::with_capacity(rows.len());
        for row in rows {
            let place = match (row.program, row.url) {
                (Some(program), _) => self.program(&row.name, program).await?,
                (None, url) => {
                    let key = (row.has_key != 0).then(Secret::default);
                    McpPlace::Address { url: url.unwrap_or_default(), key }
                }
            };
            let server = McpServer { name: row.name, place };
            servers.push(ServerRow { server, is_enabled: row.enabled != 0 });
        }
        Ok(servers)
    }

    async fn program(&self, server: &str, program: String) -> Result<McpPlace, StoreError> {
        let arguments = sqlx::query_scalar!(
            "select argument from mcp_argument where server = ? order by position",
            server
        )
        .fetch_all(&self.read)
        .await?;
        let names = sqlx::query_scalar!(
            "select name from mcp_environment where server = ? order by position",
            server
        )
        .fetch_all(&self.read)
        .await?;
        let environment = names.into_iter().map(|name| (name, Secret::default())).collect();
        Ok(McpPlace::Program { program, arguments, environment })
    }

    /// Adds a server of tools, which is used from now on. `Err(Conflict)` if its name is taken.
    pub async fn add_mcp_server(&self, server: &McpServer) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        let (program, url, has_key) = match &server.place {
            McpPlace::Program { program, .. } => (Some(program), None, false),
            McpPlace::Address { url, key } => (None, Some(url), key.is_some()),
        };
        sqlx::query!(
            "insert into mcp_server (name, enabled, program, url, has_key) values (?, 1, ?, ?, ?)",
            server.name,
            program,
            url,
            has_key
        )
        .execute(&mut *tx)
        .await?;
        if let McpPlace::Program { arguments, environment, .. } = &server.place {
            insert_arguments(&mut tx, &server.name, arguments).await?;
            insert_environment(&mut tx, &server.name, environment).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Sets whether a server is used.
    pub async fn set_mcp_server_enabled(&self, name: &str, is_enabled: bool) -> Result<(), StoreError> {
        let done = sqlx::query!("update mcp_server set enabled = ? where name = ?", is_enabled, name)
            .execute(&self.write)
            .await?;
        crate::sessions::found(done.rows_affected())
    }

    /// Forgets a server and what was chosen for its tools.
    pub async fn remove_mcp_server(&self, name: &str) -> Result<(), StoreError> {
        let done = sqlx::query!("delete from mcp_server where name = ?", name).execute(&self.write).await?;
        crate::sessions::found(done.rows_affected())
    }
}

async fn insert_arguments(
    tx: &mut Transaction<'_, Sqlite>,
    server: &str,
    arguments: &[String],
) -> Result<(), StoreError> {
    for (position, argument) in (0_i64..).zip(arguments) {
        sqlx::query!(
            "insert into mcp_argument (server, position, argument) values (?, ?, ?)",
            server,
            position,
            argument
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

async fn insert_environment(
    tx: &mut Transaction<'_, Sqlite>,
    server: &str,
    environment: &[(String, Secret)],
) -> Result<(), StoreError> {
    for (position, (name, _)) in (0_i64..).zip(environment) {
        sqlx::query!(
            "insert into mcp_environment (server, position, name) values (?, ?, ?)",
            server,
            position,
            name
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

fn permission_name(permission: Permission) -> &'static str {
    match permission {
        Permission::Always => "always",
        Permission::Ask => "ask",
        Permission::Never => "never",
    }
}

/// What cannot be read is asked about.
fn permission_of(text: &str) -> Permission {
    match text {
        "always" => Permission::Always,
        "never" => Permission::Never,
        _ => Permission::Ask,
    }
}

#[cfg(test)]
mod tests;
