import Pickle

/// Python's own values and containers.
extension SkopsReader {
    /// A value that Python's `json` module can write: nearly always a text, a number, a Boolean or None.
    mutating func json(_ node: SkopsNode) throws(PickleError) -> PickledValue {
        guard let content = node.content, let text = schema.string(content) else {
            throw unexpected("no text", expected: "a value as JSON", at: node.place)
        }
        let json: SchemaText
        do {
            json = try SchemaText(Array(text.utf8))
        } catch {
            throw unexpected("the text \(quoted(text))", expected: "a value as JSON", at: content)
        }
        switch json.kind(json.root) {
        case .string:
            guard let string = json.string(json.root) else {
                throw unexpected("the text \(quoted(text))", expected: "a value as JSON", at: content)
            }
            return .string(string)
        case .plain:
            return plain(json, json.root, node)
        case .array, .object:
            return opaque(.other("a value in JSON"), node)
        }
    }

    /// A number or word of a JSON text.
    private mutating func plain(_ json: SchemaText, _ value: SchemaText.Value, _ node: SkopsNode) -> PickledValue {
        switch json.plain(value) {
        case "null": return .none
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        case "NaN": return .float(.nan)
        case "Infinity": return .float(.infinity)
        case "-Infinity": return .float(-.infinity)
        case let text?:
            if let integer = Int(text) { return .integer(integer) }
            let isInteger = !text.utf8.contains { ".eE".utf8.contains($0) }
            guard !isInteger, let number = Double(text) else {
                return opaque(.other("an integer of many digits"), node)
            }
            return .float(number)
        case nil: return opaque(.other("a value in JSON"), node)
        }
    }

    /// The values in a node's content.
    mutating func items(_ node: SkopsNode) throws -> [PickledValue] {
        guard let content = node.content, schema.kind(content) == .array else {
            throw unexpected("no list", expected: "the items of \(quoted(node.loader))", at: node.place)
        }
        return try schema.elements(content).map { try value($0) }
    }

    /// A dictionary's members. JSON's names are texts: beside them is a list with each key's class.
    mutating func members(_ node: SkopsNode) throws -> [PickledNode.Member] {
        guard let content = node.content, schema.kind(content) == .object,
            let keyTypes = node.keyTypes
        else {
            throw unexpected("no members", expected: "those of a dictionary, and their keys' types", at: node.place)
        }
        let members = schema.members(content)
        let types = schema.elements(schema.member("content", of: keyTypes) ?? keyTypes)
        guard types.count == members.count else {
            throw unexpected(
                "\(types.count) types of keys", expected: "as many as the \(members.count) members", at: keyTypes)
        }
        return try zip(members, types).map { member, type in
            PickledNode.Member(key: try key(member.name, type), value: try value(member.value))
        }
    }

    /// A key, from its text and a node for its class.
    private func key(_ name: SchemaText.Value, _ type: SchemaText.Value) throws(PickleError) -> PickledValue {
        guard let text = schema.string(name) else {
            throw unexpected("text that is not Unicode's", expected: "a key", at: name)
        }
        let kind = schema.member("__class__", of: type).flatMap(schema.string) ?? "str"
        switch kind {
        case "str", "str_": return .string(text)
        case "bool", "bool_": return .boolean(text == "true" || text == "True")
        case "NoneType": return .none
        default:
            // `int`, `int64` and so on, `float` and the like; numbers that are no such text stay text.
            if kind.hasPrefix("int") || kind.hasPrefix("uint") {
                return Int(text).map { .integer($0) } ?? .string(text)
            }
            if kind.hasPrefix("float") { return Double(text).map { .float($0) } ?? .string(text) }
            return .string(text)
        }
    }

    /// A slice, whose parts are plain JSON.
    mutating func slice(_ node: SkopsNode) throws(PickleError) -> PickledValue {
        var parts: [PickledValue] = []
        for name in ["start", "stop", "step"] as [StaticString] {
            guard let part = node.content.flatMap({ schema.member(name, of: $0) }) else {
                throw unexpected("no '\(name)'", expected: "a slice's start, stop and step", at: node.place)
            }
            switch schema.kind(part) {
            case .plain: parts.append(plain(schema, part, node))
            case .string: parts.append(schema.string(part).map { .string($0) } ?? .none)
            case .array, .object: throw unexpected("a container", expected: "a part of a slice", at: part)
            }
        }
        return add(.slice(parts[0], parts[1], parts[2]), node)
    }
}
