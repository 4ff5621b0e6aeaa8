import Pickle
import Testing

@Suite("numpy arrays in pickles")
struct NumpyArrayTests {
    private func array(_ body: (inout PickleAssembler) -> Void) throws -> NumpyArray {
        let document = try PickleReader.read(PickleAssembler.pickle(protocol: 5, body), allowing: [])
        guard case .node(let node) = document.root, case .array(let array) = document[node] else {
            throw PickleError(offset: 0, reason: .unexpected(found: "something else", expected: "an array"))
        }
        return array
    }

    @Test("Floating-point numbers of both sizes and byte orders")
    func floats() throws {
        let bits = (1.5).bitPattern
        #expect(
            try array { $0.arrayFromBuffer(littleEndian(bits), type: "f8", shape: [1]) }
                == NumpyArray(shape: [1], elements: .floats([1.5])))
        #expect(
            try array { $0.arrayFromBuffer(littleEndian(bits).reversed(), type: "f8", byteOrder: ">", shape: [1]) }
                == NumpyArray(shape: [1], elements: .floats([1.5])))
        #expect(
            try array { $0.arrayFromBuffer(littleEndian(Float(0.1).bitPattern), type: "f4", shape: [1]) }
                == NumpyArray(shape: [1], elements: .floats([Double(Float(0.1))])))
    }

    @Test("Integers: signed ones keep their sign, unsigned ones their value")
    func integers() throws {
        let cases: [(String, [UInt8], Int)] = [
            ("i1", [0xFF], -1), ("u1", [0xFF], 255),
            ("i2", [0xFE, 0xFF], -2), ("u2", [0xFE, 0xFF], 65_534),
            ("i4", [0, 0, 0, 0x80], -(1 << 31)), ("u4", [0, 0, 0, 0x80], 1 << 31),
            ("i8", littleEndian(Int64.min), .min), ("u8", littleEndian(Int64.max), .max),
        ]
        for (type, content, number) in cases {
            #expect(
                try array { $0.arrayFromBuffer(content, type: type, shape: [1]) }.elements == .integers([number]),
                "\(type)")
        }
    }

    @Test("An unsigned integer beyond what an Int holds is no integer")
    func hugeInteger() {
        #expect(throws: PickleError.self) {
            try array { $0.arrayFromBuffer([UInt8](repeating: 0xFF, count: 8), type: "u8", shape: [1]) }
        }
    }

    @Test("Booleans")
    func booleans() throws {
        #expect(
            try array { $0.arrayFromBuffer([1, 0, 2], type: "b1", byteOrder: "|", shape: [3]) }.elements
                == .booleans([true, false, true]))
    }

    @Test("Text loses the zeros at its end, and no others")
    func text() throws {
        func ucs4(_ text: String, width: Int, bigEndian: Bool = false) -> [UInt8] {
            var codes = text.unicodeScalars.map(\.value)
            codes += Array(repeating: 0, count: width - codes.count)
            return codes.flatMap { littleEndian(bigEndian ? $0.byteSwapped : $0) }
        }
        let words = ucs4("ab", width: 3) + ucs4("", width: 3) + ucs4("x\u{0}é", width: 3)
        #expect(
            try array { $0.arrayFromBuffer(words, type: "U3", itemSize: 12, shape: [3]) }.elements
                == .strings(["ab", "", "x\u{0}é"]))
        let swapped = ucs4("ab", width: 3, bigEndian: true)
        #expect(
            try array { $0.arrayFromBuffer(swapped, type: "U3", byteOrder: ">", itemSize: 12, shape: [1]) }.elements
                == .strings(["ab"]))
    }

    @Test("Text with a character that is none of Unicode's is no text")
    func invalidText() {
        #expect(throws: PickleError.self) {
            try array { $0.arrayFromBuffer([0, 0xD8, 0, 0], type: "U1", itemSize: 4, shape: [1]) }
        }
    }

    @Test("Column-major arrays are turned into row-major order")
    func columnMajor() throws {
        // [[1, 2, 3], [4, 5, 6]] as Fortran stores it.
        #expect(
            try array { $0.arrayFromBuffer([1, 4, 2, 5, 3, 6], type: "i1", shape: [2, 3], order: "F") }
                == NumpyArray(shape: [2, 3], elements: .integers([1, 2, 3, 4, 5, 6])))
        // Element (i, j, k) of shape (2, 2, 2) lies at i + 2j + 4k.
        #expect(
            try array { $0.arrayFromBuffer([0, 1, 2, 3, 4, 5, 6, 7], type: "i1", shape: [2, 2, 2], order: "F") }
                == NumpyArray(shape: [2, 2, 2], elements: .integers([0, 4, 2, 6, 1, 5, 3, 7])))
    }

    @Test("Arrays as protocol 2 writes them: an empty one that is given its state")
    func reconstruct() throws {
        let result = try array {
            $0.global("numpy.core.multiarray", "_reconstruct")
            $0.global("numpy", "ndarray")
            $0.integer(0)
            $0.tuple(1)
            $0.bytesObject([UInt8(ascii: "b")])
            $0.tuple(3)
            $0.reduce()
            $0.opcodes("(")
            $0.integer(1)
            $0.shape([2])
            $0.dataType("i1")
            $0.boolean(false)
            $0.bytesObject([7, 8])
            $0.opcodes("t")
            $0.build()
        }
        #expect(result == NumpyArray(shape: [2], elements: .integers([7, 8])))
    }

    @Test("Arrays of objects come from a list")
    func objects() throws {
        let result = try array {
            $0.global("numpy._core.multiarray", "_reconstruct")
            $0.global("numpy", "ndarray")
            $0.integer(0)
            $0.tuple(1)
            $0.bytesObject([UInt8(ascii: "b")])
            $0.tuple(3)
            $0.reduce()
            $0.opcodes("(")
            $0.integer(1)
            $0.shape([2])
            $0.dataType("O8", byteOrder: "|")
            $0.boolean(false)
            $0.opcodes("](")
            $0.string("yes")
            $0.string("no")
            $0.opcodes("et")
            $0.build()
        }
        #expect(result == NumpyArray(shape: [2], elements: .objects([.string("yes"), .string("no")])))
    }

    @Test("Scalars become plain values")
    func scalars() throws {
        let pickle = PickleAssembler.pickle {
            $0.global("numpy._core.multiarray", "scalar")
            $0.dataType("f8")
            $0.bytesObject(littleEndian((2.5).bitPattern))
            $0.tuple(2)
            $0.reduce()
        }
        #expect(try PickleReader.read(pickle, allowing: []).root == .float(2.5))
    }

    @Test("joblib's arrays lie between the opcodes, behind padding", arguments: [0, 5, 255] as [UInt8])
    func joblib(padding: UInt8) throws {
        let document = try PickleReader.read(
            PickleAssembler.pickle {
                $0.joblibWrapper(type: "i1", shape: [3])
                $0.raw([padding])
                $0.raw([UInt8](repeating: 0xFF, count: Int(padding)))
                $0.raw([1, 2, 3])
                $0.opcodes("N")
                $0.tuple(2)
            }, allowing: [])
        let items = try #require(document.tuple(document.root))
        guard case .node(let node) = items[0] else {
            Issue.record("no array")
            return
        }
        #expect(document[node] == .array(NumpyArray(shape: [3], elements: .integers([1, 2, 3]))))
    }

    @Test("joblib before version 1.2 wrote no padding")
    func oldJoblib() throws {
        let result = try array {
            $0.joblibWrapper(type: "i1", shape: [2, 2], order: "F", alignment: nil)
            $0.raw([1, 2, 3, 4])
        }
        #expect(result == NumpyArray(shape: [2, 2], elements: .integers([1, 3, 2, 4])))
    }

    @Test("A shape that the bytes don't fill is an error")
    func mismatch() {
        for shape: [Int64] in [[2], [1, 0], [-1], [.max, .max], [1 << 62, 4], []] {
            #expect(throws: PickleError.self, "\(shape)") {
                try array { $0.arrayFromBuffer([1, 2, 3], type: "i1", shape: shape) }
            }
        }
    }

    /// The reader's description of a value that it doesn't understand.
    private func opaque(_ body: (inout PickleAssembler) -> Void) throws -> String? {
        let document = try PickleReader.read(PickleAssembler.pickle(body), allowing: [])
        return document.opaque(document.root)?.description
    }

    @Test(
        "Arrays of types that are not supported say which",
        arguments: ["c16", "f2", "M8", "S5", "V8", "U0", "U99999999"])
    func unsupportedType(name: String) throws {
        let text = try opaque { $0.arrayFromBuffer([], type: name, shape: [0]) }
        #expect(text == "an array of the data type '\(name)'")
    }

    @Test("What can't be the name of a type is named", arguments: ["", "f123456789012"])
    func noType(name: String) {
        let error = #expect(throws: PickleError.self) {
            try opaque { $0.arrayFromBuffer([], type: name, shape: [0]) }
        }
        #expect(error?.description.contains("'\(name)'") == true)
    }

    @Test("Elements that have no Swift value make an array opaque")
    func unsupportedElements() throws {
        let large = try opaque {
            $0.arrayFromBuffer([UInt8](repeating: 0xFF, count: 8), type: "u8", shape: [1])
        }
        #expect(large == "an array of the data type <u8 with an unsigned integer above 2^63 - 1")
        let text = try opaque {
            $0.arrayFromBuffer([0, 0xD8, 0, 0], type: "U1", itemSize: 4, shape: [1])
        }
        #expect(text == "an array of the data type <U1 with text that is none of Unicode's")
    }

    @Test(
        "joblib's arrays of types that are not supported are skipped to their last byte",
        arguments: [("c16", 32), ("f2", 4), ("S5", 10), ("M8", 16), ("V3", 6)])
    func opaqueJoblib(type: String, size: Int) throws {
        let pickle = PickleAssembler.pickle {
            $0.joblibWrapper(type: type, shape: [2])
            $0.raw([1, 0xFF])
            $0.raw([UInt8](repeating: 0x2E, count: size))
            $0.integer(7)
            $0.tuple(2)
        }
        let document = try PickleReader.read(pickle, allowing: [])
        let items = try #require(document.tuple(document.root))
        #expect(document.opaque(items[0])?.description == "an array of the data type '\(type)'")
        #expect(items[1] == .integer(7))
    }

    @Test("One of unknown size can't be skipped, and its type is named")
    func joblibOfUnknownSize() {
        let pickle = PickleAssembler.pickle {
            $0.joblibWrapper(type: "x?", shape: [2])
            $0.raw([0, 1, 2, 3])
        }
        let error = #expect(throws: PickleError.self) { try PickleReader.read(pickle, allowing: []) }
        #expect(error?.description.contains("the data type 'x?'") == true)
    }
}
