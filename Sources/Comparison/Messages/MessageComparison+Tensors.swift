/// The elements of a tensor, by the name of their type.
///
/// Source: the Open Inference Protocol's `inference_grpc.md`, "Tensor Data Types" and "Raw Tensor Contents": row by row, lowest
/// byte first. BF16 is an addition of Triton's.
enum TensorElement: Equatable {
    case number(ScalarKind, width: Int)
    /// Each with its length before it, in four bytes, lowest first.
    case bytes

    init?(_ datatype: some Collection<UInt8>) {
        switch String(decoding: datatype, as: UTF8.self) {
        case "BOOL": self = .number(.bool, width: 1)
        case "UINT8": self = .number(.uint8, width: 1)
        case "UINT16": self = .number(.uint16, width: 2)
        case "UINT32": self = .number(.uint32, width: 4)
        case "UINT64": self = .number(.uint64, width: 8)
        case "INT8": self = .number(.int8, width: 1)
        case "INT16": self = .number(.int16, width: 2)
        case "INT32": self = .number(.int32, width: 4)
        case "INT64": self = .number(.int64, width: 8)
        case "FP16": self = .number(.half, width: 2)
        case "BF16": self = .number(.bfloat16, width: 2)
        case "FP32": self = .number(.float, width: 4)
        case "FP64": self = .number(.double, width: 8)
        case "BYTES": self = .bytes
        default: return nil
        }
    }
}

/// Raw tensors of the Open Inference Protocol, whose types stand beside them.
extension MessageComparison {
    /// Compares raw tensors, each with the one at the same place.
    ///
    /// - Parameters:
    ///   - leftTypes: the types of the tensors' elements, at the same places; `nil` where it isn't known.
    mutating func compareTensors(
        _ left: Range<Int>, _ leftTypes: [TensorElement?], _ right: Range<Int>, _ rightTypes: [TensorElement?]
    ) throws(Stop) {
        if left.count != right.count { try note(.count(left.count), .count(right.count)) }
        for place in 0..<min(left.count, right.count) {
            let (leftValue, rightValue) = (fields[left.lowerBound + place], fields[right.lowerBound + place])
            if try areSame(leftValue, rightValue) { continue }
            path.append(.place(place))
            let type = leftTypes.at(place)
            if let type, type == rightTypes.at(place) {
                try compareTensor(leftValue, rightValue, type)
            } else {
                try noteBytes(leftValue, rightValue)
            }
            path.removeLast()
        }
    }

    /// The types of the elements that raw tensors have, read from the descriptions beside them.
    ///
    /// - Parameter message: the fields of the message that has both.
    mutating func tensorTypes(
        _ message: Range<Int>, _ tensors: TensorFields, in bytes: BorrowedBytes
    ) throws(Stop) -> [TensorElement?] {
        var types: [TensorElement?] = []
        for output in message where fields[output].number == tensors.outputs && fields[output].hasBytes {
            var reader = WireReader(bytes, fields[output].bytes)
            var datatype: WireField?
            while let field = reader.next() {
                try budget.spend(field)
                if field.number == TensorFields.datatype, field.type == .delimited { datatype = field }
            }
            types.append(datatype.flatMap { TensorElement(bytes.array($0.bytes.prefix(TensorFields.longestDatatype))) })
        }
        return types
    }

    private mutating func compareTensor(
        _ left: WireField, _ right: WireField, _ type: TensorElement
    ) throws(Stop) {
        switch type {
        case .number(let kind, let width)
        where left.bytes.count.isMultiple(of: width) && right.bytes.count.isMultiple(of: width):
            try compareNumbers(
                kind, NumberSequence(left, in: active, width: width), NumberSequence(right, in: other, width: width))
        case .number: try noteBytes(left, right)
        case .bytes: try compareElements(left, right)
        }
    }

    /// Compares elements that are bytes with lengths before them.
    private mutating func compareElements(_ left: WireField, _ right: WireField) throws(Stop) {
        var (leftRest, rightRest) = (left.bytes, right.bytes)
        var counts = (0, 0)
        var (values, first) = (0, nil as (place: Int, left: Value, right: Value)?)
        while !leftRest.isEmpty || !rightRest.isEmpty {
            try budget.spend(2 * WorkBudget.element)
            let leftElement = leftRest.isEmpty ? nil : active.takeElement(&leftRest)
            let rightElement = rightRest.isEmpty ? nil : other.takeElement(&rightRest)
            if leftElement != nil { counts.0 += 1 } else if !leftRest.isEmpty { return try noteBytes(left, right) }
            if rightElement != nil { counts.1 += 1 } else if !rightRest.isEmpty { return try noteBytes(left, right) }
            guard let leftElement, let rightElement else { continue }
            try budget.spend(min(leftElement.count, rightElement.count))
            guard !active.isSame(leftElement, as: other, rightElement), !differences.ignores(path, index: counts.0 - 1)
            else { continue }
            values += 1
            if first == nil {
                first = (
                    counts.0 - 1, Value(bytes: leftElement, in: active, reveal: settings.reveal),
                    Value(bytes: rightElement, in: other, reveal: settings.reveal)
                )
            }
        }
        if counts.0 != counts.1 { try note(.count(counts.0), .count(counts.1)) }
        guard let first else { return }
        path.append(.index(first.place))
        try note(first.left, first.right, values: values)
        path.removeLast()
    }

    private mutating func noteBytes(_ left: WireField, _ right: WireField) throws(Stop) {
        try note(
            Value(bytes: left.bytes, in: active, reveal: settings.reveal),
            Value(bytes: right.bytes, in: other, reveal: settings.reveal))
    }
}

extension BorrowedBytes {
    /// Takes an element with its length off the front of a range; `nil`, and nothing taken, if it is cut off.
    fileprivate func takeElement(_ rest: inout Range<Int>) -> Range<Int>? {
        guard rest.count >= 4 else { return nil }
        let length = Int(number(at: rest.lowerBound, width: 4))
        guard length <= rest.count - 4 else { return nil }
        let start = rest.lowerBound + 4
        rest = start + length..<rest.upperBound
        return start..<start + length
    }
}

extension [TensorElement?] {
    fileprivate func at(_ place: Int) -> TensorElement? {
        place < count ? self[place] : nil
    }
}
