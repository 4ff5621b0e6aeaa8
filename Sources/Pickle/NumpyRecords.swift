/// A numpy array of records, kept as the file has it: its fields are decoded when they are asked for.
package struct NumpyRecords: Sendable, Equatable {
    /// The records, one after the other; shared with the file.
    private let bytes: ArraySlice<UInt8>
    private let type: NumpyDataType

    /// The number of records.
    package let count: Int

    /// - Returns: nil if the type is none of records, or `bytes` are not whole records.
    init?(bytes: ArraySlice<UInt8>, type: NumpyDataType) {
        guard type.kind == .record, bytes.count.isMultiple(of: type.itemSize) else { return nil }
        self.bytes = bytes
        self.type = type
        count = bytes.count / type.itemSize
    }

    /// A field of whole numbers or Booleans (as 0 and 1), one of each record; nil if there is no such field, or a number
    /// is above 2^63 - 1.
    package func integers(_ field: String) -> [Int]? {
        guard let field = type.fields.first(where: { $0.name == field }) else { return nil }
        switch field.type.kind {
        case .boolean:
            return map(field) { $0 == 0 ? 0 : 1 }
        case .signedInteger:
            let unused = UInt64(64 - 8 * field.type.itemSize)
            return map(field) { Int(Int64(bitPattern: $0 << unused) >> Int64(unused)) }
        case .unsignedInteger:
            let numbers = map(field) { Int(bitPattern: UInt($0)) }
            return field.type.itemSize < 8 || numbers.allSatisfy { $0 >= 0 } ? numbers : nil
        case .float, .text, .object, .record:
            return nil
        }
    }

    /// A field of floating-point numbers, one of each record; nil if there is no such field.
    package func floats(_ field: String) -> [Double]? {
        guard let field = type.fields.first(where: { $0.name == field }), field.type.kind == .float else { return nil }
        return field.type.itemSize == 4
            ? map(field) { Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0))) }
            : map(field) { Double(bitPattern: $0) }
    }

    /// The field of each record, from its bits, which are zero-extended to 64.
    private func map<Number>(_ field: NumpyDataType.Field, _ transform: (UInt64) -> Number) -> [Number] {
        let size = field.type.itemSize
        let isBigEndian = field.type.byteOrder == .big
        return unsafe bytes.withUnsafeBytes { raw in
            (0..<count).map { index in
                // `NumpyDataType` has checked that the field ends inside its record.
                let start = index * type.itemSize + field.offset
                if size == 8 {
                    let bits = unsafe raw.loadUnaligned(fromByteOffset: start, as: UInt64.self)
                    return transform(isBigEndian ? UInt64(bigEndian: bits) : UInt64(littleEndian: bits))
                }
                var bits: UInt64 = 0
                for byte in 0..<size {
                    bits = unsafe bits << 8 | UInt64(raw[isBigEndian ? start + byte : start + size - 1 - byte])
                }
                return transform(bits)
            }
        }
    }
}

extension PickledNode {
    /// An array or records from their bytes; an opaque value if an element has no Swift type.
    ///
    /// - Precondition: `bytes` holds exactly the elements that the shape says, and the type is not one of objects.
    package init(bytes: ArraySlice<UInt8>, type: NumpyDataType, shape: [Int], order: ElementOrder) {
        if let records = NumpyRecords(bytes: bytes, type: type) {
            // Arrays of records with several dimensions don't occur.
            self =
                shape.count == 1 ? .records(records) : .opaque(.other("an array of shape \(shape) of \(type)"))
            return
        }
        do {
            self = .array(try NumpyArray(bytes: bytes, type: type, shape: shape, order: order))
        } catch .unexpected(let found, _) {
            self = .opaque(.other("an array of the data type \(type) with \(found)"))
        } catch {
            self = .opaque(.other("an array of the data type \(type) with text that is none of Unicode's"))
        }
    }
}
