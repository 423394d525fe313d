//! The command line. The same words serve in the settings file.

mod care;

pub(crate) use care::*;

use crate::grade::EXIT_CODES;
use clap::{Args, Parser, Subcommand, ValueEnum};
use settings::{Backend, Egress, Flags};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use tls::DeviceSerial;
use wire::admin::Role;

/// One box in a hospital's rack where doctors, patients, carers and medical devices meet.
#[derive(Parser)]
#[command(
    name = "ringward",
    version,
    about,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs the box (also what happens without a command)
    Serve(ServeArguments),
    /// Copies the data of a box, which may run, and proves the copy
    Backup(BackupArguments),
    /// Puts a backup back into an empty data folder, proved from the first event to the last
    Restore(RestoreArguments),
    /// Foretells when a box that admits nobody new would be empty
    Forecast(ForecastArguments),
    /// Writes manual pages and shell completions
    #[command(hide = true)]
    Pages(PagesArguments),
    /// Looks whether this machine is one for a box, and tunes it
    ///
    /// Exit code: 0 ready, 1 something to mend, 2 a box would not do here what it promises.
    Check(CheckArguments),
    /// Access tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Lists the rooms that live now
    #[command(after_help = EXIT_CODES)]
    Rooms(RoomsArguments),
    /// Shows one room with everybody in it
    #[command(after_help = EXIT_CODES)]
    Room(RoomArguments),
    /// Lists the technical alarms that are not normal
    #[command(after_help = EXIT_CODES)]
    Alarms(WatchArguments),
    /// Shows how the box is
    #[command(after_help = EXIT_CODES)]
    Health(WatchArguments),
    /// One line for monitoring
    #[command(after_help = EXIT_CODES)]
    Status(WatchArguments),
    /// Shows what happened
    Events(EventsArguments),
    /// Says why somebody cannot connect
    Why(WhyArguments),
    /// Shows who did what, from the audit journal
    ///
    /// Exit code: 0 shown, 1 not, or the journal's chain is not whole.
    Audit(AuditArguments),
    /// Ends a room, a participant or a track by its sid; its record is kept
    ///
    /// What is held takes two people: the first one's End waits five minutes for somebody else's. For
    /// the reason safety it ends at once, and that is an alarm. Exit code: 0 it has ended, 1 it has
    /// not.
    End(EndArguments),
    /// Lets somebody in who waits: joined with a token that allows neither publishing nor watching
    ///
    /// Exit code: 0 it is in, 1 it is not.
    Admit(AdmitArguments),
    /// Admits nobody new; calls go on. Says who is left, and when they should be gone
    ///
    /// Until `ringward undrain`, also after a restart. Exit code: 0 it drains (with --follow: and
    /// nobody is left), 1 it does not.
    Drain(DrainArguments),
    /// Admits newcomers again
    ///
    /// Exit code: 0 it admits, 1 it does not.
    Undrain(UndrainArguments),
    /// Looks after the data folder of a box that does not run
    #[command(subcommand)]
    Store(StoreCommand),
    /// The internal certificate authority: for HTTPS without the hospital's own
    #[command(subcommand)]
    Ca(CaCommand),
    /// Who may operate the box over HTTPS; on the running box, written into its audit journal
    #[command(subcommand)]
    Account(AccountCommand),
}

impl Default for Command {
    fn default() -> Self {
        Self::Serve(ServeArguments::default())
    }
}

