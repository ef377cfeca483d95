//! The port to listen on, and who has it.

use crate::exit::Exit;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};
use tokio::net::TcpListener;

/// How many ports a search tries.
const SEARCHED: u16 = 100;

/// Listens on a port of `host`, or, if asked, on the next free one after it. Whoever sits at this machine reaches it as `localhost`, too: some
/// doors open there only.
pub(crate) async fn listen(host: IpAddr, port: u16, search: bool) -> Result<Vec<TcpListener>, Exit> {
    let tries = if search { SEARCHED } else { 1 };
    for offset in 0..tries {
        let Some(port) = port.checked_add(offset) else { break };
        match listen_at(host, port).await {
            Ok(listeners) => return Ok(listeners),
            Err(err) if err.kind() == io::ErrorKind::AddrInUse => {}
            Err(err) => {
                return Err(Exit::Failed(format!("it is not possible to listen on {host}:{port}: {err}")));
            }
        }
    }
    Err(Exit::PortTaken { port, holder: holder::of(port) })
}

async fn listen_at(host: IpAddr, port: u16) -> io::Result<Vec<TcpListener>> {
    let listener = TcpListener::bind(SocketAddr::new(host, port)).await?;
    let port = listener.local_addr()?.port();
    let mut listeners = vec![listener];
    if let Some(own) = beside(host) {
        listeners.push(TcpListener::bind(SocketAddr::new(own, port)).await?);
    }
    Ok(listeners)
}

/// This machine's own address, where `host` does not contain it.
fn beside(host: IpAddr) -> Option<IpAddr> {
    let contains_own = host.is_unspecified() || host.to_canonical().is_loopback();
    (!contains_own).then_some(Ipv4Addr::LOCALHOST.into())
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
    use super::{Exit, TcpListener, beside, listen};
    use std::net::{IpAddr, Ipv4Addr};

    const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn port_of(listeners: &[TcpListener]) -> u16 {
        listeners[0].local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn a_taken_port_is_named_and_only_left_if_asked() {
        let held = listen(HOST, 0, false).await.unwrap();
        let taken = port_of(&held);
        let err = listen(HOST, taken, false).await.unwrap_err();
        assert!(matches!(&err, Exit::PortTaken { port, .. } if *port == taken), "{err}");
        assert!(err.to_string().contains("--port-search"), "{err}");
        let other = listen(HOST, taken, true).await.unwrap();
        assert_ne!(port_of(&other), taken);
    }

    #[test]
    fn this_machine_is_reached_at_its_own_address_whatever_else_is_listened_on() {
        let check = |host: &str, expected: bool| {
            assert_eq!(beside(host.parse().unwrap()), expected.then_some(HOST), "{host}");
        };
        check("192.168.1.2", true);
        check("fe80::1", true);
        check("127.0.0.1", false);
        check("127.0.0.2", false);
        check("::1", false);
        check("0.0.0.0", false);
        check("::", false);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn both_addresses_have_the_same_port() {
        // Whatever address this machine has beside its own; where it has none there is nothing to see.
        let Ok(probe) = std::net::UdpSocket::bind("0.0.0.0:0") else { return };
        if probe.connect("192.0.2.1:9").is_err() {
            return;
        }
        let host = probe.local_addr().unwrap().ip();
        let listeners = listen(host, 0, false).await.unwrap();
        let ports: Vec<_> = listeners.iter().map(|it| it.local_addr().unwrap().port()).collect();
        assert_eq!(ports, [port_of(&listeners); 2]);
    }
}
