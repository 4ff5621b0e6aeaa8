import Pickle
import Testing

@Suite("Arrays of records in pickles")
struct NumpyRecordsTests {
    private typealias Field = (name: String, type: String, byteOrder: String, offset: Int32)

    private static let fields: [Field] = [
        ("left", "i8", "<", 0), ("flag", "b1", "|", 8), ("value", "f8", "<", 9), ("small", "i2", ">", 17),
        ("count", "u4", "<", 19), ("short", "f4", "<", 23), ("big", "u8", "<", 27),
    ]

    private static let record: [UInt8] =
        littleEndian(Int64(-2)) + [1] + littleEndian((1.5).bitPattern) + [0xFF, 0xFE] + littleEndian(UInt32.max)
        + littleEndian(Float(0.1).bitPattern) + littleEndian(UInt64(7))

    private func type(
        _ fields: [Field], size: Int32, in assembler: inout PickleAssembler
    ) {
        assembler.global("numpy", "dtype")
        assembler.string("V\(size)")
        assembler.tuple(1)
        assembler.reduce()
        assembler.opcodes("(")
        assembler.integer(3)
        assembler.string("|")
        assembler.opcodes("N(")
        for field in fields { assembler.string(field.name) }
        assembler.opcodes("t}(")
        for field in fields {
            assembler.string(field.name)
            assembler.dataType(field.type, byteOrder: field.byteOrder, itemSize: field.type == "U2" ? 8 : -1)
            assembler.integer(field.offset)
            assembler.tuple(2)
        }
        assembler.opcodes("u")
        assembler.integer(size)
        assembler.integer(1)
        assembler.integer(16)
        assembler.opcodes("t")
        assembler.build()
    }

    private func array(
        _ content: [UInt8], fields: [Field] = fields, size: Int32 = 35, shape: [Int64] = [2], order: String = "C"
    ) throws -> (records: NumpyRecords?, summary: String) {
        let pickle = PickleAssembler.pickle {
            $0.global("numpy._core.numeric", "_frombuffer")
            $0.opcodes("(")
            $0.bytesObject(content)
            type(fields, size: size, in: &$0)
            $0.shape(shape)
            $0.string(order)
            $0.opcodes("t")
            $0.reduce()
        }
        let document = try PickleReader.read(pickle, allowing: [])
        guard case .node(let node) = document.root, case .records(let records) = document[node] else {
            return (nil, document.summary(of: document.root))
        }
        return (records, document.summary(of: document.root))
    }

    @Test("Fields of all kinds, sizes and byte orders, wherever they lie")
    func fields() throws {
        let (records, summary) = try array(Self.record + [UInt8](repeating: 0, count: 35))
        let found = try #require(records)
        #expect(found.count == 2 && summary == "an array of 2 records")
        #expect(found.integers("left") == [-2, 0])
        #expect(found.integers("flag") == [1, 0])
        #expect(found.integers("small") == [-2, 0])
        #expect(found.integers("count") == [Int(UInt32.max), 0])
        #expect(found.integers("big") == [7, 0])
        #expect(found.floats("value") == [1.5, 0])
        #expect(found.floats("short") == [Double(Float(0.1)), 0])
        #expect(found.floats("left") == nil && found.integers("value") == nil && found.integers("right") == nil)
    }

    @Test("An unsigned number beyond what an Int holds is none")
    func huge() throws {
        let records = try array([UInt8](repeating: 0xFF, count: 35), shape: [1]).records
        #expect(records?.integers("big") == nil)
        #expect(records?.integers("count") == [Int(UInt32.max)])
    }

