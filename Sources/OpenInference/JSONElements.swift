import Estimators
import Inference

/// A tensor's elements as JSON gives them, flat or row by row. What they mean depends on the tensor's datatype, which may
/// stand behind them.
struct JSONElements: Sendable {
    /// Numbers and booleans (as 0 and 1); NaN where there is null.
    private var numbers: [Double] = []
    /// Text; nil where there is null. All elements are here or all are in `numbers`.
    private var texts: [String?] = []
    /// The places of the first element of a kind that not every datatype has.
    private var firstNull: Int?
    private var firstBoolean: Int?
    /// How many of the first elements are null.
    private var leadingNulls = 0

    /// The number of elements in each row; nil if there are no rows but a flat list.
    private(set) var rowWidth: Int?

    private var count: Int { texts.isEmpty ? numbers.count : texts.count }

    /// Reads the member `data` of an input.
    ///
    /// - Parameter subject: the input, for messages.
    init(_ scanner: inout JSONScanner, of subject: String) throws(RequestError) {
        guard try scanner.kind() == .array else {
            throw .form(reason: "\(subject): \"data\" is \(try scanner.kind().description), not an array")
        }
        try scanner.enter("[")
        var isFirst = true
        while try scanner.next(before: "]", isFirst: &isFirst) {
            if try scanner.kind() == .array {
                try appendRow(&scanner, of: subject)
            } else if rowWidth == nil {
                try append(&scanner, of: subject)
            } else {
                throw .form(reason: "\(subject): \"data\" has rows and, behind them, elements without a row")
            }
        }
    }

    private mutating func appendRow(_ scanner: inout JSONScanner, of subject: String) throws(RequestError) {
        let start = count
        guard rowWidth != nil || start == 0 else {
            throw .form(reason: "\(subject): \"data\" has elements without a row and, behind them, rows")
        }
        try scanner.enter("[")
        var isFirst = true
        while try scanner.next(before: "]", isFirst: &isFirst) { try append(&scanner, of: subject) }
        let width = count - start
        guard width > 0, rowWidth == nil || rowWidth == width else {
            throw .form(reason: "\(subject): the rows of \"data\" are empty, or of different lengths")
        }
        rowWidth = width
    }

    private mutating func append(_ scanner: inout JSONScanner, of subject: String) throws(RequestError) {
        switch try scanner.kind() {
        case .number:
            let number = try scanner.number()
            guard texts.isEmpty else { throw mixed(subject) }
            numbers.append(number)
        case .boolean:
            let boolean = try scanner.boolean()
            guard texts.isEmpty else { throw mixed(subject) }
            if firstBoolean == nil { firstBoolean = numbers.count }
            numbers.append(boolean ? 1 : 0)
        case .null:
            try scanner.null()
            if firstNull == nil { firstNull = count }
            if texts.isEmpty {
                if leadingNulls == numbers.count { leadingNulls += 1 }
                numbers.append(.nan)
            } else {
                texts.append(nil)
            }
        case .string:
            let text = try scanner.text()
            if texts.isEmpty {
                guard numbers.count == leadingNulls else { throw mixed(subject) }
                texts = [String?](repeating: nil, count: leadingNulls)
                numbers = []
            }
            texts.append(text)
        case .array, .object:
            throw .form(
                reason: "\(subject): element \(count) of \"data\" is \(try scanner.kind().description), "
                    + "nested deeper than rows and columns")
        }
    }

    private func mixed(_ subject: String) -> RequestError {
        .form(reason: "\(subject): \"data\" has text and, at element \(count), something else, or the other way round")
    }
}

extension JSONElements {
    /// The elements as those of a tensor.
    consuming func values(_ head: TensorHead) throws(InferenceFailure) -> Column.Values {
        try head.checkCount(count)
        if let rowWidth, rowWidth != head.columns {
            throw head.failure("its \"data\" has rows of \(rowWidth), its shape of \(head.columns)")
        }
        if head.datatype == .bytes {
            if texts.isEmpty {
                guard leadingNulls == numbers.count else { throw head.failure(at: leadingNulls, "is not a string") }
                return .texts([String?](repeating: nil, count: numbers.count))
            }
            return .texts(texts)
        }
        if let index = texts.firstIndex(where: { $0 != nil }) {
            throw head.failure(at: index, "is a string, not a number")
        }
        if let firstBoolean, head.datatype != .bool {
            throw head.failure(at: firstBoolean, "is a boolean, not a number")
        }
        switch head.datatype {
        case .fp64: return .numbers(numbers)
        case .fp32:
            for index in numbers.indices { numbers[index] = Double(Float(numbers[index])) }
            return .numbers(numbers)
        case .fp16:
            for index in numbers.indices { numbers[index] = Double(Float16(numbers[index])) }
            return .numbers(numbers)
        case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64:
            let range = head.datatype.integers
            if let firstNull { throw head.failure(at: firstNull, "is null, not \(head.datatype.rawValue)") }
            if let index = numbers.firstIndex(where: { !range.contains($0) || $0 != $0.rounded(.towardZero) }) {
                throw head.failure(at: index, "is \(numbers[index]), not \(head.datatype.rawValue)")
            }
            return .numbers(numbers)
        case .bf16: throw head.failure("BF16 has no form in JSON: give it as binary data")
        case .bytes: preconditionFailure("they are text")
        }
    }
}

extension Datatype {
    /// The least and the largest value of an integer type, as doubles; beyond 2^53 the largest is rounded, and so is what is
    /// compared with it.
    fileprivate var integers: ClosedRange<Double> {
        switch self {
        case .bool: 0...1
        case .int8: -0x1p7...0x1p7 - 1
        case .int16: -0x1p15...0x1p15 - 1
        case .int32: -0x1p31...0x1p31 - 1
        case .int64: -0x1p63...0x1p63
        case .uint8: 0...0x1p8 - 1
        case .uint16: 0...0x1p16 - 1
        case .uint32: 0...0x1p32 - 1
        case .uint64: 0...0x1p64
        case .fp16, .bf16, .fp32, .fp64, .bytes: preconditionFailure("it has no integers")
        }
    }
}
