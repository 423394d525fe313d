//! WHIP and WHEP resources.

use crate::harness::{Answer, Options, TestBox, joins, request};
use axum::http::Method;

/// What `x=` lines a PATCH may hold at least.
const FRAGMENT: &str = "a=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host\r\n";

async fn call(
    a_box: &TestBox,
    method: Method,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    a_box
        .send(request(
            method,
            path,
            token,
            headers,
            body.to_owned().into(),
        ))
        .await
}

const SDP: (&str, &str) = ("content-type", "application/sdp");
const FRAG: (&str, &str) = ("content-type", "application/trickle-ice-sdpfrag");

#[tokio::test]
async fn what_is_no_offer_is_refused() {
    let a_box = TestBox::new();
    let token = joins("ward", "camera");
    let huge = "x".repeat(signal::limits::MAX_SDP_BYTES + 1);
    for (name, headers, body, want) in [
        (
            "the wrong type",
            vec![("content-type", "text/plain")],
            "v=0\r\n",
            415,
        ),
        ("no type", vec![], "v=0\r\n", 415),
        ("not SDP", vec![SDP], "hello", 400),
        ("too large", vec![SDP], huge.as_str(), 413),
    ] {
        let answer = call(
            &a_box,
            Method::POST,
            "/whip/ward",
            Some(&token),
            &headers,
            body,
        )
        .await;
        assert_eq!(answer.status.as_u16(), want, "{name}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_unknown_resource_is_the_same_whoever_asks() {
    let a_box = TestBox::new();
    let path = format!("/whip/ward/{}", "0".repeat(32));
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let headers = [FRAG, ("if-match", "*")];
        let token = joins("ward", "camera");
        let answer = call(
            &a_box,
            method.clone(),
            &path,
            Some(&token),
            &headers,
            FRAGMENT,
        )
        .await;
        assert_eq!(answer.status, 404, "{method}");
    }
}

#[tokio::test]
async fn nobody_to_watch_is_a_conflict_that_says_when_to_come_back() {
    let a_box = TestBox::new();
    let token = joins("ward", "viewer");
    let answer = call(
        &a_box,
        Method::POST,
        "/whep/ward",
        Some(&token),
        &[SDP],
        OFFER_WATCH,
    )
    .await;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test]
async fn an_answered_offer_is_a_resource_of_its_token_alone() {
    let a_box = TestBox::with(Options {
        answer: Some(ANSWER),
        ..Options::default()
    });
    let token = joins("ward", "camera");
    let headers = [SDP];
    let created = call(
        &a_box,
        Method::POST,
        "/whip/ward",
        Some(&token),
        &headers,
        OFFER_PUBLISH,
    )
    .await;
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(created.header("content-type"), "application/sdp");
    assert!(created.text().starts_with("v=0"), "{}", created.text());
    let location = created.header("location").to_owned();
    let id = location.strip_prefix("/whip/ward/").unwrap();
    assert!(
        id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()),
        "{location}"
    );
    let tag = created.header("etag").to_owned();
    assert!(
        tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'),
        "{tag}"
    );

    let foreign = joins("ward", "thief");
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let headers = [FRAG, ("if-match", tag.as_str())];
        let stolen = call(
            &a_box,
            method.clone(),
            &location,
            Some(&foreign),
            &headers,
            FRAGMENT,
        )
        .await;
        assert_eq!(stolen.status, 404, "{method} by another identity");
        let open = call(&a_box, method.clone(), &location, None, &headers, FRAGMENT).await;
        assert_eq!(open.status, 401, "{method} without a token");
    }

    let patch = async |headers: &[(&str, &str)], body: &str| {
        let answer = call(
            &a_box,
            Method::PATCH,
            &location,
            Some(&token),
            headers,
            body,
        )
        .await;
        answer.status.as_u16()
    };
    assert_eq!(patch(&[FRAG, ("if-match", &tag)], FRAGMENT).await, 204);
    assert_eq!(patch(&[FRAG], FRAGMENT).await, 428, "without If-Match");
    assert_eq!(
        patch(&[FRAG, ("if-match", "\"other\"")], FRAGMENT).await,
        412
    );
    assert_eq!(patch(&[SDP, ("if-match", &tag)], FRAGMENT).await, 415);
    assert_eq!(patch(&[FRAG, ("if-match", &tag)], "nonsense").await, 400);
    let restart = "a=ice-ufrag:abcdefgh\r\na=ice-pwd:0123456789012345678901\r\n";
    let restarted = call(
        &a_box,
        Method::PATCH,
        &location,
        Some(&token),
        &[FRAG, ("if-match", "*")],
        restart,
    )
    .await;
    assert_eq!(
        (restarted.status.as_u16(), restarted.header("content-type")),
        (200, FRAG.1)
    );
    assert!(restarted.header("etag").starts_with('"'));
    assert_eq!(restarted.text(), RESTARTED);

    let seen = call(&a_box, Method::GET, &location, Some(&token), &[], "").await;
    assert_eq!(
        (seen.status.as_u16(), seen.header("etag")),
        (204, tag.as_str())
    );
    let ended = call(&a_box, Method::DELETE, &location, Some(&token), &[], "").await;
    assert_eq!(ended.status, 200);
    let again = call(&a_box, Method::DELETE, &location, Some(&token), &[], "").await;
    assert_eq!(again.status, 404);
}

