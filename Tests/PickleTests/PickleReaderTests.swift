import Pickle
import Testing

@Suite("Pickle reader")
struct PickleReaderTests {
    private func root(
        protocol version: UInt8 = 4, _ body: (inout PickleAssembler) -> Void
    ) throws(PickleError) -> PickledValue {
        try PickleReader.read(PickleAssembler.pickle(protocol: version, body), allowing: []).root
    }

    @Test("Constants")
    func constants() throws {
        #expect(try root { $0.opcodes("N") } == .none)
        #expect(try root { $0.boolean(true) } == .boolean(true))
        #expect(try root { $0.boolean(false) } == .boolean(false))
    }

    @Test("Integers in every length", arguments: [0, 1, -1, 255, 256, 65_535, 1 << 31 - 1, -(1 << 31)])
    func integers(number: Int) throws {
        #expect(try root { $0.integer(Int32(number)) } == .integer(number))
        #expect(try root { $0.long(Int64(number)) } == .integer(number))
    }

    @Test("Integers of one and two bytes are unsigned")
    func shortIntegers() throws {
        #expect(try root { $0.raw([0x4B, 0xFF]) } == .integer(255))
        #expect(try root { $0.raw([0x4D, 0xFF, 0xFF]) } == .integer(65_535))
    }

    @Test("LONG of any length up to eight bytes is two's complement")
    func longs() throws {
        #expect(try root { $0.raw([0x8A, 0]) } == .integer(0))
        #expect(try root { $0.raw([0x8A, 1, 0xFF]) } == .integer(-1))
        #expect(try root { $0.raw([0x8A, 2, 0xFF, 0x00]) } == .integer(255))
        #expect(try root { $0.raw([0x8A, 3, 0x00, 0x00, 0x80]) } == .integer(-8_388_608))
        #expect(try root { $0.long(.min) } == .integer(.min))
        #expect(try root { $0.raw([0x8B, 1, 0, 0, 0, 7]) } == .integer(7))
    }

    @Test("Floating-point numbers have their highest byte first")
    func floats() throws {
        #expect(try root { $0.raw([0x47, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0]) } == .float(1.5))
    }

    @Test("Text is UTF-8")
    func text() throws {
        #expect(try root { $0.string("größer") } == .string("größer"))
        #expect(try root { $0.raw([0x8C, 2, 0xC3, 0xA9]) } == .string("é"))
        #expect(try root { $0.raw([0x8D, 1, 0, 0, 0, 0, 0, 0, 0, 0x61]) } == .string("a"))
    }

    @Test("Bytes in every form")
    func bytes() throws {
        #expect(try root { $0.bytesObject([1, 2]) } == .bytes([1, 2]))
        #expect(try root { $0.raw([0x43, 1, 9]) } == .bytes([9]))
        #expect(try root { $0.raw([0x8E, 1, 0, 0, 0, 0, 0, 0, 0, 9]) } == .bytes([9]))
        #expect(try root(protocol: 5) { $0.raw([0x96, 1, 0, 0, 0, 0, 0, 0, 0, 9]) } == .bytes([9]))
    }

    @Test("Bytes of protocol 2 are Latin-1 text")
    func encodedBytes() throws {
        let value = try root(protocol: 2) {
            $0.global("_codecs", "encode")
            $0.string("\u{0}ÿ")
            $0.string("latin1")
            $0.tuple(2)
            $0.reduce()
        }
        #expect(value == .bytes([0, 255]))
    }

    @Test("Lists and dictionaries keep the order of the file; tuples of every length")
    func containers() throws {
        let pickle = PickleAssembler.pickle {
            $0.opcodes("](")
            $0.integer(1)
            $0.integer(2)
            $0.opcodes("e")
            $0.tuple(0)
            $0.opcodes("a}")
            $0.string("key")
            $0.integer(3)
            $0.opcodes("sa")
            $0.opcodes("(NNNNta")
        }
        let document = try PickleReader.read(pickle, allowing: [])
        let items = try #require(document.list(document.root))
        #expect(items[0] == .integer(1))
        #expect(items[1] == .integer(2))
        #expect(document.tuple(items[2]) == [])
        guard case .node(let dictionary) = items[3] else {
            Issue.record("no dictionary")
            return
        }
        #expect(document.member("key", of: dictionary) == .integer(3))
        #expect(document.member("other", of: dictionary) == nil)
        #expect(document.tuple(items[4]) == [.none, .none, .none, .none])
    }

    @Test("The last of equal keys counts")
    func equalKeys() throws {
        let pickle = PickleAssembler.pickle {
            $0.opcodes("}(")
            for number: Int32 in [1, 2] {
                $0.string("key")
                $0.integer(number)
            }
            $0.opcodes("u")
        }
        let document = try PickleReader.read(pickle, allowing: [])
        guard case .node(let dictionary) = document.root else {
            Issue.record("no dictionary")
            return
        }
        #expect(document.member("key", of: dictionary) == .integer(2))
    }

    @Test("What the memo holds is shared, not copied: a list is seen to change through it")
    func sharing() throws {
        let pickle = PickleAssembler.pickle {
            $0.opcodes("]")
            $0.memoize()
            $0.get(0)
            $0.integer(5)
            $0.opcodes("a")
            $0.tuple(2)
        }
        let document = try PickleReader.read(pickle, allowing: [])
        let items = try #require(document.tuple(document.root))
        #expect(items[0] == items[1])
        #expect(document.list(items[0]) == [.integer(5)])
    }

    @Test("A list that contains itself is read, and ends")
    func cycle() throws {
        let pickle = PickleAssembler.pickle {
            $0.opcodes("]")
            $0.memoize()
            $0.get(0)
            $0.opcodes("a")
        }
        let document = try PickleReader.read(pickle, allowing: [])
        #expect(document.list(document.root) == [document.root])
    }

    @Test("An instance of an allowed class keeps its attributes and its class")
    func instance() throws {
        let name = PythonName(module: "shop.models", name: "Item")
        let pickle = PickleAssembler.pickle {
            $0.string(name.module)
            $0.string(name.name)
            $0.raw([0x93])
            $0.tuple(0)
            $0.newObj()
            $0.opcodes("}")
            $0.string("price")
            $0.integer(3)
            $0.opcodes("s")
            $0.build()
        }
        let document = try PickleReader.read(pickle, allowing: [name])
        guard case .node(let node) = document.root, case .instance(let found, let attributes?) = document[node] else {
            Issue.record("no instance")
            return
        }
        #expect(found == name)
        #expect(document.member("price", of: attributes) == .integer(3))
    }

    @Test("Frames are read through", arguments: [4, 5] as [UInt8])
    func frame(version: UInt8) throws {
        let value = try root(protocol: version) {
            $0.raw([0x95, 6, 0, 0, 0, 0, 0, 0, 0])
            $0.integer(7)
        }
        #expect(value == .integer(7))
    }

    @Test("POP removes a value or a mark, DUP doubles")
    func stack() throws {
        #expect(try root { $0.opcodes("N(00N") } == .none)
        #expect(try root { $0.opcodes("N(NN1") } == .none)
        let pickle = PickleAssembler.pickle {
            $0.integer(1)
            $0.opcodes("2")
            $0.tuple(2)
        }
        let document = try PickleReader.read(pickle, allowing: [])
        #expect(document.tuple(document.root) == [.integer(1), .integer(1)])
    }
}
