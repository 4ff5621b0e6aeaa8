import Connections
import Testing

@Suite struct ConnectionTableTests {
    private final class Connection {}

    private let connections = (0..<4).map { _ in Connection() }

    private func table() -> ConnectionTable<Connection> {
        var table = ConnectionTable<Connection>()
        for connection in connections { table.insert(connection) }
        return table
    }

    private func places(_ table: ConnectionTable<Connection>) -> [Int] {
        table.values.compactMap { value in connections.firstIndex { $0 === value } }
    }

    @Test func findsExistingConnections() {
        var table = table()
        #expect(places(table) == [0, 1, 2, 3] && table.count == 4)
        for connection in connections { #expect(table[ObjectIdentifier(connection)] === connection) }
        let wasHere = table.remove(connections[1])
        #expect(wasHere && table[ObjectIdentifier(connections[1])] == nil)
    }

    /// The last entry moves into the place of one that is removed, and is found there whichever is removed next.
    @Test func theLastEntryMovesIntoTheFreePlace() {
        var table = table()
        table.remove(connections[0])
        #expect(places(table) == [3, 1, 2])
        table.remove(connections[3])
        #expect(places(table) == [2, 1])
        for index in [1, 2] { #expect(table[ObjectIdentifier(connections[index])] === connections[index]) }
        table.remove(connections[1])
        #expect(places(table) == [2])
        table.remove(connections[2])
        #expect(table.isEmpty)
    }

    @Test func removesOnce() {
        var table = table()
        table.remove(connections[2])
        let wasHere = table.remove(connections[2])
        #expect(!wasHere && places(table) == [0, 1, 3])
        let isStranger = !table.remove(Connection())
        #expect(isStranger && table.count == 3)
    }
}