/// An encoder's offer: one Opus section, one VP8 section.
pub(crate) const OFFER_PUBLISH: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
a=group:BUNDLE 0 1\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
a=fingerprint:sha-256 D2:B9:31:8F:DF:24:D8:0E:ED:D2:EF:25:9E:AF:6F:B8:34:AE:53:9C:E6:F3:8F:F2:64:15:FA:E8:7F:53:2D:38\r\n\
a=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\na=msid:s a\r\na=ssrc:1001 cname:c\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\n\
a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
a=fingerprint:sha-256 D2:B9:31:8F:DF:24:D8:0E:ED:D2:EF:25:9E:AF:6F:B8:34:AE:53:9C:E6:F3:8F:F2:64:15:FA:E8:7F:53:2D:38\r\n\
a=setup:actpass\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=msid:s v\r\na=ssrc:1002 cname:c\r\n";

/// A player's offer.
const OFFER_WATCH: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
a=group:BUNDLE 0\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n\
a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
a=fingerprint:sha-256 D2:B9:31:8F:DF:24:D8:0E:ED:D2:EF:25:9E:AF:6F:B8:34:AE:53:9C:E6:F3:8F:F2:64:15:FA:E8:7F:53:2D:38\r\n\
a=setup:actpass\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n";

/// What [`ANSWER`] says of ICE.
const RESTARTED: &str = "a=group:BUNDLE 0 1\r\na=ice-lite\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
a=candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host\r\n\
a=ice-ufrag:srvUfrag\r\na=ice-pwd:srvpwdsrvpwdsrvpwdsrvpwd\r\na=end-of-candidates\r\n";

/// What the media plane would answer to [`OFFER_PUBLISH`].
pub(crate) const ANSWER: &str = "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
a=group:BUNDLE 0 1\r\na=ice-lite\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n\
a=candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host\r\n\
a=ice-ufrag:srvUfrag\r\na=ice-pwd:srvpwdsrvpwdsrvpwdsrvpwd\r\n\
a=fingerprint:sha-256 D2:B9:31:8F:DF:24:D8:0E:ED:D2:EF:25:9E:AF:6F:B8:34:AE:53:9C:E6:F3:8F:F2:64:15:FA:E8:7F:53:2D:38\r\n\
a=setup:passive\r\na=rtpmap:111 opus/48000/2\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\n\
a=ice-ufrag:srvUfrag\r\na=ice-pwd:srvpwdsrvpwdsrvpwdsrvpwd\r\n\
a=fingerprint:sha-256 D2:B9:31:8F:DF:24:D8:0E:ED:D2:EF:25:9E:AF:6F:B8:34:AE:53:9C:E6:F3:8F:F2:64:15:FA:E8:7F:53:2D:38\r\n\
a=setup:passive\r\na=rtpmap:96 VP8/90000\r\n";
