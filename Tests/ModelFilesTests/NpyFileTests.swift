import ModelFiles
import Pickle
import Testing

@Suite("Files of numpy's arrays")
struct NpyFileTests {
    private func elements(
        _ type: String, shape: String = "(2,)", isColumnMajor: Bool = false, _ content: [UInt8]
    ) -> PickledNode? {
        guard let npy = NpyFile(SkopsAssembler.npy(type, shape: shape, isColumnMajor: isColumnMajor, content)),
            let type = npy.type, let (bytes, _) = npy.elements
        else { return nil }
        return PickledNode(bytes: bytes, type: type, shape: npy.shape, order: npy.order)
    }

    @Test("Arrays of every supported type")
    func types() {
        #expect(elements("|b1", [1, 0]) == .array(NumpyArray(shape: [2], elements: .booleans([true, false]))))
        #expect(elements("|i1", [1, 0xFF]) == .array(NumpyArray(shape: [2], elements: .integers([1, -1]))))
        #expect(elements("<u2", [1, 0, 0, 1]) == .array(NumpyArray(shape: [2], elements: .integers([1, 256]))))
        #expect(elements(">u2", [1, 0, 0, 1]) == .array(NumpyArray(shape: [2], elements: .integers([256, 1]))))
        #expect(
            elements("<f4", shape: "(1,)", field(Float(1.5).bitPattern))
                == .array(NumpyArray(shape: [1], elements: .floats([1.5]))))
        #expect(
            elements("<U1", [97, 0, 0, 0, 98, 0, 0, 0])
                == .array(NumpyArray(shape: [2], elements: .strings(["a", "b"]))))
        #expect(
            elements("|i1", shape: "(2, 2)", isColumnMajor: true, [1, 2, 3, 4])
                == .array(NumpyArray(shape: [2, 2], elements: .integers([1, 3, 2, 4]))))
        #expect(elements("|i1", shape: "()", [7]) == .array(NumpyArray(shape: [], elements: .integers([7]))))
    }

    @Test("Records, with space between their fields")
    func records() throws {
        let type = "[('a', '|i1'), ('', '|V3'), ('b', '<i4')]"
        guard case .records(let records) = elements(type, [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]) else {
            Issue.record("no records")
            return
        }
        #expect(records.integers("a") == [1, 3] && records.integers("b") == [2, 4])
        for type in ["[('a', '|i1', (2,))]", "[('a', [('b', '|i1')])]", "[]", "[('a',)]", "[('', '|V9999')]", "[1]"] {
            #expect(elements(type, [1, 2]) == nil, "\(type)")
        }
    }

    @Test("Too few or too many bytes, and shapes that can't be")
    func wrongSizes() {
        #expect(elements("|i1", [1]) == nil && elements("|i1", [1, 2, 3]) == nil)
        #expect(elements("<f8", shape: "(-1,)", []) == nil)
        #expect(elements("<f8", shape: "(1000000000, 1000000000, 1000000000)", []) == nil)
        #expect(elements("<f8", shape: "(0, 9000000000000000000)", []) != nil)
    }

    @Test("Types that are not understood have a name")
    func otherTypes() {
        for type in ["<c16", "<M8[ns]", "|S3", "<f2", "|O"] {
            let npy = NpyFile(SkopsAssembler.npy(type, shape: "(1,)", [1, 2]))
            #expect(npy != nil && npy?.type == nil && npy?.typeName == type)
        }
        #expect(NpyFile(SkopsAssembler.npy("|S3", shape: "()", Array("csr".utf8)))?.byteString == "csr")
    }

    @Test("Files that are no arrays")
    func otherFiles() {
        let sound = SkopsAssembler.npy("|i1", shape: "(2,)", [1, 2])
        #expect(NpyFile(sound) != nil)
        for length in 0..<sound.count - 2 { #expect(NpyFile(Array(sound[..<length])) == nil, "\(length)") }
        for (place, byte) in [(0, 0x92), (6, 4), (6, 0), (9, 0xFF), (10, 0x20), (20, 0x20)] as [(Int, UInt8)] {
            var damaged = sound
            damaged[place] = byte
            #expect(NpyFile(damaged)?.elements == nil, "\(place)")
        }
    }

    @Test("Python's literals")
    func literals() {
        #expect(PythonLiteral("{'a': (1, -2,), \"b\": [True, False]}") != nil)
        #expect(PythonLiteral("()") == .tuple([]) && PythonLiteral(" ( 1 , ) ") == .tuple([.integer(1)]))
        for text in ["", "(", "(1", "(1 2)", "{'a'}", "{1: 2}", "'a", "'\\x'", "None", "1 1", "[1,,]", "(,)"] {
            #expect(PythonLiteral(text) == nil, "\(text)")
        }
        #expect(PythonLiteral(String(repeating: "(", count: 9_000)) == nil)
    }
}