    @Test("joblib's records lie between the opcodes")
    func joblib() throws {
        let pickle = PickleAssembler.pickle {
            $0.global("joblib.numpy_pickle", "NumpyArrayWrapper")
            $0.tuple(0)
            $0.newObj()
            $0.opcodes("}(")
            $0.string("subclass")
            $0.global("numpy", "ndarray")
            $0.string("shape")
            $0.shape([1])
            $0.string("order")
            $0.string("C")
            $0.string("dtype")
            type(Self.fields, size: 35, in: &$0)
            $0.string("numpy_array_alignment_bytes")
            $0.integer(16)
            $0.opcodes("u")
            $0.build()
            $0.raw([2, 0xFF, 0xFF] + Self.record)
        }
        let document = try PickleReader.read(pickle, allowing: [])
        guard case .node(let node) = document.root, case .records(let records) = document[node] else {
            Issue.record("\(document.summary(of: document.root))")
            return
        }
        #expect(records.floats("value") == [1.5])
    }

    @Test("Records of more than numbers, or whose fields don't fit, are not understood")
    func opaque() throws {
        let bad: [[Field]] = [
            [("a", "U2", "<", 0)], [("a", "O8", "|", 0)], [("a", "f8", "<", -1)], [("a", "f8", "<", 1)],
            [("a", "f8", "<", .max)], [], [("a", "c16", "<", 0)],
        ]
        for fields in bad {
            let found = try array([UInt8](repeating: 0, count: 16), fields: fields, size: 8)
            #expect(found.records == nil)
            #expect(found.summary.hasPrefix("an array of the data type"), "\(found.summary)")
        }
        let square = try array([UInt8](repeating: 0, count: 140), shape: [2, 2])
        #expect(square.summary == "an array of shape [2, 2] of a record of 7 fields")
    }

    @Test("Bytes that are no whole records are refused", arguments: [0, 1, 34, 69, 71])
    func size(count: Int) {
        #expect(throws: PickleError.self) { try array([UInt8](repeating: 0, count: count)) }
    }

    @Test("Many arrays of the same bytes are refused before they take memory")
    func bomb() {
        let pickle = PickleAssembler.pickle {
            type(Self.fields, size: 35, in: &$0)
            $0.memoize()
            $0.bytesObject([UInt8](repeating: 0, count: 35 << 10))
            $0.memoize()
            for _ in 0..<10_000 {
                $0.global("numpy._core.numeric", "_frombuffer")
                $0.opcodes("(")
                $0.get(1)
                $0.get(0)
                $0.shape([1 << 10])
                $0.string("C")
                $0.opcodes("t")
                $0.reduce()
            }
        }
        let error = #expect(throws: PickleError.self) { try PickleReader.read(pickle, allowing: []) }
        #expect(error?.reason == .limitExceeded(what: "bytes of decoded arrays", limit: 128 << 20))
    }
}

@Suite("Instances made with arguments")
struct InstanceArgumentsTests {
    private let tree = PythonName(module: "sklearn.tree._tree", name: "Tree")

    @Test("The arguments of an allowed class are kept, its state is too", arguments: [false, true])
    func arguments(isNewObject: Bool) throws {
        let pickle = PickleAssembler.pickle {
            $0.global(tree.module, tree.name)
            $0.integer(4)
            $0.integer(1)
            $0.tuple(2)
            if isNewObject { $0.newObj() } else { $0.reduce() }
            $0.opcodes("}")
            $0.string("max_depth")
            $0.integer(2)
            $0.opcodes("s")
            $0.build()
        }
        let document = try PickleReader.read(pickle, allowing: [tree])
        guard case .node(let node) = document.root, case .instance(tree, let attributes?) = document[node] else {
            Issue.record("\(document.summary(of: document.root))")
            return
        }
        #expect(document.arguments(of: node) == [.integer(4), .integer(1)])
        #expect(document.arguments(of: attributes) == [])
        #expect(document.member("max_depth", of: attributes) == .integer(2))
    }

    @Test("Arguments that are no tuple are refused", arguments: [false, true])
    func noTuple(isNewObject: Bool) {
        let pickle = PickleAssembler.pickle {
            $0.global(tree.module, tree.name)
            $0.integer(4)
            if isNewObject { $0.newObj() } else { $0.reduce() }
        }
        #expect(throws: PickleError.self) { try PickleReader.read(pickle, allowing: [tree]) }
    }
}
