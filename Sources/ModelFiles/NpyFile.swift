import Pickle

/// An array in numpy's own format: a short text that says what it is, and its bytes.
///
/// Source: numpy, `lib/format.py`, versions 1.0 to 3.0 of the format.
package struct NpyFile: Sendable {
    /// nil for a data type that is not understood.
    package let type: NumpyDataType?
    /// The data type as the file has it, for messages.
    package let typeName: String
    package let shape: [Int]
    package let order: ElementOrder
    private let bytes: ArraySlice<UInt8>

    /// - Returns: nil if the bytes are no such file.
    package init?(_ bytes: [UInt8]) {
        guard bytes.starts(with: [0x93] + Array("NUMPY".utf8)), bytes.count >= 12, (1...3).contains(bytes[6]) else {
            return nil
        }
        let start = bytes[6] == 1 ? 10 : 12
        let length = bytes[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= min(Self.longestHeader, bytes.count - start),
            let text = String(validating: bytes[start..<start + length], as: UTF8.self),
            let header = PythonLiteral(text), case .dictionary(let members) = header, members.count <= 3,
            let descr = members["descr"], case .boolean(let isColumnMajor)? = members["fortran_order"],
            case .tuple(let lengths)? = members["shape"], lengths.count <= Self.mostDimensions
        else { return nil }
        var shape: [Int] = []
        for length in lengths {
            guard case .integer(let length) = length else { return nil }
            shape.append(length)
        }
        self.shape = shape
        order = isColumnMajor ? .columnMajor : .rowMajor
        type = Self.type(descr)
        typeName = if case .string(let name) = descr { name } else { "record" }
        self.bytes = bytes[(start + length)...]
    }

    /// As numpy limits it, and NPY_MAXDIMS.
    private static let longestHeader = 10_000
    private static let mostDimensions = 64

    /// The bytes of the elements and the memory that they take once they are decoded; nil if the file has more or fewer, or
    /// their type is not understood.
    package var elements: (bytes: ArraySlice<UInt8>, decodedSize: Int)? {
        guard let type, let count = NumpyArray.elementCount(of: shape),
            case let (size, overflow) = count.multipliedReportingOverflow(by: type.itemSize), !overflow,
            size == bytes.count, let decodedSize = NumpyArray.decodedSize(count: count, type: type)
        else { return nil }
        return (bytes, decodedSize)
    }

    /// The text of a byte string (`S`) without a shape, as SciPy keeps a matrix's format.
    package var byteString: String? {
        guard shape.isEmpty, typeName.hasPrefix("|S"), bytes.count <= 64 else { return nil }
        return String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func type(_ descr: PythonLiteral) -> NumpyDataType? {
        switch descr {
        case .string(let text):
            guard let order = text.unicodeScalars.first, "<>|=".unicodeScalars.contains(order),
                var type = NumpyDataType(name: String(text.dropFirst())), type.kind != .object
            else { return nil }
            type.byteOrder = order == ">" ? .big : .little
            return type
        case .list(let items):
            return recordType(items)
        default: return nil
        }
    }

    /// A record's fields as `(name, type)`; without a name, space between them.
    private static func recordType(_ items: [PythonLiteral]) -> NumpyDataType? {
        var fields: [NumpyDataType.Field] = []
        var offset = 0
        for item in items {
            guard case .tuple(let parts) = item, parts.count == 2, case .string(let name) = parts[0] else { return nil }
            if name.isEmpty {
                guard case .string(let text) = parts[1], text.hasPrefix("|V"), let size = Int(text.dropFirst(2)),
                    (0...1024).contains(size)
                else { return nil }
                offset += size
            } else {
                guard case .string = parts[1], let type = type(parts[1]) else { return nil }
                fields.append(NumpyDataType.Field(name: name, type: type, offset: offset))
                offset += type.itemSize
            }
        }
        return NumpyDataType(fields: fields, itemSize: offset)
    }
}
