/// The content of a pickle: its root value, and the nodes that values refer to.
///
/// Nodes may be shared and may form cycles, as in Python. They are never expanded into a tree (a small file can describe
/// an enormous one): a reader follows the few references that it needs.
package struct PickledDocument: Sendable {
    /// The pickled value.
    package internal(set) var root: PickledValue = .none

    private var nodes: [(node: PickledNode, offset: Int)] = []
    /// The arguments of the instances whose class was called with any.
    private var arguments: [PickledNode.Identifier: [PickledValue]] = [:]

    init() {}

    /// The node with an identifier, which must come from this document.
    package subscript(identifier: PickledNode.Identifier) -> PickledNode {
        nodes[identifier.index].node
    }

    /// Offset in the file, in bytes, of the opcode that made a node.
    package func offset(of identifier: PickledNode.Identifier) -> Int {
        nodes[identifier.index].offset
    }

    /// Offset in bytes at which a value was made; 0 for a value that is not a node.
    package func offset(of value: PickledValue) -> Int {
        guard case .node(let identifier) = value else { return 0 }
        return offset(of: identifier)
    }

    mutating func add(_ node: PickledNode, offset: Int) -> PickledNode.Identifier {
        nodes.append((node, offset))
        return PickledNode.Identifier(index: nodes.count - 1)
    }

    /// An instance of a class that was called with these arguments.
    mutating func addInstance(
        of name: PythonName, arguments: [PickledValue], offset: Int
    ) -> PickledNode.Identifier {
        let node = add(.instance(class: name, attributes: nil), offset: offset)
        if !arguments.isEmpty { self.arguments[node] = arguments }
        return node
    }

    /// What an instance's class was called with; empty for most.
    package func arguments(of identifier: PickledNode.Identifier) -> [PickledValue] {
        arguments[identifier] ?? []
    }

    mutating func replace(_ identifier: PickledNode.Identifier, with node: PickledNode) {
        nodes[identifier.index].node = node
    }

    /// The description of a value that isn't understood; nil for one that is.
    package func opaque(_ value: PickledValue) -> OpaqueValue? {
        guard case .node(let identifier) = value, case .opaque(let opaque) = self[identifier] else { return nil }
        return opaque
    }

    /// Appends to a list in place; false if the node is not a list. A value that isn't understood accepts anything and
    /// keeps nothing.
    mutating func append(_ items: some Sequence<PickledValue>, to identifier: PickledNode.Identifier) -> Bool {
        if case .opaque = nodes[identifier.index].node { return true }
        guard case .list(var list) = nodes[identifier.index].node else { return false }
        // Releases the node's reference, so that the array grows in place.
        nodes[identifier.index].node = .list([])
        list.append(contentsOf: items)
        nodes[identifier.index].node = .list(list)
        return true
    }

    /// Adds members to a dictionary in place; false if the node is not a dictionary. A value that isn't understood
    /// accepts anything and keeps nothing.
    mutating func insert(
        _ members: some Sequence<PickledNode.Member>, into identifier: PickledNode.Identifier
    ) -> Bool {
        if case .opaque = nodes[identifier.index].node { return true }
        guard case .dictionary(var dictionary) = nodes[identifier.index].node else { return false }
        nodes[identifier.index].node = .dictionary([])
        dictionary.append(contentsOf: members)
        nodes[identifier.index].node = .dictionary(dictionary)
        return true
    }
}

extension PickledDocument {
    /// The number of values in all containers and arrays together.
    package var size: Int { nodes.reduce(0) { $0 + $1.node.size } }

    /// The number of values in a container or an array; 0 for any other value.
    package func size(of value: PickledValue) -> Int {
        if case .node(let identifier) = value { self[identifier].size } else { 0 }
    }

    /// The items of a tuple, or nil for anything else.
    package func tuple(_ value: PickledValue) -> [PickledValue]? {
        guard case .node(let identifier) = value, case .tuple(let items) = self[identifier] else { return nil }
        return items
    }

    /// The members of a dictionary, or nil for anything else.
    package func members(_ identifier: PickledNode.Identifier) -> [PickledNode.Member]? {
        guard case .dictionary(let members) = self[identifier] else { return nil }
        return members
    }

    /// The items of a list, or nil for anything else.
    package func list(_ value: PickledValue) -> [PickledValue]? {
        guard case .node(let identifier) = value, case .list(let items) = self[identifier] else { return nil }
        return items
    }

    /// The value of a string key in a dictionary; nil if the key is missing or the node is not a dictionary.
    package func member(_ key: String, of identifier: PickledNode.Identifier) -> PickledValue? {
        guard case .dictionary(let members) = self[identifier] else { return nil }
        return members.last { $0.key == .string(key) }?.value
    }

    /// A description of a value in a few words, for an error message: `a list of 3 items`.
    package func summary(of value: PickledValue) -> String {
        switch value {
        case .none: return "None"
        case .boolean(let boolean): return boolean ? "True" : "False"
        case .integer(let integer): return "the integer \(integer)"
        case .float(let number): return "the number \(number)"
        case .string(let string): return "the string \(quoted(string))"
        case .bytes(let bytes): return "\(bytes.count) bytes"
        case .global: return "a class or function"
        case .node(let identifier):
            switch self[identifier] {
            case .tuple(let items): return "a tuple of \(items.count) items"
            case .list(let items): return "a list of \(items.count) items"
            case .dictionary(let members): return "a dictionary of \(members.count) members"
            case .array(let array): return "an array of shape \(array.shape)"
            case .records(let records): return "an array of \(records.count) records"
            case .dataType(let type): return "the data type \(type)"
            case .instance(let name, _): return "an instance of \(name)"
            case .joblibArray: return "a joblib array wrapper without its array"
            case .opaque(let value): return value.description
            }
        }
    }
}
