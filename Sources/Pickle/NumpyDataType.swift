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

    package init(kind: Kind, itemSize: Int, byteOrder: ByteOrder = .little) {
        self.kind = kind
        self.itemSize = itemSize
        self.byteOrder = byteOrder
    }

    /// Parses a type's name in pickles, for example `f8`, `i4`, `b1`, `U10` or `O8`; nil for types that the reader does
    /// not support: complex numbers, half precision, dates, byte strings, structures.
    init?(name: String) {
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

    /// The longest fixed-width text that is supported, in characters.
    static let longestText = 1 << 16
}

extension NumpyDataType: CustomStringConvertible {
    package var description: String {
        "\(byteOrder == .little ? "<" : ">")\(kind.rawValue)\(kind == .text ? itemSize / 4 : itemSize)"
    }
}
