//! The console's manual page: its own help, as it stands.

/// A page for `man(1)` around `help`.
pub(super) fn page(help: &str) -> String {
    let text: String = help.lines().map(line).collect();
    format!(
        ".TH RINGWARD-CONSOLE 1\n.SH NAME\nringward-console \\- the operators' console of Ringward \
         boxes\n.SH DESCRIPTION\n.nf\n{text}.fi\n.SH SEE ALSO\n\\fBringward\\fR(1)\n"
    )
}

/// A line of text: a dot or a quote at its beginning would be an order to `roff(7)`.
fn line(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let guard = if text.starts_with(['.', '\'']) {
        "\\&"
    } else {
        ""
    };
    format!("{guard}{text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_text_and_gives_roff_no_orders() {
        let page = page("usage: x --box\n.rm all\n'quoted\n");
        assert!(page.contains("usage: x \\-\\-box\n"), "{page}");
        assert!(page.contains("\n\\&.rm all\n\\&'quoted\n"), "{page}");
    }
}
