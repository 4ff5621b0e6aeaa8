/// Messages and fields whose type isn't known.
extension MessageComparison {
    /// Compares the fields of two messages, which are in the order of their numbers.
    mutating func compareFields(_ left: Range<Int>, _ right: Range<Int>) throws(Stop) {
        var (leftRest, rightRest) = (left, right)
        while let (number, leftValues, rightValues) = takeField(&leftRest, &rightRest) {
            try compareUnknown(number, leftValues, rightValues)
        }
    }

    /// Compares the values of one field in their order.
    mutating func compareUnknown(_ number: UInt32, _ left: Range<Int>, _ right: Range<Int>) throws(Stop) {
        path.append(.number(number))
        if left.count != right.count {
            let isSingle = left.count + right.count == 1
            try note(
                isSingle ? left.first.map { value(fields[$0], in: active) } ?? .absent : .count(left.count),
                isSingle ? right.first.map { value(fields[$0], in: other) } ?? .absent : .count(right.count))
        }
        let isRepeated = left.count > 1 || right.count > 1
        for place in 0..<min(left.count, right.count) {
            if isRepeated { path.append(.index(place)) }
            try compareUnknown(fields[left.lowerBound + place], fields[right.lowerBound + place])
            if isRepeated { path.removeLast() }
        }
        path.removeLast()
    }

    private mutating func compareUnknown(_ left: WireField, _ right: WireField) throws(Stop) {
        guard left.type == right.type else { return try note(value(left, in: active), value(right, in: other)) }
        switch left.type {
        case .group: try compareMessage(left, right)
        case .delimited:
            if try !areSame(left, right) { try compareDelimited(left, right) }
        case .varint, .fixed64, .fixed32:
            guard left.number64 != right.number64 else { return }
            let kind = DelimitedGuess.kind(of: left, right)
            let (leftNumber, rightNumber) = (kind.number(left.number64), kind.number(right.number64))
            guard !settings.tolerance.allowsGuess(leftNumber, rightNumber) else { return }
            var spread = Spread()
            if let distance = Distance(leftNumber, rightNumber) { spread.add(distance) }
            try note(Value(leftNumber, kind), Value(rightNumber, kind), spread: spread)
        }
    }

    /// Compares delimited values with different bytes as what both of them seem to be.
    private mutating func compareDelimited(_ left: WireField, _ right: WireField) throws(Stop) {
        switch try guess(left, right) {
        case .message: try compareMessage(left, right)
        case .numbers(let kind, let width):
            // The check that all of them are such numbers has been charged for.
            var (leftNumbers, rightNumbers) = (
                NumberSequence(left, in: active, width: width), NumberSequence(right, in: other, width: width)
            )
            var (place, found) = (0, NumberDifferences())
            while let leftBits = leftNumbers.next(), let rightBits = rightNumbers.next() {
                defer { place += 1 }
                let (leftNumber, rightNumber) = (kind.number(leftBits), kind.number(rightBits))
                guard !settings.tolerance.allowsGuess(leftNumber, rightNumber),
                    !differences.ignores(path, index: place)
                else { continue }
                found.add(place, leftBits, rightBits, Distance(leftNumber, rightNumber))
            }
            guard let first = found.first else { return }
            path.append(.index(first.index))
            try note(value(first.left, kind), value(first.right, kind), spread: found.spread, values: found.count)
            path.removeLast()
        case .text, .bytes: try note(value(left, in: active), value(right, in: other))
        }
    }

    /// What both values seem to be.
    private mutating func guess(_ left: WireField, _ right: WireField) throws(Stop) -> DelimitedGuess {
        try budget.spend(left.bytes.count + right.bytes.count)
        if active.isText(left.bytes), other.isText(right.bytes) { return .text }
        if !left.bytes.isEmpty, !right.bytes.isEmpty, try isMessage(left, in: active), try isMessage(right, in: other) {
            return .message
        }
        guard left.bytes.count == right.bytes.count else { return .bytes }
        if areNumbers(left, right, .double, width: 8) { return .numbers(.double, width: 8) }
        if areNumbers(left, right, .float, width: 4) { return .numbers(.float, width: 4) }
        return .bytes
    }

    private func areNumbers(_ left: WireField, _ right: WireField, _ kind: ScalarKind, width: Int) -> Bool {
        DelimitedGuess.areNumbers(active, left.bytes, kind, width)
            && DelimitedGuess.areNumbers(other, right.bytes, kind, width)
    }

    /// What a report shows of a value of no known type.
    private func value(_ field: WireField, in bytes: BorrowedBytes) -> Value {
        switch field.type {
        case .varint, .fixed64, .fixed32:
            let kind = DelimitedGuess.kind(of: field, field)
            return Value(kind.number(field.number64), kind)
        case .group: return .message(length: field.bytes.count)
        case .delimited:
            return bytes.isText(field.bytes)
                ? Value(textOf: field, in: bytes, reveal: settings.reveal)
                : Value(bytes: field.bytes, in: bytes, reveal: settings.reveal)
        }
    }
}

/// What a delimited value of no known type seems to be, as far as comparing it goes.
///
/// In this order: text, if it is UTF-8 without control characters; a message, if its bytes can be read as fields from the first
/// to the last; floating-point numbers of 8 or of 4 bytes each, if all of them are of a size that people work with; bytes. Where
/// it is wrong, values that are equal may be reported as different, under a strange path. Values that differ are not taken for
/// equal, with one exception: what seems to be floating-point numbers is compared with a tolerance, though by share alone. Bytes
/// that mean something else are hardly ever all of a likely size and a millionth apart; but whole numbers in `fixed32` are, from
/// 0.7 to 1.6 billion, if less than about eight lies between them.
enum DelimitedGuess {
    case text
    case message
    case numbers(ScalarKind, width: Int)
    case bytes

    /// What numbers of one wire type seem to be: floating-point if both are of a likely size.
    static func kind(of left: WireField, _ right: WireField) -> ScalarKind {
        switch left.type {
        case .fixed64: isLikely(left.number64, .double) && isLikely(right.number64, .double) ? .double : .int64
        case .fixed32: isLikely(left.number64, .float) && isLikely(right.number64, .float) ? .float : .int32
        case .varint, .delimited, .group: .int64
        }
    }

    /// Whether bytes are a row of numbers of a likely size.
    static func areNumbers(_ bytes: BorrowedBytes, _ range: Range<Int>, _ kind: ScalarKind, _ width: Int) -> Bool {
        var reader = WireReader(bytes, range)
        while let bits = reader.nextNumber(width: width) {
            if !isLikely(bits, kind) { return false }
        }
        return !reader.isMalformed
    }

    /// Whether a floating-point number is 0 or between 2^-40 (1e-12) and 2^64 (2e19) in size. Whole numbers and identifiers in
    /// fields of 64 bits look like numbers outside of that.
    private static func isLikely(_ bits: UInt64, _ kind: ScalarKind) -> Bool {
        let size = kind.number(bits).double.magnitude
        return size == 0 || size >= 0x1p-40 && size <= 0x1p64
    }
}

extension Tolerance {
    /// Whether two numbers count as equal that may be something else than numbers: by their share alone, since anything small
    /// is within an absolute distance.
    fileprivate func allowsGuess(_ left: Number, _ right: Number) -> Bool {
        Tolerance(absolute: 0, relative: relative).allows(left, right)
    }
}
