/// Puts skops files together: a schema and files beside it, stored without compression.
struct SkopsAssembler {
    /// The nodes, as the text of `schema.json` between the braces of its root.
    var schema: String
    var files: [(name: String, content: [UInt8])] = []

    /// - Parameter root: the text of the root node, an object without `protocol`.
    init(root: String, protocol version: String = "2", files: [(name: String, content: [UInt8])] = []) {
        schema = root.dropLast() + ", \"protocol\": \(version), \"_skops_version\": \"0.16\"}"
        self.files = files
    }

    /// - Parameter schema: all of the text.
    init(schema: String) {
        self.schema = schema
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        var directory: [UInt8] = []
        let members = files + [("schema.json", Array(schema.utf8))]
        for (name, content) in members {
            let header = UInt32(bytes.count)
            let shared =
                field(0 as UInt16) + field(0 as UInt16) + field(0 as UInt32) + field(Self.crc32(content))
                + field(UInt32(content.count)) + field(UInt32(content.count)) + field(UInt16(name.utf8.count))
                + field(0 as UInt16)
            bytes += field(0x0403_4B50 as UInt32) + field(20 as UInt16) + shared + Array(name.utf8) + content
            directory += field(0x0201_4B50 as UInt32) + field(20 as UInt16) + field(20 as UInt16) + shared
            directory += [UInt8](repeating: 0, count: 10) + field(header) + Array(name.utf8)
        }
        let offset = UInt32(bytes.count)
        bytes += directory + field(0x0605_4B50 as UInt32) + field(0 as UInt32)
        bytes += field(UInt16(members.count)) + field(UInt16(members.count))
        bytes += field(UInt32(directory.count)) + field(offset) + field(0 as UInt16)
        return bytes
    }

    /// The bytes of a `.npy` file.
    static func npy(_ type: String, shape: String, isColumnMajor: Bool = false, _ content: [UInt8]) -> [UInt8] {
        let type = type.hasPrefix("[") ? type : "'\(type)'"
        let order = isColumnMajor ? "True" : "False"
        let header = "{'descr': \(type), 'fortran_order': \(order), 'shape': \(shape), }\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0] + field(UInt16(header.utf8.count)) + Array(header.utf8) + content
    }

    /// A node whose value is plain JSON.
    static func json(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return node("JsonNode", "\"content\": \"\(escaped)\"", class: "str")
    }

    static func node(
        _ loader: String, _ rest: String = "", class name: String = "x", module: String = "builtins"
    ) -> String {
        "{\"__class__\": \"\(name)\", \"__module__\": \"\(module)\", \"__loader__\": \"\(loader)\""
            + (rest.isEmpty ? "" : ", \(rest)") + "}"
    }

    static func tuple(_ items: [String]) -> String {
        node("TupleNode", "\"content\": [\(items.joined(separator: ", "))]", class: "tuple")
    }

    /// A dictionary with texts as keys.
    static func dictionary(_ members: [(String, String)]) -> String {
        let content = members.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ")
        let types = members.map { _ in node("TypeNode", class: "str") }.joined(separator: ", ")
        let list = node("ListNode", "\"content\": [\(types)]", class: "list")
        return node("DictNode", "\"content\": {\(content)}, \"key_types\": \(list)", class: "dict")
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xEDB8_8320 }
        }
        return ~crc
    }
}

/// The bytes of a number, lowest first.
func field<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    unsafe withUnsafeBytes(of: number.littleEndian) { unsafe Array($0) }
}
