import Connections
import TestSupport
import Testing

@Suite struct ClientTableTests {
    private final class Client {}

    @Test func numbersClientsFromOne() {
        var table = ClientTable<Client>()
        let numbers = (0..<3).map { _ in table.nextNumber() }
        #expect(numbers == [1, 2, 3])
    }

    /// The count of those who came doesn't go down when they leave.
    @Test func countsThoseWhoCameAndThoseWhoAreHere() {
        var table = ClientTable<Client>()
        let clients = (0..<3).map { _ in Client() }
        for client in clients { table.insert(client) }
        let left = [clients[0], clients[0]].map { table.remove($0) }
        #expect(left == [true, false])
        expect(table.accepted == 3 && table.count == 2 && !table.isEmpty)
        expect(table[ObjectIdentifier(clients[0])] == nil && table[ObjectIdentifier(clients[1])] === clients[1])
        expect(Set(table.values.map(ObjectIdentifier.init)) == Set(clients.dropFirst().map(ObjectIdentifier.init)))
    }
}
