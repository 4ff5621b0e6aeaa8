import Pickle
import Testing

/// Values of Python's, numpy's, SciPy's and pandas' own classes that models contain and estimators need.
@Suite("Values of well-known classes")
struct PickledKindsTests {
    private static let model = PythonName(module: "test", name: "Model")

    private func read(
        protocol version: UInt8 = 4, _ body: (inout PickleAssembler) -> Void
    ) throws(PickleError) -> PickledDocument {
        try PickleReader.read(PickleAssembler.pickle(protocol: version, body), allowing: [Self.model])
    }

    private func failure(_ body: (inout PickleAssembler) -> Void) -> PickleError.Reason? {
        #expect(throws: PickleError.self) { try read(body) }?.reason
    }

    // MARK: Python's

    @Test("Dictionaries that keep an order", arguments: ["OrderedDict", "defaultdict"])
    func dictionaries(name: String) throws {
        let document = try read(protocol: 2) {
            $0.global("collections", name)
            if name == "defaultdict" { $0.global("__builtin__", "long") }
            $0.tuple(name == "defaultdict" ? 1 : 0)
            $0.reduce()
            $0.string("a")
            $0.integer(1)
            $0.opcodes("s")
        }
        let members = try #require(document.dictionary(document.root))
        #expect(members == [PickledNode.Member(key: .string("a"), value: .integer(1))])
        #expect(document.summary(of: document.root) == "a dictionary of 1 members")
    }

