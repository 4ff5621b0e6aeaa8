/// Where a call goes, and why: decided once, as it begins.
package struct Destination: Equatable, Sendable {
    /// Why a call goes to its color.
    package enum Reason: Sendable {
        /// The color is the active one.
        case active
        /// The active color has no healthy endpoint, and this is the other one.
        case failover
        /// The call belongs to the share that a release gives to the color that isn't active.
        case canary
        /// A release is under way, and the call doesn't belong to its share: this is the active color.
        case control
        /// The call belonged to a release's share, but that color couldn't be reached; this is the active one.
        case fallback
        /// The call came by the preview listener: this is the color that wasn't active.
        case preview
        /// The call named the color in its metadata.
        case metadata
    }

    /// The epoch in force as the call began.
    package var epoch: UInt64
    /// The color that the call goes to.
    package var color: Color
    package var reason: Reason

    package init(epoch: UInt64, color: Color, reason: Reason) {
        self.epoch = epoch
        self.color = color
        self.reason = reason
    }

    /// Whether chance has decided between the colors, so that the call's end says something of the one by the other.
    var isDrawn: Bool {
        switch reason {
        case .canary, .control, .fallback: true
        case .active, .failover, .preview, .metadata: false
        }
    }

    /// Whether the call went to the active color because it is the active one.
    var isActive: Bool {
        switch reason {
        case .active, .control: true
        case .failover, .canary, .fallback, .preview, .metadata: false
        }
    }

    /// Whether the color was asked for. Such a call belongs to no change: it never fails over, and nobody waits for its
    /// end who waits for the calls that a change has left behind.
    package var isAskedFor: Bool {
        switch reason {
        case .active, .failover, .canary, .control, .fallback: false
        case .preview, .metadata: true
        }
    }
}

/// The color that a call asks for.
package enum ColorWish: Equatable, Sendable {
    /// None: the route word decides.
    case none
    /// The one that isn't active, since the call came by the preview listener.
    case preview
    /// The one that its metadata names.
    case metadata(ColorName)
}

/// A color as `--route-metadata` names it.
package enum ColorName: Equatable, Sendable {
    case color(Color)
    /// The color that takes new calls.
    case active
    /// The other one.
    case idle

    /// Reads a name.
    ///
    /// - Parameter text: `blue`, `green`, `active` or `idle`; anything else gives `nil`.
    package init?(_ text: some Collection<UInt8>) {
        switch String(decoding: text.prefix(16), as: UTF8.self) {
        case "active": self = .active
        case "idle": self = .idle
        case let name:
            guard let color = Color(name: name) else { return nil }
            self = .color(color)
        }
    }

    /// The color that is meant.
    package func color(active: Color) -> Color {
        switch self {
        case .color(let color): color
        case .active: active
        case .idle: active.other
        }
    }
}
