/// The values at one path that differ between two answers to a call.
package struct Difference: Sendable, Equatable {
    /// The path for statistics, with a star for each index and key: `probabilities[*].probability`. Three have no field:
    /// `(status)`, `(messages)`, `(message)`.
    package let path: String
    /// How many values differ there, at least 1.
    package internal(set) var values: Int
    /// How far apart the values are that are numbers and finite.
    package internal(set) var spread: Spread
    /// The first of these values.
    package let first: Example

    /// One value that differs.
    package struct Example: Sendable, Equatable, Codable {
        /// The place of its message in the answer, from 0.
        package let message: Int
        /// The path with its indices and keys: `probabilities[1].probability`.
        package let place: String
        /// In the active color's answer.
        package let active: Value
        /// In the answer that it was compared with.
        package let other: Value

        package init(message: Int, place: String, active: Value, other: Value) {
            self.message = message
            self.place = place
            self.active = active
            self.other = other
        }
    }

    package init(path: String, values: Int, spread: Spread, first: Example) {
        self.path = path
        self.values = values
        self.spread = spread
        self.first = first
    }

    /// Paths of so many bytes are cut off at the next step, as those into a hundred messages are.
    static let longestPath = 200

    /// The paths of what is no field.
    package static let status = "(status)"
    /// The number of messages, and messages that can't be taken apart.
    package static let messages = "(messages)"
    /// A message as a whole.
    package static let message = "(message)"
}

/// How far apart numbers are that differ.
package struct Spread: Sendable, Equatable, Codable {
    /// How many pairs of numbers are in it.
    package private(set) var count = 0
    /// The largest distance, in the numbers' own unit; 0 if there are none. Finite.
    package private(set) var largest = 0.0
    /// The largest distance as a share of the larger number's size, 0 to 2.
    package private(set) var largestShare = 0.0
    private var sum = 0.0

    package init() {}

    /// The mean distance; `nil` if there are none.
    package var mean: Double? { count > 0 ? sum / Double(count) : nil }

    mutating func add(_ distance: Distance) {
        count += 1
        largest = max(largest, distance.absolute)
        largestShare = max(largestShare, distance.relative)
        sum = min(sum + distance.absolute, .greatestFiniteMagnitude)
    }

    mutating func add(_ other: Spread) {
        count += other.count
        largest = max(largest, other.largest)
        largestShare = max(largestShare, other.largestShare)
        sum = min(sum + other.sum, .greatestFiniteMagnitude)
    }
}

/// What differs between two answers to a call.
package struct Differences: Sendable, Equatable {
    /// By path, in the order in which they were found; at least one.
    package internal(set) var list: [Difference]
    /// Whether the fields are known by their types. Otherwise their paths are made of numbers.
    package internal(set) var areTyped: Bool
    /// Whether everything that differs is in the list.
    package internal(set) var areComplete: Bool

    package init(list: [Difference], areTyped: Bool = true, areComplete: Bool = true) {
        self.list = list
        self.areTyped = areTyped
        self.areComplete = areComplete
    }
}

/// What a comparison of two answers comes to.
package enum Outcome: Sendable, Equatable {
    /// Nothing differs but what may.
    case equal
    case different(Differences)
    /// It wasn't finished.
    case givenUp(GivenUp)
}

/// Why a comparison wasn't finished.
package enum GivenUp: String, Sendable, Equatable, Codable {
    /// An answer, or a message once it is decompressed, has more bytes than the limit.
    case tooLarge = "too_large"
    /// It would take more work than the limit.
    case tooComplex = "too_complex"
}
