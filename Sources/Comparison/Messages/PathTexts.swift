/// The texts of the paths that comparisons have met: each is put together once.
///
/// A tree of steps. It is bounded: beyond so many steps, and for high indices and keys, texts are put together anew each time.
struct PathTexts: Sendable {
    /// A path in the words of statistics, and in those of one value.
    struct Texts {
        let pattern: String
        /// `nil` if it has to be put together.
        let place: String?
    }

    private struct Node {
        let step: PathSegment
        /// Of the path that ends here.
        let texts: Texts
        /// The next step that may stand in its place, and the first of those below it; -1 for none.
        var next: Int
        var below = -1
    }

    private static let mostNodes = 1024
    /// Indices that are told apart.
    private static let indices = 0..<16

    private var nodes: [Node] = []

    /// - Parameter path: not empty.
    mutating func texts(of path: [PathSegment]) -> Texts {
        var node = -1
        for place in path.indices {
            switch path[place] {
            case .field, .number, .place: break
            case .index(let index): if !Self.indices.contains(index) { return .unknown(path) }
            case .key: return .unknown(path)
            }
            var child = node >= 0 ? nodes[node].below : nodes.isEmpty ? -1 : 0
            var last = child
            while child >= 0, nodes[child].step != path[place] { (last, child) = (child, nodes[child].next) }
            if child < 0 {
                guard nodes.count < Self.mostNodes else { return .unknown(path) }
                child = nodes.count
                let way = path[...place]
                let texts = Texts(pattern: way.pattern, place: way.place(reveal: false))
                nodes.append(Node(step: path[place], texts: texts, next: -1))
                if last >= 0 { nodes[last].next = child } else if node >= 0 { nodes[node].below = child }
            }
            node = child
        }
        return nodes[node].texts
    }
}

extension PathTexts.Texts {
    fileprivate static func unknown(_ path: [PathSegment]) -> Self { Self(pattern: path.pattern, place: nil) }
}
