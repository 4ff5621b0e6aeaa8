import HTTP2
import Testing

@Suite struct StaticTableTests {
    private let table = StaticTable.table(for: .server)

    private func withField<Result>(_ name: String, _ value: String, _ body: (FieldBytes) -> Result) -> Result {
        unsafe Array((name + value).utf8).withUnsafeBufferPointer { bytes in
            unsafe body(
                FieldBytes(
                    start: bytes.baseAddress!, nameLength: name.utf8.count, valueLength: value.utf8.count))
        }
    }

    private func text(_ index: Int) -> (name: String, value: String) {
        let field = table.field(at: index)
        return unsafe (String(decoding: field.name, as: UTF8.self), String(decoding: field.value, as: UTF8.self))
    }

    /// RFC 7541, appendix A.
    @Test(arguments: [
        (1, ":authority", ""), (2, ":method", "GET"), (3, ":method", "POST"), (7, ":scheme", "https"),
        (8, ":status", "200"), (14, ":status", "500"), (16, "accept-encoding", "gzip, deflate"),
        (28, "content-length", ""), (31, "content-type", ""), (38, "host", ""), (58, "user-agent", ""),
        (61, "www-authenticate", ""),
    ])
    func placesOfTheStandard(index: Int, name: String, value: String) {
        #expect(text(index) == (name, value))
    }

    /// The table agrees with libnghttp2's.
    @Test func fieldsOfTheStandard() throws {
        for index in 1...StaticTable.count {
            let field = try Inflater().inflate([0x80 | UInt8(index)])
            #expect(field == [TestField(text(index).name, text(index).value)])
        }
    }

    @Test func everyFieldIsFound() {
        for index in 1...StaticTable.count {
            let (name, value) = text(index)
            let first = (1...StaticTable.count).first { text($0).name == name }
            #expect(withField(name, value) { table.index(ofName: $0) } == first)
            // A field without a value is found by its name alone.
            #expect(withField(name, value) { table.index(of: $0, hash: $0.hash) } == (value.isEmpty ? nil : index))
        }
    }

    @Test(arguments: [
        (":method", "PUT"), (":path", "/index.htm"), (":metho", "dGET"), (":status", "20"), ("x", "GET"), ("host", "a"),
    ])
    func otherFieldsAreNotTheProxys(name: String, value: String) {
        #expect(withField(name, value) { table.index(of: $0, hash: $0.hash) } == nil)
        // Not even with the hash of an entry.
        let hash = withField(":method", "GET") { $0.hash }
        #expect(withField(name, value) { table.index(of: $0, hash: hash) } == nil)
    }

    @Test(arguments: ["x", "", "accept-encodinG", "strict-transport-securit", "a-name-longer-than-any-in-the-table"])
    func otherNamesAreNot(name: String) {
        #expect(withField(name, "v") { table.index(ofName: $0) } == nil)
    }

    /// Whether a field is allowed depends on the receiver's role.
    @Test func fieldsAreJudgedByRole() {
        let other = StaticTable.table(for: .client)
        for index in 1...StaticTable.count {
            let (name, _) = text(index)
            let isSound = [StaticTable.table(for: .server).kind(at: index).isSound, other.kind(at: index).isSound]
            switch name {
            case ":status": #expect(isSound == [false, true])
            case ":method", ":scheme", ":path": #expect(isSound == [true, false])
            case "transfer-encoding": #expect(isSound == [false, false])
            case ":authority", "host": break
            default: #expect(isSound == [true, true], "\(name)")
            }
        }
    }
}
