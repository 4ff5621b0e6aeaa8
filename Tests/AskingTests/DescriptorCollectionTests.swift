import Asking
import Testing

@Suite struct DescriptorCollectionTests {
    typealias Flaw = DescriptorCollection.Flaw

    /// A `FileDescriptorProto`.
    static func file(_ name: String, services: [String] = [], needs: [String] = []) -> [UInt8] {
        ProtobufText.field(1, name) + ProtobufText.field(2, "pkg")
            + needs.flatMap { ProtobufText.field(3, $0) }
            + services.flatMap { ProtobufText.field(6, ProtobufText.field(1, $0)) }
    }

    static func files(_ files: [UInt8]...) -> [UInt8] {
        ProtobufText.field(4, files.flatMap { ProtobufText.field(1, $0) })
    }

    static func services(_ names: String...) -> [UInt8] {
        ProtobufText.field(6, names.flatMap { ProtobufText.field(1, ProtobufText.field(1, $0)) })
    }

    static func error(_ text: String) -> [UInt8] { ProtobufText.field(7, [0x08, 5] + ProtobufText.field(2, text)) }

    static func symbol(_ name: String) -> [UInt8] { ProtobufText.field(4, name) }
    static func fileName(_ name: String) -> [UInt8] { ProtobufText.field(3, name) }

    /// Everything that is to be asked now.
    private func questions(_ collection: inout DescriptorCollection) -> [[UInt8]] {
        var found: [[UInt8]] = []
        while let question = collection.next() { found.append(question) }
        return found
    }

    @Test func collectsEachFileOnce() throws {
        var collection = DescriptorCollection()
        #expect(questions(&collection) == [ProtobufText.field(7, "*")])
        try collection.take(Self.services("pkg.A", "pkg.B", "pkg.C"))
        #expect(questions(&collection) == [Self.symbol("pkg.A"), Self.symbol("pkg.B"), Self.symbol("pkg.C")])
        let (a, base) = (Self.file("a.proto", services: ["A", "B"], needs: ["base.proto"]), Self.file("base.proto"))
        try collection.take(Self.files(a))
        #expect(questions(&collection) == [Self.fileName("base.proto")])
        // The second service is in the same file, which comes again with what it needs.
        try collection.take(Self.files(a, base))
        let c = Self.file("c.proto", services: ["C"], needs: ["base.proto", "gone.proto"])
        try collection.take(Self.files(c))
        #expect(questions(&collection) == [Self.fileName("gone.proto")])
        try collection.take(Self.files(base))
        #expect(!collection.isComplete)
        // A file that the server lacks leaves the others.
        try collection.take(Self.error("not found"))
        #expect(collection.isComplete)
        #expect(
            try collection.descriptorSet()
                == ProtobufText.field(1, a) + ProtobufText.field(1, base) + ProtobufText.field(1, c))
    }

    @Test func asksForNoServiceWhoseFileIsHere() throws {
        var collection = DescriptorCollection()
        _ = questions(&collection)
        let names = (1...20).map { "S\($0)" }
        try collection.take(
            ProtobufText.field(6, names.flatMap { ProtobufText.field(1, ProtobufText.field(1, "pkg.\($0)")) }))
        // Not all at once.
        #expect(questions(&collection).count == 16)
        try collection.take(Self.files(Self.file("all.proto", services: names)))
        #expect(questions(&collection) == [])
    }

    @Test func saysWhyThereIsNone() throws {
        for (list, flaw) in [
            (Self.error("out of service"), Flaw.noServices("out of service")), ([], .noServices("the list is empty")),
        ] {
            var collection = DescriptorCollection()
            _ = questions(&collection)
            try collection.take(list)
            #expect(throws: flaw) { try collection.descriptorSet() }
        }
        var collection = DescriptorCollection()
        _ = questions(&collection)
        try collection.take(Self.services("pkg.A"))
        _ = questions(&collection)
        try collection.take(Self.error("not found"))
        #expect(collection.isComplete)
        #expect(throws: Flaw.noFiles) { try collection.descriptorSet() }
    }

    @Test func isBounded() throws {
        var collection = DescriptorCollection()
        _ = questions(&collection)
        try collection.take(Self.services("pkg.A", "pkg.B", "pkg.C"))
        _ = questions(&collection)
        for name in ["a", "b"] {
            let filler = ProtobufText.field(4, [UInt8](repeating: 0, count: 4_000_000))
            try collection.take(Self.files(Self.file(name) + filler))
        }
        #expect(throws: Flaw.tooLarge) {
            let filler = ProtobufText.field(4, [UInt8](repeating: 0, count: 500_000))
            try collection.take(Self.files(Self.file("c") + filler))
        }
        var endless = DescriptorCollection()
        _ = questions(&endless)
        let many = (0...DescriptorCollection.mostQuestions).flatMap {
            ProtobufText.field(1, ProtobufText.field(1, "pkg.S\($0)"))
        }
        #expect(throws: Flaw.tooLarge) { try endless.take(ProtobufText.field(6, many)) }
    }

    @Test func refusesWhatIsNoAnswer() throws {
        var collection = DescriptorCollection()
        #expect(throws: Flaw.malformed) { try collection.take([]) }
        _ = questions(&collection)
        #expect(throws: Flaw.malformed) { try collection.take([0xff]) }
        var second = DescriptorCollection()
        _ = questions(&second)
        try second.take(Self.services("pkg.A"))
        _ = questions(&second)
        // A file without a name.
        #expect(throws: Flaw.malformed) { try second.take(Self.files([])) }
    }
}
