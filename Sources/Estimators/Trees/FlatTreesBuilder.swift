/// Lays trees out as ``FlatTrees``, and checks them on the way.
struct FlatTreesBuilder {
    private let featureCount: Int
    private var categories: CategoryTests?
    private var roots: [TreeNode] = []
    /// The nodes below the roots, in pairs; indices of children count from here.
    private var pairs: [TreeNode] = []
    private var steps = 0.0

    /// - Parameters:
    ///   - featureCount: the number of features of a row; at least 1.
    ///   - categories: how categories are tested, for trees that test any.
    init(featureCount: Int, categories: CategoryTests? = nil) {
        self.featureCount = featureCount
        self.categories = categories
    }

    /// The number of trees.
    var count: Int { roots.count }

    /// Adds a tree.
    ///
    /// - Parameters:
    ///   - sets: the sets of categories that this tree's nodes test: see `CategoryTests.append(_:)`.
    ///   - leaf: makes a leaf's number and the index of its vector, from its place in `tree` and
    ///     the number of nodes from the root to it, both included.
    mutating func append(
        _ tree: TreeShape, sets: [[UInt32]] = [], leaf: (_ node: Int, _ depth: Int) -> (number: Double, vector: UInt32)
    ) throws(TreeFlaw) {
        guard tree.isComplete else { throw .incomplete }
        guard featureCount <= TreeNode.mostFeatures, tree.count < Self.mostNodes - pairs.count,
            roots.count < Self.mostNodes
        else { throw .tooLarge }
        let firstSet = categories?.count ?? 0
        let setCount = categories == nil ? 0 : sets.count
        categories?.append(sets)

        var isKnown = [Bool](repeating: false, count: tree.count)
        // A place below 0 is that of the root.
        var open: [(node: Int, place: Int, depth: Int)] = [(0, -1, 1)]
        var samplesAtLeaves = 0.0
        var stepsOfSamples = 0.0
        while let (node, place, depth) = open.popLast() {
            if isKnown[node] { throw .twice(node: node) }
            isKnown[node] = true
            let laid: TreeNode
            if tree.isLeaf[node] {
                let (number, vector) = leaf(node, depth)
                guard number.isFinite else { throw .leaf(node: node) }
                laid = TreeNode(number: number, child: vector, test: TreeNode.leaf)
                let samples = Double(max(tree.samples[node], 1))
                samplesAtLeaves += samples
                stepsOfSamples += samples * Double(depth)
            } else {
                let (left, right) = (tree.left[node], tree.right[node])
                guard isKnown.indices.contains(left), isKnown.indices.contains(right) else {
                    throw .child(node: node)
                }
                laid = try inner(tree, node, firstSet: firstSet, setCount: setCount, child: UInt32(pairs.count))
                let pair = pairs.count
                pairs.append(.placeholder)
                pairs.append(.placeholder)
                // The child that most samples went to comes next, and its children next to this pair.
                let children = [(left, pair, depth + 1), (right, pair + 1, depth + 1)]
                open += tree.samples[left] < tree.samples[right] ? children : children.reversed()
            }
            if place < 0 { roots.append(laid) } else { pairs[place] = laid }
        }
        steps += stepsOfSamples / samplesAtLeaves
    }

    private func inner(
        _ tree: TreeShape, _ node: Int, firstSet: Int, setCount: Int, child: UInt32
    ) throws(TreeFlaw) -> TreeNode {
        let feature = tree.feature[node]
        guard (0..<featureCount).contains(feature) else { throw .feature(node: node) }
        var number = tree.threshold[node]
        var test = UInt32(feature)
        if let set = tree.categorySet?[node], set >= 0 {
            guard set < setCount else { throw .feature(node: node) }
            number = Double(firstSet + set)
            test |= TreeNode.categorical
        }
        if number.isNaN { throw .threshold(node: node) }
        if let missing = tree.missingGoesLeft, missing[node] != 0 { test |= TreeNode.missingGoesLeft }
        return TreeNode(number: number, child: child, test: test)
    }

    /// The trees that were added; at least one.
    func finish() -> FlatTrees {
        // Arrays of this size begin 48 bytes into a line of the cache (64 bytes), so that pairs at odd indices never lie
        // in two.
        let padding = roots.count.isMultiple(of: 2) ? [TreeNode.placeholder] : []
        let offset = UInt32(roots.count + padding.count)
        var nodes: [TreeNode] = []
        nodes.reserveCapacity(Int(offset) + pairs.count)
        nodes += roots
        nodes += padding
        nodes += pairs
        for index in nodes.indices where !nodes[index].isLeaf { nodes[index].child += offset }
        // Without any set, no node tests categories.
        let categories = categories?.count == 0 ? nil : categories
        return FlatTrees(
            nodes: nodes, treeCount: roots.count, featureCount: featureCount, categories: categories,
            stepsPerRow: steps)
    }

    /// Their indices fit into 32 bits.
    private static let mostNodes = 1 << 30
}
