/// Connections, each found by its identity. The order of iteration depends only on what was added and removed, not on
/// addresses in memory. Confined to one thread.
package struct ConnectionTable<Element: AnyObject> {
    /// The connections, in an order that changes as connections are removed.
    package private(set) var values: [Element] = []
    private var places: [ObjectIdentifier: Int] = [:]

    package init() {}

    /// Whether there are no connections.
    package var isEmpty: Bool { values.isEmpty }
    /// Number of connections.
    package var count: Int { values.count }

    /// The connection with this identity; `nil` if it isn't here.
    package subscript(id: ObjectIdentifier) -> Element? { places[id].map { values[$0] } }

    /// Adds a connection that isn't here.
    package mutating func insert(_ element: Element) {
        let former = places.updateValue(values.count, forKey: ObjectIdentifier(element))
        assert(former == nil, "a connection comes once")
        values.append(element)
    }

    /// - Returns: whether the connection was here.
    @discardableResult
    package mutating func remove(_ element: Element) -> Bool {
        guard let place = places.removeValue(forKey: ObjectIdentifier(element)) else { return false }
        let last = values.removeLast()
        if place < values.count {
            values[place] = last
            places[ObjectIdentifier(last)] = place
        }
        return true
    }
}
