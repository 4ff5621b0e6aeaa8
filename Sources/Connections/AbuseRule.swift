/// Why a connection was closed to protect the others. The raw value is its name in logs and metrics.
package enum AbuseRule: String, CaseIterable, Sendable {
    /// Header lists that went too far beyond their limits.
    case headerList = "header_list"
    /// Too many streams that ended uncleanly (Rapid Reset, MadeYouReset).
    case resets
    /// Too many frames that move nothing: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, DATA that is empty or all padding,
    /// HEADERS that lead nowhere, CONTINUATION, unknown types; with TLS, key updates.
    case controlFrames = "control_frames"
    /// Keepalive PINGs more often than allowed (gRFC A8).
    case pings
    /// The TLS handshake failed: plaintext on a TLS port, no agreement on HTTP/2, a certificate that isn't accepted.
    case tlsHandshake = "tls_handshake"
    /// No PROXY header, or one of another kind than agreed on, from an address whose connections must begin with one.
    case proxyProtocol = "proxy_protocol"
    /// No connection preface or SETTINGS in time.
    case preface
    /// A header block that was begun and not finished in time.
    case slowHeaders = "slow_headers"
    /// The peer doesn't read what is sent.
    case writeStall = "write_stall"
    /// Bytes that aren't HTTP/2, or break its rules.
    case protocolError = "protocol_error"
}
