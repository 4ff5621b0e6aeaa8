/// A call that both colors have answered, apart from the answers themselves.
package struct ComparedCall: Sendable {
    /// The path of the call, `/package.Service/Method`.
    package let method: String
    /// When it was compared, in milliseconds since 1970.
    package let time: Int
    /// How the answers ended.
    package let statuses: StatusPair
    /// How long the active color and the other one took, in nanoseconds.
    package let latencies: (active: Int, other: Int)

    package init(method: String, time: Int, statuses: StatusPair, latencies: (active: Int, other: Int)) {
        self.method = method
        self.time = time
        self.statuses = statuses
        self.latencies = latencies
    }
}

/// The gRPC statuses of two answers to one call.
package struct StatusPair: Hashable, Sendable, Codable {
    package let active: Int
    package let other: Int

    package init(active: Int, other: Int) {
        self.active = active
        self.other = other
    }

    package init(_ active: Answer, _ other: Answer) {
        self.init(active: active.status, other: other.status)
    }
}

/// A path within the responses of a method.
package struct ComparedPath: Hashable, Sendable, Codable, Comparable {
    /// The path of the method's calls.
    package let method: String
    /// The path as in ``Difference/path``.
    package let path: String

    package init(method: String, path: String) {
        self.method = method
        self.path = path
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.method, left.path) < (right.method, right.path)
    }
}

/// One call whose answers differ.
package struct Disagreement: Sendable, Equatable, Codable {
    /// The path of the call.
    package let method: String
    /// When it was compared, in milliseconds since 1970.
    package let time: Int
    /// The first value that differs at each of the paths, up to ``mostExamples``.
    package let examples: [Difference.Example]
    /// How many paths differ.
    package let paths: Int
    /// Whether the fields are known by their types.
    package let isTyped: Bool

    /// The most paths of which a value is kept.
    package static let mostExamples = 8
}

/// What is known of a path that differs.
package struct PathReport: Sendable, Equatable {
    package let path: ComparedPath
    /// Between the colors.
    package let colors: PathTally
    /// The comparisons of the colors for this method.
    package let compared: Int
    /// Between two answers of the active color.
    package let repeats: PathTally
    /// The comparisons of the active color with itself for this method.
    package let repeated: Int
    /// Whether it differs by nature, and isn't counted as a disagreement.
    package let isNoise: Bool
}

/// How many answers agree.
package struct Agreement: Sendable, Equatable {
    /// Calls whose answers were compared to the end, or until they differed.
    package let compared: Int
    /// Those of them whose answers agree, apart from noise.
    package let agreeing: Int
    /// The lower confidence bound of the share, 0 to 1; it holds each time one looks, for a given set of paths that are noise.
    package let lowerBound: Double

    /// The share that agrees; `nil` if nothing was compared.
    package var share: Double? { compared > 0 ? Double(agreeing) / Double(compared) : nil }
}
