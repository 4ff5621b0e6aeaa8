/// Trees in one flat array of nodes, in the order in which they are likely to be walked.
///
/// A walk of one tree waits for memory at each node. So eight walks go side by side: those of one row through eight
/// trees, or those of eight rows through one tree. A walk that has ended stays on its leaf until the others have.
struct FlatTrees: Sendable {
    /// All trees' nodes, first the roots. Every index of a child, feature and set in them has been checked by
    /// ``FlatTreesBuilder``, and no walk comes to a node twice.
    let nodes: [TreeNode]
    let treeCount: Int
    /// The number of features of a row.
    let featureCount: Int
    /// The categories, for trees that test any.
    let categories: CategoryTests?
    /// The number of nodes that a row passes in all trees together, on average over the training samples.
    let stepsPerRow: Double

    /// A measure of the time that one row takes, in nanoseconds: measured for trees of all depths as 2 to 4 a step.
    var nanosecondsPerRow: Int { Int(min(3 * stepsPerRow, 1e12)) + 5 * treeCount }

    /// Whether rows with missing values, or all rows, need the walk that knows of missing values and categories.
    private func needsCare(_ row: UnsafePointer<Double>) -> Bool {
        if categories != nil { return true }
        for index in 0..<featureCount where unsafe row[index].isNaN { return true }
        return false
    }

    /// Finds the leaves of all trees for each row.
    ///
    /// - Parameters:
    ///   - rows: `count` rows of `featureCount` numbers, one after the other.
    ///   - body: is called with the row, the tree and the leaf. For one row, the trees come in order.
    @inline(__always)
    func forEachLeaf(
        of rows: UnsafePointer<Double>, count: Int, _ body: (_ row: Int, _ tree: Int, _ leaf: TreeNode) -> Void
    ) {
        unsafe nodes.withUnsafeBufferPointer { buffer in
            // There is a tree, so there is a node.
            guard let nodes = buffer.baseAddress else { return }
            guard count >= Self.lanes else {
                for index in 0..<count {
                    let row = unsafe rows + index * featureCount
                    let care = unsafe needsCare(row)
                    var tree = 0
                    while tree < treeCount {
                        let last = min(tree + Self.lanes, treeCount)
                        let walk = unsafe Walk(trees: tree, last: last - 1, row: row)
                        let leaves = unsafe care ? walkWithCare(walk, nodes) : Self.walk(walk, nodes)
                        for lane in 0..<last - tree {
                            unsafe body(index, tree + lane, nodes[Int(leaves[lane])])
                        }
                        tree = last
                    }
                }
                return
            }
            var care = categories != nil
            var index = 0
            while !care, index < count * featureCount {
                care = unsafe rows[index].isNaN
                index += 1
            }
            for tree in 0..<treeCount {
                var first = 0
                while first < count {
                    let last = min(first + Self.lanes, count)
                    let walk = unsafe Walk(tree: tree, rows: rows, first: first, last: last - 1, width: featureCount)
                    let leaves = unsafe care ? walkWithCare(walk, nodes) : Self.walk(walk, nodes)
                    for lane in 0..<last - first {
                        unsafe body(first + lane, tree, nodes[Int(leaves[lane])])
                    }
                    first = last
                }
            }
        }
    }

    /// The number of walks side by side.
    private static let lanes = 8

    /// Eight walks at their beginning: each lane's node and row. Lanes that are too many repeat the last one.
    @unsafe private struct Walk {
        var nodes: SIMD8<UInt32>
        var rows:
            (
                UnsafePointer<Double>, UnsafePointer<Double>, UnsafePointer<Double>, UnsafePointer<Double>,
                UnsafePointer<Double>, UnsafePointer<Double>, UnsafePointer<Double>, UnsafePointer<Double>
            )

        /// One row through the trees from `trees` to `last`.
        @inline(__always)
        init(trees first: Int, last: Int, row: UnsafePointer<Double>) {
            let last = UInt32(truncatingIfNeeded: last)
            let first = SIMD8<UInt32>(repeating: UInt32(truncatingIfNeeded: first))
            unsafe nodes = pointwiseMin(first &+ SIMD8(0, 1, 2, 3, 4, 5, 6, 7), SIMD8(repeating: last))
            unsafe rows = (row, row, row, row, row, row, row, row)
        }

        /// The rows from `first` to `last` through one tree.
        @inline(__always)
        init(tree: Int, rows: UnsafePointer<Double>, first: Int, last: Int, width: Int) {
            @inline(__always) func row(_ lane: Int) -> UnsafePointer<Double> {
                unsafe rows + min(first + lane, last) * width
            }
            unsafe nodes = SIMD8(repeating: UInt32(truncatingIfNeeded: tree))
            unsafe self.rows = (row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7))
        }
    }

    /// Walks to the leaves, for rows without missing values through trees that test no categories.
    @inline(__always)
    private static func walk(_ walk: Walk, _ nodes: UnsafePointer<TreeNode>) -> SIMD8<UInt32> {
        unsafe go(walk, nodes) { node, row in
            let value = unsafe row[node.feature]
            return node.child &+ (value <= node.number ? 0 : 1)
        }
    }

    /// Walks to the leaves, whatever the rows and trees.
    private func walkWithCare(_ walk: Walk, _ nodes: UnsafePointer<TreeNode>) -> SIMD8<UInt32> {
        unsafe Self.go(walk, nodes) { node, row in
            let value = unsafe row[node.feature]
            let goesLeft: Bool
            if value.isNaN {
                goesLeft = node.test & TreeNode.missingGoesLeft != 0
            } else if node.test & TreeNode.categorical != 0, let categories {
                goesLeft = categories.goesLeft(value, node)
            } else {
                goesLeft = value <= node.number
            }
            return node.child &+ (goesLeft ? 0 : 1)
        }
    }

    /// - Parameter next: the child that a row goes to from a node; of a leaf, any number.
    @inline(__always)
    private static func go(
        _ walk: Walk, _ nodes: UnsafePointer<TreeNode>,
        next: (_ node: TreeNode, _ row: UnsafePointer<Double>) -> UInt32
    ) -> SIMD8<UInt32> {
        /// Goes one step; a leaf stays. Returns the mark of the node that was left.
        @inline(__always) func step(_ index: inout UInt32, _ row: UnsafePointer<Double>) -> UInt32 {
            let node = unsafe nodes[Int(index)]
            let child = unsafe next(node, row)
            index = node.isLeaf ? index : child
            return node.test
        }
        // Eight variables, so that each stays in a register of its own.
        var (n0, n1, n2, n3) = unsafe (walk.nodes[0], walk.nodes[1], walk.nodes[2], walk.nodes[3])
        var (n4, n5, n6, n7) = unsafe (walk.nodes[4], walk.nodes[5], walk.nodes[6], walk.nodes[7])
        let rows = unsafe walk.rows
        while true {
            var marks = unsafe step(&n0, rows.0)
            unsafe marks &= step(&n1, rows.1)
            unsafe marks &= step(&n2, rows.2)
            unsafe marks &= step(&n3, rows.3)
            unsafe marks &= step(&n4, rows.4)
            unsafe marks &= step(&n5, rows.5)
            unsafe marks &= step(&n6, rows.6)
            unsafe marks &= step(&n7, rows.7)
            if marks & TreeNode.leaf != 0 { return SIMD8(n0, n1, n2, n3, n4, n5, n6, n7) }
        }
    }
}
