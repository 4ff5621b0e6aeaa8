/// One of the two sides of a blue-green deployment.
package enum Color: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    case blue = 0
    case green = 1

    /// The side that is not this one.
    package var other: Color { self == .blue ? .green : .blue }

    /// The name used in settings, logs, metrics and the admin API: `blue` or `green`.
    package var name: String { self == .blue ? "blue" : "green" }

    package var description: String { name }

    /// Reads a name as settings and the admin API spell it.
    ///
    /// - Parameter name: `blue` or `green`; anything else gives `nil`.
    package init?(name: some StringProtocol) {
        switch name {
        case "blue": self = .blue
        case "green": self = .green
        default: return nil
        }
    }
}

/// A pair of values, one for each color, neither of which can be missing.
package struct PerColor<Value> {
    /// Indexed by the color's raw value.
    private var values: InlineArray<2, Value>

    package init(blue: Value, green: Value) {
        values = [blue, green]
    }

    /// Blue's value.
    package var blue: Value {
        _read { yield self[.blue] }
        _modify { yield &self[.blue] }
    }

    /// Green's value.
    package var green: Value {
        _read { yield self[.green] }
        _modify { yield &self[.green] }
    }

    /// Makes both values by the same rule.
    package init(_ make: (Color) throws -> Value) rethrows {
        self.init(blue: try make(.blue), green: try make(.green))
    }

    /// The value of a color.
    package subscript(color: Color) -> Value {
        // In place: copying a large value would cost more than what is done with it.
        @inline(__always) _read { yield values[Int(color.rawValue)] }
        @inline(__always) _modify { yield &values[Int(color.rawValue)] }
    }
}

extension PerColor: Sendable where Value: Sendable {}

extension PerColor: Equatable where Value: Equatable {
    package static func == (one: PerColor, other: PerColor) -> Bool {
        one.blue == other.blue && one.green == other.green
    }
}