    @Test("An ordered dictionary as Python 2 wrote it, from a list of pairs")
    func oldDictionary() throws {
        let document = try read(protocol: 2) {
            $0.global("collections", "OrderedDict")
            $0.opcodes("]]")
            $0.string("a")
            $0.opcodes("a")
            $0.integer(1)
            $0.opcodes("aa")
            $0.tuple(1)
            $0.reduce()
        }
        #expect(document.dictionary(document.root) == [PickledNode.Member(key: .string("a"), value: .integer(1))])
        #expect(
            failure {
                $0.global("collections", "OrderedDict")
                $0.opcodes("]Na")
                $0.tuple(1)
                $0.reduce()
            } == .unexpected(found: "None", expected: "a key and a value"))
    }

    @Test("Sets of protocol 4, and those of protocols 2 and 3")
    func sets() throws {
        let bodies: [(inout PickleAssembler) -> Void] = [
            { $0.raw([0x8F] + Array("(K\u{1}K\u{2}".utf8) + [0x90]) },
            { $0.raw(Array("(K\u{1}K\u{2}".utf8) + [0x91]) },
            { $0.opcodes("c__builtin__\nset\n](K\u{1}K\u{2}e\u{85}R".latin1) },
            { $0.opcodes("cbuiltins\nfrozenset\n](K\u{1}K\u{2}e\u{85}R".latin1) },
        ]
        for body in bodies {
            let document = try read(protocol: 4, body)
            #expect(document.set(document.root) == [.integer(1), .integer(2)])
            #expect(document.summary(of: document.root) == "a set of 2 items")
            #expect(document.list(document.root) == nil)
        }
        #expect(
            failure { $0.raw(Array("N(N".utf8) + [0x90]) } == .unexpected(found: "None", expected: "a set to add to"))
        #expect(
            failure { $0.raw(Array("](N".utf8) + [0x90]) }
                == .unexpected(found: "a list of 0 items", expected: "a set to add to"))
        #expect(
            failure { $0.raw([0x8F] + Array("Na".utf8)) }
                == .unexpected(found: "a set of 0 items", expected: "a list to append to"))
    }

    @Test("Bytes that can change, from bytes or from text")
    func byteArrays() throws {
        let bodies: [(inout PickleAssembler) -> Void] = [
            {
                $0.string("\u{0}ÿ")
                $0.string("latin-1")
                $0.tuple(2)
            },
            {
                $0.bytesObject([0, 255])
                $0.tuple(1)
            },
        ]
        for body in bodies {
            let document = try read {
                $0.global("builtins", "bytearray")
                body(&$0)
                $0.reduce()
            }
            #expect(document.root == .bytes([0, 255]))
        }
        #expect(
            try read {
                $0.global("__builtin__", "bytearray")
                $0.tuple(0)
                $0.reduce()
            }.root == .bytes([]))
        #expect(
            failure {
                $0.global("builtins", "bytearray")
                $0.integer(1 << 30)
                $0.tuple(1)
                $0.reduce()
            } != nil)
    }

    @Test("Slices", arguments: ["__builtin__", "builtins"])
    func slice(module: String) throws {
        let document = try read {
            $0.global(module, "slice")
            $0.integer(1)
            $0.string("age")
            $0.opcodes("N")
            $0.tuple(3)
            $0.reduce()
        }
        let slice = try #require(document.slice(document.root))
        #expect(slice.start == .integer(1) && slice.stop == .string("age") && slice.step == .none)
        #expect(document.summary(of: document.root) == "a slice")
    }

    @Test("Functions and classes by name")
    func names() throws {
        let document = try read {
            $0.global("numpy", "log1p")
            $0.global("test", "Model")
            $0.global("numpy", "float64")
            $0.tuple(3)
        }
        let items = try #require(document.tuple(document.root))
        let names = items.map { document.name($0)?.description }
        #expect(names == ["numpy.log1p", "test.Model", "numpy.float64"])
        #expect(document.name(document.root) == nil)
    }

    @Test("Instances in the ways of all protocols")
    func instances() throws {
        let bodies: [(inout PickleAssembler) -> Void] = [
            {
                $0.global("copy_reg", "_reconstructor")
                $0.global("test", "Model")
                $0.global("__builtin__", "object")
                $0.opcodes("N")
                $0.tuple(3)
                $0.reduce()
            },
            {
                $0.global("copyreg", "__newobj__")
                $0.global("test", "Model")
                $0.tuple(1)
                $0.reduce()
            },
            {
                $0.global("test", "Model")
                $0.opcodes(")}")
                $0.raw([0x92])
            },
        ]
        for body in bodies {
            let document = try read {
                body(&$0)
                $0.opcodes("}")
                $0.build()
            }
            guard case .node(let node) = document.root, case .instance(let name, _?) = document[node] else {
                Issue.record("no instance")
                return
            }
            #expect(name == Self.model)
        }
    }

    @Test("Arguments by name, which no class that is understood has")
    func argumentsByName() {
        let reason = failure {
            $0.global("test", "Model")
            $0.opcodes(")}NNs")
            $0.raw([0x92])
        }
        #expect(reason == .unexpected(found: "a dictionary of 1 members", expected: "no arguments by name"))
    }

    // MARK: numpy's, SciPy's and pandas'

    @Test("An array that was mapped into memory is an array")
    func memoryMap() throws {
        let document = try read(protocol: 2) {
            $0.global("numpy.core.multiarray", "_reconstruct")
            $0.global("numpy", "memmap")
            $0.integer(0)
            $0.tuple(1)
            $0.bytesObject([0x62])
            $0.tuple(3)
            $0.reduce()
            $0.opcodes("(")
            $0.integer(1)
            $0.shape([2])
            $0.dataType("u1")
            $0.boolean(false)
            $0.bytesObject([3, 4])
            $0.opcodes("t")
            $0.build()
        }
        #expect(document.array(document.root) == NumpyArray(shape: [2], elements: .integers([3, 4])))
    }

    private func index(_ assembler: inout PickleAssembler, key: String, _ data: (inout PickleAssembler) -> Void) {
        assembler.global("pandas.core.indexes.base", "_new_Index")
        assembler.global("pandas", "Index")
        assembler.opcodes("}(")
        assembler.string(key)
        data(&assembler)
        assembler.string("name")
        assembler.opcodes("Nu")
        assembler.tuple(2)
        assembler.reduce()
    }

    private func pandasArray(_ assembler: inout PickleAssembler, class name: String) {
        assembler.global("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked")
        assembler.global("pandas.arrays", name)
        assembler.opcodes("NN")
        assembler.tuple(3)
        assembler.reduce()
        assembler.opcodes("N")
        assembler.arrayFromBuffer([1, 2], type: "i1", shape: [2])
        assembler.opcodes("}")
        assembler.tuple(3)
        assembler.build()
    }

    @Test("The names of a data frame's columns are an array")
    func columnNames() throws {
        let expected = NumpyArray(shape: [2], elements: .integers([1, 2]))
        var document = try read {
            index(&$0, key: "data") { $0.arrayFromBuffer([1, 2], type: "i1", shape: [2]) }
        }
        #expect(document.array(document.root) == expected)
        document = try read { index(&$0, key: "data") { pandasArray(&$0, class: "StringArray") } }
        #expect(document.array(document.root) == expected)
    }

    @Test("Columns whose names are no array of text or numbers aren't understood")
    func otherColumns() throws {
        for key in ["data", "start"] {
            let document = try read {
                index(&$0, key: key) { pandasArray(&$0, class: "Categorical") }
                $0.tuple(1)
            }
            let items = try #require(document.tuple(document.root))
            #expect(document.summary(of: items[0]) == "a value made by 'pandas.Index'")
        }
        #expect(
            failure {
                $0.global("pandas.core.indexes.base", "_new_Index")
                $0.opcodes("N")
                $0.tuple(1)
                $0.reduce()
            } == .unexpected(found: "None", expected: "a pandas index's class and attributes"))
    }

    private func matrix(
        class name: String = "csr_matrix", indices: [UInt8] = [0, 2, 1], starts: [UInt8] = [0, 2, 3],
        shape: [Int64] = [2, 3]
    ) throws -> SparseMatrix? {
        let document = try read {
            $0.global("scipy.sparse._\(name.prefix(3))", name)
            $0.tuple(0)
            $0.newObj()
            $0.opcodes("}(")
            $0.string("_shape")
            $0.shape(shape)
            $0.string("maxprint")
            $0.integer(50)
            for (key, content) in [("indices", indices), ("indptr", starts), ("data", [7, 8, 9])] {
                $0.string(key)
                $0.arrayFromBuffer(content, type: "i1", shape: [Int64(content.count)])
            }
            $0.opcodes("u")
            $0.build()
        }
        return document.sparseMatrix(document.root)
    }

    @Test("Sparse matrices by row and by column")
    func sparse() throws {
        let byRow = try #require(try matrix())
        #expect(byRow.isByRow && byRow.rows == 2 && byRow.columns == 3)
        #expect(byRow.starts == [0, 2, 3] && byRow.indices == [0, 2, 1] && byRow.values == [7, 8, 9])
        let byColumn = try #require(try matrix(class: "csc_array", shape: [3, 2]))
        #expect(!byColumn.isByRow && byColumn.rows == 3 && byColumn.columns == 2)
    }

    @Test("Sparse matrices whose parts don't fit together are none")
    func brokenSparse() throws {
        #expect(try matrix(indices: [0, 3, 1]) == nil)
        #expect(try matrix(indices: [0, 0xFF, 1]) == nil)
        #expect(try matrix(indices: [0, 1]) == nil)
        #expect(try matrix(starts: [0, 3, 2]) == nil)
        #expect(try matrix(starts: [1, 2, 3]) == nil)
        #expect(try matrix(starts: [0, 2]) == nil)
        #expect(try matrix(starts: []) == nil)
        #expect(try matrix(shape: [2]) == nil)
        #expect(try matrix(shape: [-2, 3]) == nil)
        #expect(try matrix(shape: [1 << 62, 3]) == nil)
    }

    // MARK: Limits

    @Test("What reading may cost grows with the file's size, between two bounds")
    func limits() {
        #expect(PickleLimits.standard == PickleLimits(opcodes: 1_000_000, decodedBytes: 128 << 20))
        #expect(PickleLimits(fileSize: 20 << 20) == PickleLimits(opcodes: 10 << 20, decodedBytes: 160 << 20))
        #expect(PickleLimits(fileSize: .max) == PickleLimits(opcodes: 16_000_000, decodedBytes: 2 << 30))
    }

    @Test("Values and nodes are as small as the limits count on")
    func sizes() {
        #expect(MemoryLayout<PickledValue>.stride <= 40 && MemoryLayout<PickledNode>.stride <= 48)
    }

    @Test("Memo entries in any order")
    func memo() throws {
        let document = try read {
            // Under 5, 0, 1, then as the fourth, which is number 3.
            $0.opcodes("K\u{9}q\u{5}K\u{8}q\u{0}K\u{7}q\u{1}K\u{6}")
            $0.memoize()
            for index in [5, 0, 1, 3] as [UInt8] { $0.get(index) }
            $0.opcodes("(")
            for index in [5, 0, 1, 3] as [UInt8] { $0.get(index) }
            $0.opcodes("t")
        }
        #expect(document.tuple(document.root) == [.integer(9), .integer(8), .integer(7), .integer(6)])
    }
}

extension String {
    /// The text with each scalar below U+0100 as one byte, for opcodes above 0x7F in a text.
    fileprivate var latin1: [UInt8] { unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }
}

extension PickleAssembler {
    fileprivate mutating func opcodes(_ bytes: [UInt8]) { raw(bytes) }
}
