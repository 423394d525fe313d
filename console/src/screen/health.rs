//! Screen 6: the box itself.

use crate::look::Tone;
use crate::model::Model;
use crate::pen::{Pen, Piece, dim, plain, strong};
use crate::station::Fresh;
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use wire::admin::{BoxView, DiskView};

/// A certificate that ends sooner is shown so that an eye finds it.
const CERTIFICATE_SOON_DAYS: u64 = 30;

const DAY_MS: u64 = 86_400_000;

/// Draws the screen.
pub(super) fn draw(model: &Model, area: Rect, buf: &mut Buffer) {
    let health = &model.picture().health;
    let mut pen = Pen::new(buf, area, model.manners.look, model.fresh());
    let up = text::span(model.since(health.started_at_ms));
    pen.rule(
        &format!(
            "{} v{}",
            text::cut(&health.name, 24),
            text::cut(&health.version, 16)
        ),
        &format!("up {}", pen.figure(up)),
    );
    state(health, &mut pen);
    let rows = [
        ("NET", vec![plain(health.backend.clone())]),
        ("PACKETS", packets(health, &pen)),
        ("CPU", cpu(health, &pen)),
        ("CORES", cores(health, &pen)),
        ("MEMORY", memory(health, &pen)),
        (
            "DISK",
            health
                .disk
                .map_or_else(unknown, |disk| self::disk(disk, &pen)),
        ),
        ("JOURNAL", journal(health, &pen)),
        ("CLOCK", clock(health, &pen)),
        ("BACKUP", backup(model, health, &pen)),
        ("PORTS", vec![plain(listed(&health.ports))]),
        (
            "WEBHOOKS",
            vec![plain(format!(
                "{} waiting",
                pen.figure(health.webhooks_waiting.to_string())
            ))],
        ),
        ("ROOMS", rooms(health, &pen)),
    ];
    for (name, mut pieces) in rows {
        pieces.insert(0, (Tone::Title, text::left(name, 10)));
        pen.row(&pieces);
    }
    certificates(model, health, &mut pen);
    curve(model, health, &mut pen);
    link(model, &mut pen);
}

fn state(health: &BoxView, pen: &mut Pen) {
    let says = match (health.draining, health.ready) {
        (true, _) => strong("DRAINING: nobody new is admitted; it ends when the last call has"),
        (false, true) => plain("ready: newcomers are admitted"),
        (false, false) => (Tone::Medium, "NOT READY: newcomers are refused".to_owned()),
    };
    pen.row(&[(Tone::Title, text::left("STATE", 10)), says]);
    for problem in &health.problems {
        pen.paragraph(Tone::Medium, "          ", problem);
    }
}

fn unknown() -> Vec<Piece> {
    vec![dim("not known")]
}

fn packets(health: &BoxView, pen: &Pen) -> Vec<Piece> {
    vec![
        plain(pen.figure(health.packets_per_second.to_string())),
        dim("/s forwarded  dropped in "),
        plain(pen.figure(health.dropped_in.to_string())),
        dim(" out "),
        plain(pen.figure(health.dropped_out.to_string())),
    ]
}

fn cpu(health: &BoxView, pen: &Pen) -> Vec<Piece> {
    let percent = pen.figure(health.cpu_percent.to_string());
    vec![
        plain(format!("{percent}%")),
        dim(" of one core, whole process"),
    ]
}

fn cores(health: &BoxView, pen: &Pen) -> Vec<Piece> {
    let cores = health.cores.iter().enumerate().map(|(index, core)| {
        format!(
            "{index}: {}% {} rooms {} peers",
            pen.figure(core.busy_percent.to_string()),
            core.rooms,
            core.peers
        )
    });
    let listed = cores.collect::<Vec<_>>().join("   ");
    if listed.is_empty() {
        unknown()
    } else {
        vec![plain(listed)]
    }
}

fn memory(health: &BoxView, pen: &Pen) -> Vec<Piece> {
    vec![
        plain(pen.figure(text::bytes(health.memory_bytes))),
        dim("  descriptors "),
        plain(pen.figure(health.descriptors.to_string())),
        dim(format!(" of {}", health.descriptors_max)),
    ]
}

