import Decompression
import Pickle

/// Reads the files of skops: zip archives with a `schema.json` that describes each value by a loader, a class and a content,
/// and numpy's arrays beside it.
///
/// It makes the same document as a pickle of the same value, so that whoever reads estimators needs to know one form of
/// them. Offsets are those of the values in `schema.json`. Nothing is run: instances of classes that the caller doesn't
/// allow, functions and methods are opaque values, and what they consist of is not looked at.
///
/// Source: skops, `io/_general.py`, `_numpy.py`, `_scipy.py`, `_sklearn.py` and `_persist.py`, protocols 0 to 2.
struct SkopsReader {
    let schema: SchemaText
    let archive: ZipArchive
    let classes: Set<PythonName>
    let limits: PickleLimits
    var document = PickledDocument()

    /// The values under the numbers that skops gives to objects, once they are complete.
    private var values: [Int: PickledValue] = [:]
    /// The arrays of the files that have been read: several values may refer to one.
    var arrays: [String: PickledValue] = [:]
    private var nodesMade = 0
    private var bytesDecoded = 0

    /// The newest protocol that is known.
    private static let newestProtocol = 2

    /// - Throws: `PickleError` with an offset in `schema.json`, or `ZipError`.
    static func read(
        _ archive: ZipArchive, allowing classes: Set<PythonName>, limits: PickleLimits
    ) throws -> PickledDocument {
        let schema = try SchemaText(try archive.content(of: "schema.json"))
        var reader = SkopsReader(
            schema: schema, archive: archive, classes: classes, limits: limits)
        try reader.checkProtocol()
        let root = try reader.value(schema.root)
        reader.document.root = root
        if let name = reader.document.opaque(root)?.name {
            throw PickleError(offset: reader.document.offset(of: root), reason: .forbiddenGlobal(name))
        }
        return reader.document
    }

    private init(schema: SchemaText, archive: ZipArchive, classes: Set<PythonName>, limits: PickleLimits) {
        self.schema = schema
        self.archive = archive
        self.classes = classes
        self.limits = limits
    }

    private func checkProtocol() throws(PickleError) {
        let stated = schema.member("protocol", of: schema.root)
        guard let stated, let number = schema.integer(stated), (0...Self.newestProtocol).contains(number) else {
            throw unexpected(
                stated.flatMap(schema.plain).map { "protocol \($0) of skops" } ?? "no protocol",
                expected: "a protocol from 0 to \(Self.newestProtocol)", at: stated ?? schema.root)
        }
    }

    /// The value that a node of the schema describes.
    mutating func value(_ place: SchemaText.Value) throws -> PickledValue {
        let node = try SkopsNode(place, in: schema)
        nodesMade += 1
        guard nodesMade <= limits.opcodes else {
            throw PickleError(
                offset: schema.offset(place), reason: .limitExceeded(what: "nodes of skops", limit: limits.opcodes))
        }
        if node.loader == "CachedNode" {
            guard let number = node.number, let value = values[number] else {
                throw unexpected("a node that was cached", expected: "one that came before", at: place)
            }
            return value
        }
        if PickleReader.isAlarming(node.name) {
            throw PickleError(offset: schema.offset(place), reason: .forbiddenGlobal(node.name))
        }
        let value = try value(node)
        if let number = node.number { values[number] = value }
        return value
    }

    private mutating func value(_ node: SkopsNode) throws -> PickledValue {
        switch node.loader {
        case "JsonNode": try json(node)
        case "DictNode": add(.dictionary(try members(node)), node)
        case "DefaultDictNode", "_DictWithDeprecatedKeysNode": try value(try part("main", of: node))
        case "ListNode": add(.list(try items(node)), node)
        case "TupleNode": add(.tuple(try items(node)), node)
        case "SetNode": add(.set(try items(node)), node)
        case "SliceNode": try slice(node)
        case "FunctionNode", "TypeNode": try name(node)
        case "ObjectNode": try instance(node, arguments: [])
        case "TreeNode", "LossNode": try reducedInstance(node)
        case "ConstructorFromReduceNode": try constructed(node)
        case "NdArrayNode": try array(node)
        case "DTypeNode": try dataType(node)
        case "SparseMatrixNode": try sparseMatrix(node)
        case "BytesNode", "BytearrayNode": .bytes(try content(of: try file(node), at: node.place)[...])
        case "PartialNode": opaque(.made(by: PythonName(module: "functools", name: "partial")), node)
        case "MethodNode": opaque(.made(by: PythonName(module: "builtins", name: "getattr")), node)
        case "RandomStateNode", "RandomGeneratorNode", "MaskedArrayNode", "OperatorFuncNode":
            opaque(.made(by: node.name), node)
        default: opaque(.other("a node of skops that is loaded by \(quoted(node.loader))"), node)
        }
    }

