/// The content of a pickle: its root value, and the nodes that values refer to.
///
/// Nodes may be shared and may form cycles, as in Python. They are never expanded into a tree (a small file can describe
/// an enormous one): a reader follows the few references that it needs.
package struct PickledDocument: Sendable {
    /// The pickled value.
    package var root: PickledValue = .none

    private var nodes: [(node: PickledNode, offset: Int)] = []
    /// The arguments of the instances whose class was called with any.
    private var arguments: [PickledNode.Identifier: [PickledValue]] = [:]

    /// The number of records in all arrays of records together.
    package private(set) var recordCount = 0

    package init() {}

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

    package mutating func add(_ node: PickledNode, offset: Int) -> PickledNode.Identifier {
        count(node)
        nodes.append((node, offset))
        return PickledNode.Identifier(index: nodes.count - 1)
    }

    /// An instance of a class that was called with these arguments.
    package mutating func addInstance(
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

    package mutating func replace(_ identifier: PickledNode.Identifier, with node: PickledNode) {
        count(node)
        nodes[identifier.index].node = node
    }

    private mutating func count(_ node: PickledNode) {
        // Their bytes are charged by the machine, so that their number is limited.
        if case .records(let records) = node { recordCount += records.count }
    }

    /// The description of a value that isn't understood; nil for one that is.
    package func opaque(_ value: PickledValue) -> OpaqueValue? {
        guard case .node(let identifier) = value, case .opaque(let opaque) = self[identifier] else { return nil }
        return opaque
    }

    /// Appends to a list or set in place; false if the node is neither. A value that isn't understood accepts anything
    /// and keeps nothing.
    package mutating func append(_ items: some Sequence<PickledValue>, to identifier: PickledNode.Identifier) -> Bool {
        if case .opaque = nodes[identifier.index].node { return true }
        if case .set(var set) = nodes[identifier.index].node {
            // Releases the node's reference, so that the array grows in place.
            nodes[identifier.index].node = .set([])
            set.append(contentsOf: items)
            nodes[identifier.index].node = .set(set)
            return true
        }
        guard case .list(var list) = nodes[identifier.index].node else { return false }
        nodes[identifier.index].node = .list([])
        list.append(contentsOf: items)
        nodes[identifier.index].node = .list(list)
        return true
    }

    /// Adds members to a dictionary in place; false if the node is not a dictionary. A value that isn't understood
    /// accepts anything and keeps nothing.
    package mutating func insert(
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