fn disk(disk: DiskView, pen: &Pen) -> Vec<Piece> {
    let used = disk.used_percent();
    let soon = disk.full_in_days.is_some_and(|days| days < 7) || used >= 95;
    let tone = if soon { Tone::Medium } else { Tone::Plain };
    let full = disk.full_in_days.map_or_else(
        || "not full within a year".to_owned(),
        |days| format!("full in {days} days at this rate"),
    );
    vec![
        (tone, format!("{}%", pen.figure(used.to_string()))),
        dim(format!(
            "  {} free of {}  ",
            text::bytes(disk.free_bytes),
            text::bytes(disk.total_bytes)
        )),
        (tone, full),
    ]
}

fn journal(health: &BoxView, pen: &Pen) -> Vec<Piece> {
    let fsync = health
        .fsync_p99_ms
        .map_or_else(|| "not known".to_owned(), |ms| format!("{ms:.1} ms"));
    vec![
        plain(format!("{} events", pen.figure(health.events.to_string()))),
        dim("  fsync p99 "),
        plain(pen.figure(fsync)),
    ]
}

fn clock(health: &BoxView, pen: &Pen) -> Vec<Piece> {
    match health.clock_offset_ms {
        Some(offset) => vec![
            plain(format!("{} ms", pen.figure(format!("{offset:+.1}")))),
            dim(" against its time server"),
        ],
        None => vec![dim("no time service says how right it is")],
    }
}

fn backup(model: &Model, health: &BoxView, pen: &Pen) -> Vec<Piece> {
    match health.backup_at_ms {
        Some(at) => vec![plain(pen.figure(text::span(model.since(at)))), dim(" ago")],
        None => vec![dim("none known")],
    }
}

fn rooms(health: &BoxView, pen: &Pen) -> Vec<Piece> {
    let [udp, tcp, tls] = health.paths;
    vec![
        plain(format!(
            "{} with {} people",
            pen.figure(health.rooms.to_string()),
            pen.figure(health.participants.to_string())
        )),
        dim("  by udp "),
        plain(pen.figure(udp.to_string())),
        dim(" tcp "),
        plain(pen.figure(tcp.to_string())),
        dim(" turn-tls "),
        plain(pen.figure(tls.to_string())),
    ]
}

fn listed(words: &[String]) -> String {
    if words.is_empty() {
        "not known".to_owned()
    } else {
        words.join("  ")
    }
}

fn certificates(model: &Model, health: &BoxView, pen: &mut Pen) {
    for (index, certificate) in health.certificates.iter().enumerate() {
        let left = certificate
            .expires_at_ms
            .saturating_sub(model.shown_at_ms())
            / DAY_MS;
        let tone = if left < CERTIFICATE_SOON_DAYS {
            Tone::Medium
        } else {
            Tone::Plain
        };
        let name = if index == 0 { "CERTS" } else { "" };
        pen.row(&[
            (Tone::Title, text::left(name, 10)),
            plain(text::left(&certificate.role, 6)),
            (tone, format!("{left} days  ")),
            dim(certificate.subject.clone()),
        ]);
    }
}

fn curve(model: &Model, health: &BoxView, pen: &mut Pen) {
    let most = health.hour.iter().copied().max().unwrap_or(0);
    let bars: String = health
        .hour
        .iter()
        .map(|people| model.manners.look.bar((*people).into(), most.into()))
        .collect();
    pen.row(&[
        (Tone::Title, text::left("HOUR", 10)),
        plain(bars),
        dim(format!(" peak {}", pen.figure(most.to_string()))),
    ]);
}

/// How this console reaches the box.
fn link(model: &Model, pen: &mut Pen) {
    let station = model.station();
    let heard = station.heard_ms.map_or_else(
        || "nothing heard yet".to_owned(),
        |at| {
            format!(
                "heard {} ago",
                text::span(model.clock.now_ms.saturating_sub(at))
            )
        },
    );
    let fresh = if station.fresh(model.clock.now_ms) == Fresh::Live {
        Tone::Plain
    } else {
        Tone::Medium
    };
    let replay = station.history.oldest().map_or_else(
        || "nothing to replay yet".to_owned(),
        |at| format!("replay from {}", model.time(at)),
    );
    pen.row(&[
        (Tone::Title, text::left("LINK", 10)),
        plain(station.place.clone()),
        (fresh, format!("  {heard}")),
    ]);
    let role = format!("{:?}", station.role()).to_lowercase();
    pen.row(&[
        (Tone::Title, text::left("YOU", 10)),
        plain(format!("{}, {role}", station.operator)),
        dim(format!("  {replay}")),
    ]);
}
