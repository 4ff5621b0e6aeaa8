/// How far apart two numbers may be and still count as equal.
package struct Tolerance: Sendable, Equatable {
    /// The distance that is always allowed, in the numbers' own unit; finite, 0 or more.
    package let absolute: Double
    /// The distance that is allowed as a share of the larger number's size; 0 or more, below 1.
    package let relative: Double

    /// - Precondition: both are in the ranges that the properties name.
    package init(absolute: Double = 1e-6, relative: Double = 1e-6) {
        precondition(absolute >= 0 && absolute.isFinite && (0..<1).contains(relative))
        self.absolute = absolute
        self.relative = relative
    }

    /// Whether two numbers count as equal.
    ///
    /// Floating-point numbers do within either distance; NaN equals NaN, an infinity equals itself, and zeros are equal. Whole
    /// numbers do within the absolute distance alone: a share of them would take two large ids for the same.
    func allows(_ left: Number, _ right: Number) -> Bool {
        switch (left, right) {
        case (.real(let left), .real(let right)):
            if left == right || left.isNaN && right.isNaN { return true }
            guard left.isFinite, right.isFinite else { return false }
            let distance = (left - right).magnitude
            // Two finite numbers may be infinitely far apart; then neither distance allows it.
            return distance <= absolute || distance <= relative * max(left.magnitude, right.magnitude)
        case (.signed(let left), .signed(let right)):
            let distance = left > right ? UInt64(bitPattern: left &- right) : UInt64(bitPattern: right &- left)
            return distance == 0 || Double(distance) <= absolute
        case (.unsigned(let left), .unsigned(let right)):
            let distance = left > right ? left - right : right - left
            return distance == 0 || Double(distance) <= absolute
        default: return false
        }
    }
}

/// How far apart two numbers are.
struct Distance: Equatable {
    /// In the numbers' own unit.
    let absolute: Double
    /// As a share of the larger number's size; at most 2.
    let relative: Double

    /// - Returns: `nil` if one of the numbers, or the distance, is infinite or NaN.
    init?(_ left: Number, _ right: Number) {
        let (left, right) = (left.double, right.double)
        absolute = (left - right).magnitude
        guard absolute.isFinite else { return nil }
        relative = absolute == 0 ? 0 : absolute / max(left.magnitude, right.magnitude)
    }
}
