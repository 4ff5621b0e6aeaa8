/// A worker's clients, with their numbers and their count. Confined to the worker's thread.
package struct ClientTable<Client: AnyObject>: ~Copyable {
    private var table = ConnectionTable<Client>()
    /// Number of clients that have been added.
    package private(set) var accepted = 0
    private var lastNumber: UInt64 = 0

    package init() {}

    /// The clients, in an order that depends only on what was added and removed.
    package var values: [Client] { table.values }
    package var isEmpty: Bool { table.isEmpty }
    package var count: Int { table.count }

    package subscript(id: ObjectIdentifier) -> Client? { table[id] }

    /// Numbers clients from 1; no number is given out twice.
    package mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    /// Adds a client that isn't here.
    package mutating func insert(_ client: Client) {
        table.insert(client)
        accepted += 1
    }

    /// - Returns: whether the client was here.
    package mutating func remove(_ client: Client) -> Bool { table.remove(client) }
}

extension ClientTable where Client == ServerConnection {
    /// The clients without calls that are to make room, by the wishes of the other peers.
    ///
    /// - Returns: the clients, and how many of each peer are still wanted.
    func longestIdle(_ wishes: [Peer: Int]) -> (clients: [ServerConnection], unmet: [Peer: Int]) {
        var clients: [ServerConnection] = []
        var candidates: [IdleChoice.Candidate<Peer>] = []
        for client in table.values {
            guard let share = client.registration.share, wishes[share] != nil, let since = client.idleSince else {
                continue
            }
            clients.append(client)
            candidates.append(IdleChoice.Candidate(peer: share, idleSince: since))
        }
        let (chosen, unmet) = IdleChoice.choose(from: candidates, wishes: wishes)
        return (chosen.map { clients[$0] }, unmet)
    }
}
