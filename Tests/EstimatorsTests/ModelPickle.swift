/// Writes pickles of models piece by piece, sound or not.
struct ModelPickle {
    private(set) var bytes: [UInt8] = [0x80, 4]

    /// The pickle of what `body` writes.
    static func bytes(_ body: (inout ModelPickle) -> Void) -> [UInt8] {
        var pickle = ModelPickle()
        body(&pickle)
        return pickle.bytes + [UInt8(ascii: ".")]
    }

    mutating func opcodes(_ text: String) { bytes += text.utf8 }

    mutating func none() { opcodes("N") }

    mutating func integer(_ value: Int) {
        bytes += [0x8A, 8] + littleEndian(value)
    }

    mutating func number(_ value: Double) {
        opcodes("G")
        bytes += littleEndian(value.bitPattern).reversed()
    }

    mutating func string(_ text: String) {
        opcodes("X")
        bytes += littleEndian(UInt32(text.utf8.count)) + Array(text.utf8)
    }

    mutating func bytes(_ content: [UInt8]) {
        opcodes("B")
        bytes += littleEndian(UInt32(content.count)) + content
    }

    mutating func integers(_ values: [Int]) {
        opcodes("(")
        for value in values { integer(value) }
        opcodes("t")
    }

    mutating func global(_ module: String, _ name: String) { opcodes("c\(module)\n\(name)\n") }

    /// An instance with attributes; its class is called with what `arguments` writes.
    mutating func instance(
        _ module: String, _ name: String, arguments: ((inout ModelPickle) -> Void)? = nil,
        _ attributes: [(String, (inout ModelPickle) -> Void)]
    ) {
        global(module, name)
        opcodes("(")
        arguments?(&self)
        opcodes("tR}(")
        for (name, value) in attributes {
            string(name)
            value(&self)
        }
        opcodes("ub")
    }

    mutating func list(_ items: [(inout ModelPickle) -> Void]) {
        opcodes("](")
        for item in items { item(&self) }
        opcodes("e")
    }

    mutating func type(_ name: String) {
        global("numpy", "dtype")
        string(name)
        bytes.append(0x85)
        opcodes("R(")
        integer(3)
        string("<")
        opcodes("NNN")
        integers(last: [-1, -1, 0])
    }

    private mutating func integers(last values: [Int]) {
        for value in values { integer(value) }
        opcodes("tb")
    }

    /// A type of records: fields of the given types, one behind the other.
    mutating func type(records fields: [(name: String, type: String)]) {
        func size(_ field: (name: String, type: String)) -> Int { Int(field.type.dropFirst())! }
        let size = fields.reduce(0) { $0 + size($1) }
        global("numpy", "dtype")
        string("V\(size)")
        bytes.append(0x85)
        opcodes("R(")
        integer(3)
        string("|")
        opcodes("N(")
        for field in fields { string(field.name) }
        opcodes("t}(")
        var offset = 0
        for field in fields {
            string(field.name)
            type(field.type)
            integer(offset)
            bytes.append(0x86)
            offset += Int(field.type.dropFirst())!
        }
        opcodes("u")
        integers(last: [size, 1, 16])
    }

    /// An array of bytes, whose type is what `type` writes.
    mutating func array(_ content: [UInt8], shape: [Int], type: (inout ModelPickle) -> Void) {
        global("numpy._core.numeric", "_frombuffer")
        opcodes("(")
        bytes(content)
        type(&self)
        integers(shape)
        string("C")
        opcodes("tR")
    }

    mutating func array(_ values: [Double], shape: [Int]? = nil) {
        array(values.flatMap { littleEndian($0.bitPattern) }, shape: shape ?? [values.count]) { $0.type("f8") }
    }

    mutating func array(_ values: [Int], type: String, shape: [Int]? = nil) {
        let size = Int(type.dropFirst())!
        array(values.flatMap { littleEndian($0).prefix(size) }, shape: shape ?? [values.count]) { $0.type(type) }
    }
}

/// The bytes of an integer, lowest first.
private func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
}

/// The nodes of a tree in a model's pickle.
struct PickledNodes {
    /// A node of a decision tree.
    typealias Node = (left: Int, right: Int, feature: Int, threshold: Double)

    static let leaf: Node = (-1, -1, -2, -2)

    var nodes: [Node]
    var values: [Double]
    var valueShape: [Int]?
    var features = 2
    var outputs = 1

    init(_ nodes: [Node], values: [Double]? = nil) {
        self.nodes = nodes
        self.values = values ?? nodes.indices.map(Double.init)
    }

    /// A decision tree for numbers.
    func write(_ pickle: inout ModelPickle) {
        pickle.instance(
            "sklearn.tree._classes", "DecisionTreeRegressor",
            [
                ("n_features_in_", { $0.integer(features) }), ("n_outputs_", { $0.integer(1) }),
                ("tree_", { writeTree(&$0) }), ("_sklearn_version", { $0.string("1.2.2") }),
            ])
    }

    private func writeTree(_ pickle: inout ModelPickle) {
        let content = nodes.flatMap { node in
            littleEndian(node.left) + littleEndian(node.right) + littleEndian(node.feature)
                + littleEndian(node.threshold.bitPattern) + littleEndian(1)
        }
        pickle.instance(
            "sklearn.tree._tree", "Tree",
            arguments: { pickle in
                pickle.integer(features)
                pickle.array([1], type: "i8")
                pickle.integer(outputs)
            },
            [
                (
                    "nodes",
                    { pickle in
                        pickle.array(content, shape: [nodes.count]) {
                            $0.type(records: [
                                ("left_child", "i8"), ("right_child", "i8"), ("feature", "i8"), ("threshold", "f8"),
                                ("n_node_samples", "i8"),
                            ])
                        }
                    }
                ), ("values", { $0.array(values, shape: valueShape ?? [values.count, 1, 1]) }),
            ])
    }
}
