//! The door of tools.

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::reasons::told;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::toolbox::{ToolAct, ToolReply};

/// Does what a person wants with the tools, and tells how they are then. What holds for everybody is for administrators.
#[server(input = Postcard, output = Postcard)]
pub async fn tools(act: ToolAct) -> Result<ToolReply, AppError> {
    let user = crate::ssr::require_user().await?;
    let toolbox = crate::ssr::state()?.toolbox;
    let administrator = crate::ssr::require_administrator().await;
    match act {
        ToolAct::Look => {}
        ToolAct::Allow { tool, seen, permission } => {
            toolbox.allow(user, &tool, permission, &seen).await?;
        }
        ToolAct::InNewChats { tool, is_on } => toolbox.set_in_new_chats(user, &tool, is_on).await?,
        act => {
            administrator.as_ref().map_err(Clone::clone)?;
            manage(&toolbox, act).await?;
        }
    }
    let managed = match administrator {
        Ok(_) => Some(Managed {
            search: toolbox.search_service().await?,
            images: toolbox.image_service().await?,
            servers: told(toolbox.servers()),
        }),
        Err(_) => None,
    };
    Ok(ToolReply { tools: toolbox.list(user).await?, managed })
}

#[cfg(feature = "ssr")]
use {toolbox::Toolbox, types::toolbox::Managed};

#[cfg(feature = "ssr")]
async fn manage(toolbox: &Toolbox, act: ToolAct) -> Result<(), AppError> {
    match act {
        ToolAct::Search(service) => toolbox.set_search_service(service).await?,
        ToolAct::Images(service) => toolbox.set_image_service(service).await?,
        ToolAct::AddServer(server) => toolbox.add_server(server).await?,
        ToolAct::RemoveServer { name } => toolbox.remove_server(&name).await?,
        ToolAct::EnableServer { name, is_on } => toolbox.set_server_enabled(&name, is_on).await?,
        ToolAct::Reconnect { name } => toolbox.reconnect(&name).await?,
        ToolAct::Look | ToolAct::Allow { .. } | ToolAct::InNewChats { .. } => {}
    }
    Ok(())
}
