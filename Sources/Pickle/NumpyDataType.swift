/// The type of an array's elements, from numpy's array protocol: a kind, a size and a byte order.
///
/// Source: numpy, "Data type objects (dtype)" and "The array interface protocol".
package struct NumpyDataType: Sendable, Hashable {
    /// The kind of an element. The raw value is numpy's character for it.
    package enum Kind: Character, Sendable {
        case boolean = "b"
        case signedInteger = "i"
        case unsignedInteger = "u"
        case float = "f"
        /// Text of a fixed number of characters of 4 bytes each (UCS-4), padded with zeros.
        case text = "U"
        /// References to Python objects.
        case object = "O"
        /// Several numbers side by side, each with a name; see ``NumpyDataType/fields``.
        case record = "V"
    }

    /// A named number inside a record.
    package struct Field: Sendable, Hashable {
        package let name: String
        /// A Boolean, integer or floating-point number.
        package let type: NumpyDataType
        /// Where the field begins in the record, in bytes; it ends inside the record too.
        package let offset: Int

        package init(name: String, type: NumpyDataType, offset: Int) {
            self.name = name
            self.type = type
            self.offset = offset
        }
    }

    /// The order of the bytes within an element.
    package enum ByteOrder: Sendable {
        case little
        case big
    }

    /// The kind of the elements.
    package let kind: Kind

    /// Size of one element in bytes.
    package let itemSize: Int

    /// The byte order of the elements.
    package var byteOrder: ByteOrder

    /// The fields of a record, in numpy's order; empty for any other kind.
    package let fields: [Field]

    /// A type of one number, text or reference.
    package init(kind: Kind, itemSize: Int, byteOrder: ByteOrder = .little) {
        self.kind = kind
        self.itemSize = itemSize
        self.byteOrder = byteOrder
        fields = []
    }

    /// The type of a record.
    ///
    /// - Returns: nil if the fields are too many, a field is no number or ends outside the record.
    package init?(fields: [Field], itemSize: Int) {
        guard (1...Self.mostFields).contains(fields.count), (1...Self.largestRecord).contains(itemSize) else {
            return nil
        }
        for field in fields {
            switch field.type.kind {
            case .boolean, .signedInteger, .unsignedInteger, .float: break
            case .text, .object, .record: return nil
            }
            guard (0...itemSize).contains(field.offset), field.type.itemSize <= itemSize - field.offset else {
                return nil
            }
        }
        kind = .record
        self.itemSize = itemSize
        byteOrder = .little
        self.fields = fields
    }

    /// Parses a type's name in pickles, for example `f8`, `i4`, `b1`, `U10` or `O8`; nil for types that the reader does
    /// not support: complex numbers, half precision, dates, byte strings; and for records, whose name doesn't say of
    /// what they consist.
    package init?(name: String) {
        // `Int` would read any number of leading zeros, again and again from one long text in the memo.
        guard name.utf8.count <= Self.longestName, let first = name.first, let kind = Kind(rawValue: first),
            let number = Int(name.dropFirst())
        else { return nil }
        switch (kind, number) {
        case (.boolean, 1), (.float, 4), (.float, 8), (.object, 8): self.init(kind: kind, itemSize: number)
        case (.signedInteger, 1), (.signedInteger, 2), (.signedInteger, 4), (.signedInteger, 8),
            (.unsignedInteger, 1), (.unsignedInteger, 2), (.unsignedInteger, 4), (.unsignedInteger, 8):
            self.init(kind: kind, itemSize: number)
        case (.text, 1...Self.longestText): self.init(kind: kind, itemSize: number * 4)
        default: return nil
        }
    }

    /// The length in bytes of the longest name, that of the longest text.
    private static let longestName = 6

    /// The largest number of fields in a record, and of bytes.
    static let mostFields = 32
    private static let largestRecord = 1024

    /// The longest fixed-width text that is supported, in characters.
    static let longestText = 1 << 16
}

extension NumpyDataType: CustomStringConvertible {
    package var description: String {
        kind == .record
            ? "a record of \(fields.count) fields"
            : "\(byteOrder == .little ? "<" : ">")\(kind.rawValue)\(kind == .text ? itemSize / 4 : itemSize)"
    }
}
