//! What can be asked of the console: by key, in the palette, or as a line of plain mode.

use crate::screen::Screen;

/// One thing to do. Keys and words lead to the same commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    // Moving about
    /// Another screen.
    Show(Screen),
    /// The pane beside.
    NextPane,
    /// What the cursor is on.
    Open,
    /// Closes what is open, or the screen before.
    Back,
    /// The cursor, by rows.
    Move(i32),
    /// The cursor, by pages.
    Page(i32),
    /// The first row.
    Top,
    /// The last row.
    Bottom,
    /// Starts typing a filter, or sets one.
    Filter(Option<String>),
    /// The order of the rooms.
    Sort(String),
    /// Starts typing a command.
    Palette,
    /// What keys do.
    Help,
    /// Another box.
    Box(String),
    /// Shows the room with this name or sid.
    Room(String),

    // Looking closer
    /// Why the one under the cursor can or cannot connect.
    Why,
    /// Why somebody can or cannot connect.
    WhyOf(String),
    /// The same for the subnet of the one under the cursor.
    WhySubnet,
    /// The display stands still, or goes on.
    Freeze,
    /// An earlier moment.
    ReplayBack,
    /// A later moment, at last the present.
    ReplayForward,
    /// A given moment today, `HH:MM`, or how long ago, `20m`.
    ReplayAt(String),
    /// The present.
    Live,
    /// Names for a minute.
    Unmask,
    /// The row to the clipboard.
    Copy,
    /// The screen to a file.
    Export(Option<String>),
    /// Asks anew.
    Refresh,

    // Acting
    /// Allows actions for ten minutes.
    Arm,
    /// Forbids them again.
    Disarm,
    /// The card that ends what is under the cursor.
    End,
    /// The card that ends the room that is shown.
    EndRoom,
    /// Confirms a card. Nothing else does.
    Confirm,
    /// Somebody knows of the alarm.
    Acknowledge,
    /// The alarm does not blink for two minutes.
    Silence,
    /// The alarm is put away for a while.
    Shelve,
    /// The alarm is back.
    Unshelve,
    /// Lets somebody in.
    Admit,
    /// Mutes the track under the cursor.
    Mute,
    /// Forbids Purge of the room's record.
    Hold,
    /// Takes the Hold back.
    Release,
    /// Erases the room's record.
    Purge,
    /// Ended people stay out.
    Block,
    /// Nobody new is admitted.
    Drain,
    /// Newcomers are admitted again.
    Undrain,

    // The console itself
    /// A line for the handover.
    Note(String),
    /// The shift's summary.
    Handover,
    /// Hides everything personal until somebody is back.
    Lock,
    /// The operator's account.
    Login,
    /// Draws everything anew.
    Redraw,
    /// Leaves.
    Quit,
}
