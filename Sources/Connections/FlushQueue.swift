import HTTP2

/// The connections whose sessions have something to send, in the order in which they came to have it, clients' and
/// upstreams' apart. Their owner flushes them in rounds: it takes one side's connections out, flushes each, and gives
/// the array back. Flushing one session gives credit to others, which are then here too. Confined to the worker's
/// thread.
package struct FlushQueue<Connection>: ~Copyable {
    private var clients: [Connection] = []
    private var upstreams: [Connection] = []
    /// An empty array with the room of one that was given back, so that rounds allocate nothing.
    private var spare: [Connection] = []

    package init() {}

    package var isEmpty: Bool { clients.isEmpty && upstreams.isEmpty }

    /// - Parameter role: the role of this side's session: `.server` for a client's connection.
    package mutating func add(_ connection: Connection, _ role: Session.Role) {
        switch role {
        case .server: clients.append(connection)
        case .client: upstreams.append(connection)
        }
    }

    /// Takes out all connections of one side.
    package mutating func take(_ role: Session.Role) -> [Connection] {
        switch role {
        case .server: swap(&clients, &spare)
        case .client: swap(&upstreams, &spare)
        }
        var taken: [Connection] = []
        swap(&taken, &spare)
        return taken
    }

    /// Takes back an array that `take(_:)` has returned, for its room.
    ///
    /// - Parameter array: the array, emptied.
    package mutating func reuse(_ array: consuming [Connection]) {
        spare = array
    }
}