#[derive(Args, Default)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help that a terminal shows"
)]
pub(crate) struct ServeArguments {
    /// Settings file; without one the box runs in development mode
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the store [default: ringward-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// HTTP and WebSocket address, repeatable [default: port 7880 of 127.0.0.1 and ::1]
    #[arg(long, value_name = "ADDR:PORT")]
    http: Vec<SocketAddr>,
    /// HTTPS address, repeatable; needs [tls] in the settings file, or development mode
    #[arg(long, value_name = "ADDR:PORT")]
    https: Vec<SocketAddr>,
    /// Address of ICE over TCP beside the HTTPS ones, repeatable (7881 is usual)
    #[arg(long, value_name = "ADDR:PORT")]
    ice_tcp: Vec<SocketAddr>,
    /// First ICE-UDP port, one per worker [default: 7882]
    #[arg(long, value_name = "N")]
    udp_port: Option<u16>,
    /// Media threads [default: one per core, less one]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Network backend: auto, uring or portable [default: auto]
    #[arg(long, value_name = "BACKEND")]
    net: Option<Backend>,
    /// Who writes RTP: own or plain (str0m) [default: own]
    #[arg(long, value_name = "EGRESS")]
    egress: Option<Egress>,
    /// How long SIGTERM waits for calls to end [default: 10, in development 0]
    #[arg(long, value_name = "N")]
    drain_seconds: Option<u16>,
    /// Address told to clients instead of the box's own, repeatable
    #[arg(long, value_name = "IP")]
    announce: Vec<IpAddr>,
}

impl From<ServeArguments> for Flags {
    fn from(arguments: ServeArguments) -> Self {
        Self {
            config: arguments.config,
            data: arguments.data,
            http: arguments.http,
            https: arguments.https,
            ice_tcp: arguments.ice_tcp,
            udp_port: arguments.udp_port,
            workers: arguments.workers,
            net: arguments.net,
            egress: arguments.egress,
            drain_seconds: arguments.drain_seconds,
            announce: arguments.announce,
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Mints a token for one participant of one room
    Create(TokenArguments),
}

#[derive(Args)]
pub(crate) struct TokenArguments {
    /// Room to join
    #[arg(long)]
    pub(crate) room: String,
    /// Who joins; unique within the room
    #[arg(long)]
    pub(crate) identity: String,
    /// Name shown to others
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// May not publish audio or video
    #[arg(long)]
    pub(crate) no_publish: bool,
    /// May not see or hear others
    #[arg(long)]
    pub(crate) no_subscribe: bool,
    /// May not send data
    #[arg(long)]
    pub(crate) no_data: bool,
    /// Not shown to others
    #[arg(long)]
    pub(crate) hidden: bool,
    /// May change its own name and metadata
    #[arg(long)]
    pub(crate) own_metadata: bool,
    /// May use the server API on this room, create and list rooms
    #[arg(long)]
    pub(crate) admin: bool,
    /// Only these sources: camera, microphone, `screen_share`, `screen_share_audio`
    #[arg(long, value_delimiter = ',', value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,
    /// How long the token is valid, in minutes
    #[arg(long, default_value_t = 360, value_parser = clap::value_parser!(u64).range(1..=525_600))]
    pub(crate) minutes: u64,
    /// Settings file that holds the keys [default: /etc/ringward/ringward.toml if there is one, else
    /// the development keys]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Which of the keys signs [default: the first]
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Prints an object instead of the bare token
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the running box is found.
#[derive(Args)]
pub(crate) struct BoxArguments {
    /// Data folder of the running box [default: /var/lib/ringward if there is one, else
    /// ringward-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Its admin socket, when it is not in the data folder
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Prints JSON, one object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct RoomsArguments {
    #[command(flatten)]
    pub(crate) at: BoxArguments,
}

#[derive(Args)]
pub(crate) struct RoomArguments {
    /// Which: a sid (RM_…) or a name
    pub(crate) room: String,
    #[command(flatten)]
    pub(crate) at: BoxArguments,
}

#[derive(Args)]
pub(crate) struct WatchArguments {
    #[command(flatten)]
    pub(crate) at: BoxArguments,
}

#[derive(Args)]
pub(crate) struct EventsArguments {
    #[command(flatten)]
    pub(crate) at: BoxArguments,
    /// Stays and shows what happens from now on
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only of this room (name or sid)
    #[arg(long)]
    pub(crate) room: Option<String>,
    /// Only by this identity
    #[arg(long)]
    pub(crate) actor: Option<String>,
    /// Only of this type, repeatable
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// Only since, in milliseconds since 1970
    #[arg(long, value_name = "MS")]
    pub(crate) from: Option<u64>,
    /// Only until, in milliseconds since 1970
    #[arg(long, value_name = "MS")]
    pub(crate) to: Option<u64>,
    /// At most this many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) limit: u32,
}

#[derive(Args)]
pub(crate) struct WhyArguments {
    #[command(flatten)]
    pub(crate) at: BoxArguments,
    /// Identity, sid (PA_…), session (RM_…), attempt (CA_…), address or subnet (10.30.0.0/24); without it, every
    /// attempt of the last hour that found a cause
    pub(crate) whom: Option<String>,
    /// Only with this cause (UDP-BLOCKED, …)
    #[arg(long)]
    pub(crate) code: Option<String>,
    /// Only since, in milliseconds since 1970
    #[arg(long, value_name = "MS")]
    pub(crate) since: Option<u64>,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AuditArguments {
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
    #[command(flatten)]
    pub(crate) at: BoxArguments,
    /// Only this act: end, mute, hold, drain, …
    #[arg(long)]
    pub(crate) act: Option<String>,
    /// Only by this actor: uid:0, or an account
    #[arg(long)]
    pub(crate) actor: Option<String>,
    /// Only since, in milliseconds since 1970
    #[arg(long, value_name = "MS")]
    pub(crate) since: Option<u64>,
    /// At most this many, the newest
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) limit: u32,
}

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Shows where the journal ended, signed by the box: keep it on another machine
    Heads(HeadsArguments),
    /// Shows the public key that proves signed heads
    Key(WatchArguments),
}

#[derive(Args)]
pub(crate) struct HeadsArguments {
    #[command(flatten)]
    pub(crate) at: BoxArguments,
    /// At most this many, the newest
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) limit: u32,
}

#[derive(Args)]
pub(crate) struct EndArguments {
    #[command(flatten)]
    pub(crate) at: BoxArguments,
    /// `RM_…`, `PA_…` or `TR_…`
    #[arg(value_name = "SID")]
    pub(crate) sid: String,
    /// `stuck_empty`, requested, safety, abuse, maintenance, test, or other with --note
    #[arg(long)]
    pub(crate) reason: String,
    /// A remark for the record, at most 200 characters; no patient's name
    #[arg(long)]
    pub(crate) note: Option<String>,
    /// Means it
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct AdmitArguments {
    #[command(flatten)]
    pub(crate) at: BoxArguments,
    /// `PA_…`: `ringward room` lists who waits
    #[arg(value_name = "SID")]
    pub(crate) sid: String,
    /// `stuck_empty`, requested, safety, abuse, maintenance or test
    #[arg(long, default_value = "requested")]
    pub(crate) reason: String,
}

#[derive(Args)]
pub(crate) struct DrainArguments {
    #[command(flatten)]
    pub(crate) order: UndrainArguments,
    /// Waits until nobody is left and says how it goes: `ringward drain --follow && systemctl stop
    /// ringward`
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Args)]
pub(crate) struct UndrainArguments {
    #[command(flatten)]
    pub(crate) at: BoxArguments,
    /// Why: maintenance, test, …
    #[arg(long, default_value = "maintenance")]
    pub(crate) reason: String,
}

#[derive(Subcommand)]
pub(crate) enum StoreCommand {
    /// Proves both journals from their first record to their last; changes nothing
    Verify(VerifyArguments),
    /// Writes every event to standard output, one JSON object per line
    Export(StoreArguments),
    /// Moves the index aside and builds it again from the journal
    Rebuild(StoreArguments),
}

#[derive(Args)]
pub(crate) struct StoreArguments {
    /// Data folder of the stopped box [default: /var/lib/ringward if there is one, else
    /// ringward-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) at: StoreArguments,
    /// Lines of the box's log, kept on another machine: that the audit journal holds every signed
    /// head in them [default: the box's own file of heads]
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) heads: Option<PathBuf>,
    /// What `ringward audit key` printed: the text, or a file with it [default: the box's own key]
    #[arg(long, value_name = "PUBLIC", allow_hyphen_values = true)]
    pub(crate) key: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum CaCommand {
    /// Makes the CA; a start with `tls.internal-ca = true` does so by itself
    Init(CaArguments),
    /// Makes a client certificate for a device
    Device {
        #[command(flatten)]
        at: CaArguments,
        /// The device's serial number
        serial: DeviceSerial,
        /// Where to, instead of SERIAL.pem
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Shows the CA's certificate, for every machine that shall trust the box; never its key
    Export {
        #[command(flatten)]
        at: CaArguments,
        /// The certificate alone, or Apple's profile around it
        #[arg(long, value_enum, default_value = "pem")]
        format: ExportFormat,
        /// Where to, instead of standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Whose CA it is.
#[derive(Args)]
pub(crate) struct CaArguments {
    /// Settings file of the box [default: /etc/ringward/ringward.toml if there is one, else
    /// development mode]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Data folder of the box, instead of the settings'
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Makes an account; the password is asked for, or read from standard input
    Add {
        #[command(flatten)]
        at: BoxArguments,
        /// Its name
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        role: AccountRole,
    },
    /// Lists the accounts
    List {
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Removes an account and ends its sessions
    Remove {
        #[command(flatten)]
        at: BoxArguments,
        /// Its name
        name: String,
    },
    /// Gives an account another password and ends its sessions
    Password {
        #[command(flatten)]
        at: BoxArguments,
        /// Its name
        name: String,
    },
    /// Forgets an account's failed logins
    Unlock {
        #[command(flatten)]
        at: BoxArguments,
        /// Its name
        name: String,
    },
}

/// What an account may do; each includes the ones before it.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum AccountRole {
    /// Looks
    Viewer,
    /// Ends, admits, mutes, acknowledges
    Operator,
    /// Operator, and what concerns devices
    Biomedical,
    /// Everything: holds, purges, accounts
    Admin,
}

impl AccountRole {
    /// As it is typed.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Biomedical => "biomedical",
            Self::Admin => "admin",
        }
    }
}

impl From<AccountRole> for Role {
    fn from(role: AccountRole) -> Self {
        match role {
            AccountRole::Viewer => Self::Viewer,
            AccountRole::Operator => Self::Operator,
            AccountRole::Biomedical => Self::Biomedical,
            AccountRole::Admin => Self::Admin,
        }
    }
}

impl From<Role> for AccountRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Biomedical => Self::Biomedical,
            Role::Admin => Self::Admin,
        }
    }
}

/// In which form a CA's certificate is shown.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ExportFormat {
    /// For Windows, Android, Linux, Firefox
    Pem,
    /// For iOS and macOS
    Mobileconfig,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_means_serve() {
        let cli = Cli::parse_from(["ringward"]);
        assert!(matches!(cli.command.unwrap_or_default(), Command::Serve(_)));
    }
}
