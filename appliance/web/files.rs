// The meeting page's files, for the crate that serves them:
// `include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/files.rs"));`
// Path under `/`, content type, bytes. One table, so that a new file cannot be forgotten.

/// The meeting page: request path, content type, bytes.
pub(crate) const FILES: &[(&str, &str, &[u8])] = &[
    ("/", HTML, include_bytes!("index.html")),
    ("/style.css", CSS, include_bytes!("style.css")),
    ("/app.js", JS, include_bytes!("app.js")),
    ("/chat.js", JS, include_bytes!("chat.js")),
    ("/controls.js", JS, include_bytes!("controls.js")),
    ("/lobby.js", JS, include_bytes!("lobby.js")),
    ("/report.js", JS, include_bytes!("report.js")),
    ("/tiles.js", JS, include_bytes!("tiles.js")),
    ("/trouble.js", JS, include_bytes!("trouble.js")),
    ("/icon.svg", "image/svg+xml", include_bytes!("icon.svg")),
    (
        "/vendor/livekit-client.esm.mjs",
        JS,
        include_bytes!("vendor/livekit-client.esm.mjs"),
    ),
    (
        "/vendor/LICENSE",
        "text/plain; charset=utf-8",
        include_bytes!("vendor/LICENSE"),
    ),
];

/// What the page may load and talk to; sent as `Content-Security-Policy`.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self'; img-src 'self' data:; media-src 'self' blob:; worker-src 'self'; \
     connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
