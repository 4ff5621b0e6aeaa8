import DataPlane
import DurationSyntax

extension ReleasePlan {
    /// What a release does for some time: a share of the calls goes to the new color, or is copied to it.
    package struct Step: Sendable, Equatable {
        package enum Kind: Sendable, Equatable {
            /// This share of new calls goes to the new color.
            case canary(Share)
            /// This share of new calls is copied to the new color, and both answers are compared; the client gets the old
            /// color's.
            case shadow(Share)
        }

        /// The kind, with a share above 0.
        package var kind: Kind
        /// How long the step lasts, in milliseconds: 1 or more.
        package var milliseconds: Int64

        package init(_ kind: Kind, time: Duration) {
            self.kind = kind
            milliseconds = time.wholeMilliseconds
        }

        package init(canary: Share, time: Duration) { self.init(.canary(canary), time: time) }

        /// The share of new calls that goes to the new color; none in a shadow step.
        package var share: Share { if case .canary(let share) = kind { share } else { .none } }
        /// The share of new calls that is copied to the new color.
        package var copied: Share { if case .shadow(let share) = kind { share } else { .none } }
        package var isShadow: Bool { if case .shadow = kind { true } else { false } }
        /// How long the step lasts.
        package var time: Duration { .milliseconds(milliseconds) }

        /// The step in words: `canary 5%`.
        package var words: String {
            switch kind {
            case .canary(let share): "canary \(share.percent)"
            case .shadow(let share): "shadow \(share.percent)"
            }
        }

        /// Whether what was read from a file can be.
        var isSound: Bool { max(share, copied) > .none && milliseconds > 0 }
    }
}

extension ReleasePlan.Step: Codable {
    private enum Field: String, CodingKey {
        case canary, shadow, milliseconds
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Field.self)
        milliseconds = try container.decode(Int64.self, forKey: .milliseconds)
        if let parts = try container.decodeIfPresent(UInt16.self, forKey: .shadow) {
            kind = .shadow(Share(parts: parts))
        } else {
            kind = .canary(Share(parts: try container.decode(UInt16.self, forKey: .canary)))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Field.self)
        switch kind {
        case .canary(let share): try container.encode(share.parts, forKey: .canary)
        case .shadow(let share): try container.encode(share.parts, forKey: .shadow)
        }
        try container.encode(milliseconds, forKey: .milliseconds)
    }
}