    // MARK: Instances and names

    /// An instance of an allowed class, with its attributes; any other is opaque.
    private mutating func instance(_ node: SkopsNode, arguments: [PickledValue]) throws -> PickledValue {
        guard classes.contains(node.name) else { return opaque(.made(by: node.name), node) }
        let identifier = document.addInstance(of: node.name, arguments: arguments, offset: node.offset)
        guard let content = node.content else { return .node(identifier) }
        let state = try value(content)
        if state == .none { return .node(identifier) }
        guard case .node(let attributes) = state, document.members(attributes) != nil || document.tuple(state) == []
        else { throw unexpected(document.summary(of: state), expected: "the attributes of \(node.name)", at: content) }
        if document.members(attributes) != nil {
            document.replace(identifier, with: .instance(class: node.name, attributes: attributes))
        }
        return .node(identifier)
    }

    /// An instance whose class was called with arguments: a tree, or a loss.
    private mutating func reducedInstance(_ node: SkopsNode) throws -> PickledValue {
        guard classes.contains(node.name) else { return opaque(.made(by: node.name), node) }
        guard let reduce = node.reduce, let place = schema.member("args", of: reduce)
        else { throw unexpected("no arguments", expected: "those of \(node.name)", at: node.place) }
        let given = try value(place)
        guard let arguments = document.tuple(given) else {
            throw unexpected("no tuple", expected: "the arguments of \(node.name)", at: place)
        }
        return try instance(node, arguments: arguments)
    }

    /// What a class makes of a tuple of arguments. Of these, sets that don't change are understood.
    private mutating func constructed(_ node: SkopsNode) throws -> PickledValue {
        guard node.name == PythonName(module: "builtins", name: "frozenset"), let content = node.content else {
            return opaque(.made(by: node.name), node)
        }
        let given = try value(content)
        guard let arguments = document.tuple(given), arguments.count == 1,
            let items = document.list(arguments[0])
        else { throw unexpected("no list", expected: "a set's items", at: content) }
        return add(.set(items), node)
    }

    /// A class or function by itself. Protocol 0 has a function's name in the content.
    private mutating func name(_ node: SkopsNode) throws(PickleError) -> PickledValue {
        var name = node.name
        if let content = node.content, let module = schema.member("module_path", of: content).flatMap(schema.string),
            let function = schema.member("function", of: content).flatMap(schema.string)
        {
            name = PythonName(module: module, name: function)
            if PickleReader.isAlarming(name) {
                throw PickleError(offset: node.offset, reason: .forbiddenGlobal(name))
            }
        }
        return classes.contains(name) ? .global(.instanceClass(name)) : opaque(.name(name), node)
    }

    // MARK: Parts of a node

    /// The name of the file in the archive that a node refers to.
    func file(_ node: SkopsNode) throws(PickleError) -> String {
        guard let name = node.file else {
            throw unexpected("no file", expected: "the name of one in the archive", at: node.place)
        }
        return name
    }

    /// What a file of the archive holds. It is charged, as any number of nodes can refer to one file.
    mutating func content(of file: String, at place: SchemaText.Value) throws -> [UInt8] {
        let content = try archive.content(of: file)
        try charge(content.count, at: place)
        return content
    }

    /// A member of a node's content.
    private func part(_ name: StaticString, of node: SkopsNode) throws(PickleError) -> SchemaText.Value {
        guard let part = node.content.flatMap({ schema.member(name, of: $0) }) else {
            throw unexpected("no '\(name)'", expected: "a part of \(quoted(node.loader))", at: node.place)
        }
        return part
    }

    // MARK: Nodes and limits

    mutating func add(_ made: PickledNode, _ node: SkopsNode) -> PickledValue {
        .node(document.add(made, offset: node.offset))
    }

    mutating func opaque(_ value: OpaqueValue, _ node: SkopsNode) -> PickledValue {
        add(.opaque(value), node)
    }

    /// Charges memory that contents take, or are about to, in bytes.
    mutating func charge(_ size: Int, at place: SchemaText.Value) throws(PickleError) {
        guard size <= limits.decodedBytes - bytesDecoded else {
            throw PickleError(
                offset: schema.offset(place),
                reason: .limitExceeded(what: "bytes of decoded arrays", limit: limits.decodedBytes))
        }
        bytesDecoded += size
    }

    func unexpected(_ found: String, expected: String, at place: SchemaText.Value) -> PickleError {
        PickleError(offset: schema.offset(place), reason: .unexpected(found: found, expected: expected))
    }
}
