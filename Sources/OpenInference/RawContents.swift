import Estimators

/// A tensor's elements as bytes: little-endian, row by row, without gaps.
enum RawContents {
    /// Reads the elements.
    ///
    /// - Parameter bytes: Those of the tensor alone.
    static func values(_ bytes: RawSpan, _ head: TensorHead) throws(InferenceFailure) -> Column.Values {
        guard let size = head.datatype.size else { return .texts(try texts(bytes, head)) }
        let (expected, overflow) = head.count.multipliedReportingOverflow(by: size)
        guard !overflow, bytes.byteCount == expected else {
            throw head.failure(
                "\(bytes.byteCount) \(bytes.byteCount == 1 ? "byte" : "bytes") where its shape says "
                    + "\(head.count) elements of \(size)")
        }
        switch head.datatype {
        case .fp64: return .numbers(numbers(bytes, UInt64.self) { Double(bitPattern: UInt64(littleEndian: $0)) })
        case .fp32:
            return .numbers(numbers(bytes, UInt32.self) { Double(Float(bitPattern: UInt32(littleEndian: $0))) })
        case .fp16:
            return .numbers(numbers(bytes, UInt16.self) { Double(Float16(bitPattern: UInt16(littleEndian: $0))) })
        case .bf16:
            // The upper half of a float.
            return .numbers(
                numbers(bytes, UInt16.self) { Double(Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16)) })
        case .int64: return .numbers(integers(bytes, Int64.self))
        case .int32: return .numbers(integers(bytes, Int32.self))
        case .int16: return .numbers(integers(bytes, Int16.self))
        case .int8: return .numbers(integers(bytes, Int8.self))
        case .uint64: return .numbers(integers(bytes, UInt64.self))
        case .uint32: return .numbers(integers(bytes, UInt32.self))
        case .uint16: return .numbers(integers(bytes, UInt16.self))
        case .uint8: return .numbers(integers(bytes, UInt8.self))
        case .bool:
            let numbers = integers(bytes, UInt8.self)
            if let index = numbers.firstIndex(where: { $0 > 1 }) {
                throw head.failure(at: index, "is the byte \(Int(numbers[index])), but a BOOL is 0 or 1")
            }
            return .numbers(numbers)
        case .bytes: preconditionFailure("its elements have no size")
        }
    }

    private static func integers<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: RawSpan, _ type: Integer.Type
    ) -> [Double] {
        numbers(bytes, type) { Double(Integer(littleEndian: $0)) }
    }

    /// - Parameter bytes: A whole number of elements.
    private static func numbers<Element: BitwiseCopyable>(
        _ bytes: RawSpan, _ type: Element.Type, _ number: (Element) -> Double
    ) -> [Double] {
        let size = MemoryLayout<Element>.size
        let count = bytes.byteCount / size
        return unsafe [Double](unsafeUninitializedCapacity: count) { numbers, initialized in
            for index in 0..<count {
                // Every offset is that of a whole element, and any bits are a value of an integer.
                let element = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index * size, as: Element.self)
                unsafe numbers.initializeElement(at: index, to: number(element))
            }
            initialized = count
        }
    }

    /// Reads elements that have their length in four bytes before them.
    private static func texts(_ bytes: RawSpan, _ head: TensorHead) throws(InferenceFailure) -> [String?] {
        var texts: [String?] = []
        // As many as there can be; a shape may say anything.
        texts.reserveCapacity(min(head.count, bytes.byteCount / 4))
        var offset = 0
        while offset < bytes.byteCount {
            guard texts.count < head.count else {
                throw head.failure("more than the \(head.count) elements of its shape")
            }
            guard bytes.byteCount - offset >= 4 else {
                throw head.failure(at: texts.count, "ends within the four bytes of its length")
            }
            // There are four bytes, and any bits are an integer.
            let length = Int(
                UInt32(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            offset += 4
            guard bytes.byteCount - offset >= length else {
                throw head.failure(
                    at: texts.count, "has \(length) bytes, of which \(bytes.byteCount - offset) are there")
            }
            guard let text = text(bytes.extracting(offset..<offset + length)) else {
                throw head.failure(at: texts.count, "is not valid UTF-8")
            }
            texts.append(text)
            offset += length
        }
        try head.checkCount(texts.count)
        return texts
    }

    private static func text(_ bytes: RawSpan) -> String? {
        // The bytes live for as long as the span that they are reached through.
        unsafe bytes.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
    }
}
