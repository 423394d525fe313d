//! The TCP listeners: what the service manager has opened already, or opened here.

use anyhow::Result;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Listeners that the service manager passed on, until somebody wants them.
pub(crate) struct Inherited(Vec<std::net::TcpListener>);

impl Inherited {
    /// Takes over what was passed on. To be called once, first of all.
    pub(crate) fn take() -> Self {
        Self(net::inherited_listeners())
    }

    fn claim(&mut self, address: SocketAddr) -> Option<std::net::TcpListener> {
        let place = self
            .0
            .iter()
            .position(|listener| listener.local_addr().is_ok_and(|own| own == address))?;
        Some(self.0.swap_remove(place))
    }

    /// Closes what no setting names: nobody would answer there.
    pub(crate) fn close_rest(self) {
        for address in self.0.iter().filter_map(|l| l.local_addr().ok()) {
            tracing::warn!(
                %address,
                "the service manager opened this address and the settings do not name it: closed"
            );
        }
    }
}

/// One listener per address; those of the service manager first. `flag` names the setting in
/// messages.
pub(crate) async fn bind(
    addresses: &[SocketAddr],
    inherited: &mut Inherited,
    flag: &'static str,
) -> Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let mut refused = None;
    for address in addresses {
        if let Some(listener) = inherited.claim(*address) {
            listener.set_nonblocking(true)?;
            listeners.push(TcpListener::from_std(listener)?);
            continue;
        }
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            // A kernel without IPv6 still serves development mode on 127.0.0.1.
            Err(error) if address.is_ipv6() && is_missing(&error) => {
                refused = Some((*address, error));
            }
            Err(error) => return Err(explain(*address, error, flag)),
        }
    }
    match (listeners.is_empty(), refused) {
        (true, Some((address, error))) => Err(explain(address, error, flag)),
        _ => Ok(listeners),
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::AddrNotAvailable | std::io::ErrorKind::Unsupported
    )
}

fn explain(address: SocketAddr, error: std::io::Error, flag: &str) -> anyhow::Error {
    let remedy = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program has it; stop that one or choose another with"
        }
        std::io::ErrorKind::PermissionDenied => {
            "ports below 1024 need ringward.socket (`systemctl enable --now ringward.socket`) or a \
             right; or choose a higher one with"
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; choose one of its own with"
        }
        _ => "choose another address with",
    };
    let protocol = flag.trim_start_matches('-').to_uppercase();
    anyhow::anyhow!("{protocol} address {address}: {remedy} {flag} ({error})")
}
