/// A field as its descriptor has it, before the type that it names has been found.
struct FieldDraft {
    var name: String
    /// The full name of a message or enum, with a dot before it.
    var typeName: String
    /// Whether a singular scalar field differs from its default when it is absent: so say the file's syntax or the features.
    var hasPresence: Bool
    var number: UInt32 = 0
    /// `FieldDescriptorProto.Label`, of which 3 is repeated.
    var label: UInt64 = 0
    /// `FieldDescriptorProto.Type`, 1 to 18.
    var type: UInt64 = 0
    /// The oneof that it is a member of; one of its own if it is `optional` in proto3.
    var oneof: Int?

    init(name: String, typeName: String, hasPresence: Bool) {
        self.name = name
        self.typeName = typeName
        self.hasPresence = hasPresence
    }

    /// A full name as types are listed: without the dot before it.
    static func bare(_ name: String) -> String {
        name.first == "." ? String(name.dropFirst()) : name
    }

    /// - Parameter oneofs: how many the message declares.
    /// - Returns: `nil` if there is no such field: its number is out of range, or its type unknown.
    func resolved(types: [String: Int], enums: [String: Int], oneofs: Int) -> FieldType? {
        guard (1..<1 << 29).contains(number), let value = value(types: types, enums: enums) else { return nil }
        let oneof = oneof.flatMap { $0 < oneofs ? $0 : nil }
        return FieldType(
            number: number, name: name, value: value, isRepeated: label == 3,
            hasPresence: hasPresence || oneof != nil, oneof: oneof)
    }

    private func value(types: [String: Int], enums: [String: Int]) -> ValueType? {
        switch type {
        case 1: .scalar(.double, .fixed64)
        case 2: .scalar(.float, .fixed32)
        case 3: .scalar(.int64, .varint)
        case 4: .scalar(.uint64, .varint)
        case 5: .scalar(.int32, .varint)
        case 6: .scalar(.uint64, .fixed64)
        case 7: .scalar(.uint32, .fixed32)
        case 8: .scalar(.bool, .varint)
        case 9: .string
        case 10, 11: .message(types[Self.bare(typeName)])
        case 12: .bytes
        case 13: .scalar(.uint32, .varint)
        case 14: .scalar(.enumeration(enums[Self.bare(typeName)]), .varint)
        case 15: .scalar(.int32, .fixed32)
        case 16: .scalar(.int64, .fixed64)
        case 17: .scalar(.sint32, .varint)
        case 18: .scalar(.sint64, .varint)
        default: nil
        }
    }
}
