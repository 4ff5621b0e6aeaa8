/// A share of calls, in parts of 10,000.
package struct Share: Equatable, Comparable, Sendable {
    /// From 0 to `whole`.
    package let parts: UInt16

    /// The parts of everything.
    package static let whole: UInt16 = 10_000
    package static let none = Share(parts: 0)
    package static let all = Share(parts: whole)

    /// - Parameter parts: more than `whole` counts as that.
    package init(parts: UInt16) {
        self.parts = min(parts, Self.whole)
    }

    /// The share as a number from 0 to 1.
    package var fraction: Double { Double(parts) / Double(Self.whole) }

    package static func < (left: Share, right: Share) -> Bool { left.parts < right.parts }

    /// Whether a hash belongs to the share. Hashes that are spread evenly over all numbers meet it, and one that belongs
    /// to a share belongs to every larger one.
    @inline(__always)
    package func contains(_ hash: UInt64) -> Bool {
        hash.multipliedFullWidth(by: UInt64(Self.whole)).high < UInt64(parts)
    }
}

/// The random secret by which a release assigns keys to its share: nobody who doesn't know it can aim for a color, and
/// another release burdens others first.
package struct ShareSecret: Equatable, Sendable {
    package var first: UInt64
    package var second: UInt64

    package init(_ first: UInt64, _ second: UInt64) {
        (self.first, self.second) = (first, second)
    }

    /// Draws a secret.
    package init(using random: inout some RandomNumberGenerator) {
        self.init(random.next(), random.next())
    }

    /// Draws a secret by the system's random numbers, which nobody can foretell. Any thread may call it.
    @Sendable package static func random() -> ShareSecret {
        var random = SystemRandomNumberGenerator()
        return ShareSecret(using: &random)
    }

    /// The hash of a call's key.
    package func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        unsafe SipHash.hash(key, first, second)
    }
}

/// What calls of one kind have in common that a release keeps on one color.
package enum StickyKey: Sendable, Equatable, CustomStringConvertible {
    /// Nothing: each call is drawn by lot.
    case none
    /// The client: its verified certificate's identity, or else its address.
    case client
    /// The value of the metadata of this name. Calls without it are drawn by lot.
    case metadata(String)

    package var description: String {
        switch self {
        case .none: "none"
        case .client: "client"
        case .metadata(let name): "metadata:\(name)"
        }
    }
}
