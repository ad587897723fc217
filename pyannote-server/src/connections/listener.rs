//! The address on which connections are accepted.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::error::StartError;

/// A socket that listens.
pub(crate) struct Listener {
    pub(super) socket: TcpListener,
    /// The URL for clients on this machine, without a trailing slash.
    pub(crate) url: String,
}

impl Listener {
    /// Listens on an address. Port 0 selects a free port.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, StartError> {
        let listen_error = |source| StartError::Listen { address, source };
        let socket = TcpListener::bind(address).await.map_err(listen_error)?;
        let mut local = socket.local_addr().map_err(listen_error)?;
        if local.ip().is_unspecified() {
            // Not all platforms can connect to an unspecified address such as 0.0.0.0.
            local.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let url = format!("http://{local}");
        Ok(Self { socket, url })
    }
}
