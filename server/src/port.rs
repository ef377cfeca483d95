//! The port to listen on, and who has it.

use crate::exit::Exit;
use std::{io, net::SocketAddr};
use tokio::net::TcpListener;

/// How many ports a search tries.
const SEARCHED: u16 = 100;

/// Listens on `address`, or, if asked, on the next free port after it.
pub(crate) async fn listen(address: SocketAddr, search: bool) -> Result<TcpListener, Exit> {
    let tries = if search { SEARCHED } else { 1 };
    for offset in 0..tries {
        let Some(port) = address.port().checked_add(offset) else { break };
        match TcpListener::bind(SocketAddr::new(address.ip(), port)).await {
            Ok(listener) => return Ok(listener),
            Err(err) if err.kind() == io::ErrorKind::AddrInUse => {}
            Err(err) => {
                return Err(Exit::Failed(format!(
                    "it is not possible to listen on {}:{port}: {err}",
                    address.ip()
                )));
            }
        }
    }
    let port = address.port();
    Err(Exit::PortTaken { port, holder: holder::of(port) })
}

#[cfg(target_os = "linux")]
mod holder {
    //! The kernel lists sockets with their inode, and every process its open inodes.

    use std::fs;

    const LISTENING: &str = "0A";

    /// Name and number of the process that listens on `port`, if this account may know.
    pub(super) fn of(port: u16) -> Option<String> {
        let inode =
            ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| listening_inode(table, port))?;
        let socket = format!("socket:[{inode}]");
        let mut processes = fs::read_dir("/proc").ok()?.flatten();
        let holder = processes.find(|process| holds(&process.path(), &socket))?;
        let name = fs::read_to_string(holder.path().join("comm")).ok()?;
        Some(format!("{} (process {})", name.trim(), holder.file_name().to_string_lossy()))
    }

    fn listening_inode(table: &str, port: u16) -> Option<String> {
        let ending = format!(":{port:04X}");
        fs::read_to_string(table).ok()?.lines().skip(1).find_map(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            let matches = columns.get(1)?.ends_with(&ending) && *columns.get(3)? == LISTENING;
            matches.then(|| columns.get(9).map(|inode| (*inode).to_owned()))?
        })
    }

    fn holds(process: &std::path::Path, socket: &str) -> bool {
        let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == socket))
    }
}

#[cfg(not(target_os = "linux"))]
mod holder {
    /// This system does not tell without another program.
    pub(super) fn of(_: u16) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, listen};

    #[tokio::test]
    async fn a_taken_port_is_named_and_only_left_if_asked() {
        let held = listen("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
        let address = held.local_addr().unwrap();
        let err = listen(address, false).await.unwrap_err();
        assert!(matches!(&err, Exit::PortTaken { port, .. } if *port == address.port()), "{err}");
        assert!(err.to_string().contains("--port-search"), "{err}");
        let other = listen(address, true).await.unwrap();
        assert_ne!(other.local_addr().unwrap().port(), address.port());
    }
}
