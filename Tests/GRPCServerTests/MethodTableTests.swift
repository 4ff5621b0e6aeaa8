import GRPCServer
import Ground
import Testing

@Suite struct MethodTableTests {
    private let table = MethodTable([
        Method("a.A/One", unary: { _, message in .message(message) }),
        Method("a.A/Two", unary: { _, message in .message(message) }),
        Method("b.B/Three", unary: { _, _ in .failure(RPCStatus(.unimplemented)) }),
    ])

    private func find(_ path: String) -> Int? {
        unsafe Array(path.utf8).withUnsafeBufferPointer { unsafe table.find($0) }
    }

    @Test func findsAMethodByItsPath() {
        #expect(find("/a.A/One") == 0 && find("/a.A/Two") == 1 && find("/b.B/Three") == 2)
        for path in ["", "/", "a.A/One", "/a.A/one", "/a.A/One/", "/a.A/Onf", "/b.B/Three?"] {
            #expect(find(path) == nil, "\(path)")
        }
    }

    @Test func namesEachServiceOnce() {
        #expect(table.services == ["a.A", "b.B"])
    }
}
