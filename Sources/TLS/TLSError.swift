import COpenSSL

/// The reason why TLS can't be set up, or a connection can't go on.
package struct TLSError: Error, Equatable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }

    /// Takes the errors that OpenSSL has queued on this thread, and clears the queue.
    static func fromQueue(_ what: String) -> TLSError {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0, let reason = unsafe ERR_reason_error_string(code) else { return TLSError(what) }
        let text = unsafe String(cString: reason)
        switch text {
        // OpenSSL's words for the first bytes of a peer that doesn't speak TLS.
        case "http request", "wrong version number", "https proxy request", "packet length too long",
            "unknown protocol":
            return TLSError("\(what): the peer does not speak TLS (\(text))")
        default:
            return TLSError("\(what): \(text)")
        }
    }
}
