/// A certificate in force, as `/metrics` reports it.
package struct CertificateStatus: Sendable, Equatable {
    /// The peers that it is shown to.
    package enum Use: String, Sendable, CaseIterable {
        case clients
        case upstreams
        case admin
        /// The receiver of events, whose certificate is checked; and the key that signs them.
        case events
    }

    /// The peers that the certificate is shown to.
    package var use: Use
    /// When the first certificate of its chain expires, in seconds since 1970; `nil` if only authorities are read.
    package var expiry: Int64?
    /// How often its files were read again and put in force.
    package var reloads = 0
    /// How often files that had changed could not be used.
    package var failedReloads = 0

    package init(use: Use, expiry: Int64?) {
        self.use = use
        self.expiry = expiry
    }
}
