/// Which calls are copied to the color that isn't active: what a release's shadow step asks of the workers.
package struct ShadowRule: Sendable, Equatable {
    /// The epoch of the step. Calls that began under another one are not copied, so that with the next change of the route
    /// word the rule is void, whether or not a worker has heard of that.
    package var epoch: UInt64
    /// The share of the calls that is copied; above 0.
    package var share: Share
    /// The share of the copied calls that are also sent to the active color once more, if their methods may be repeated.
    package var noise: Share

    package init(epoch: UInt64, share: Share, noise: Share) {
        self.epoch = epoch
        self.share = share
        self.noise = noise
    }
}

/// What may be copied, and how much of it is kept: the settings that no release changes.
package struct CopySettings: Sendable, Equatable {
    /// Methods that may be copied; none by default, since the copy of a write is a second write.
    package var methods: [MethodPattern] = []
    /// Methods that may be sent to the same color twice.
    package var noiseMethods: [MethodPattern] = []
    /// Bytes kept of a copy: what it hasn't taken of the request, and both answers. Beyond them it is given up.
    package var buffer = 256 << 10

    /// Copies for whose buffers a worker has memory at a time.
    private static let fullCopies = 64

    /// Bytes kept of all copies of a worker.
    var total: Int { buffer * Self.fullCopies }

    package init() {}
}
