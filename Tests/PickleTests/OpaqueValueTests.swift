import Pickle
import Testing

/// Values that the reader doesn't understand: it notes where they are, skips them and builds nothing from them.
@Suite("Opaque values")
struct OpaqueValueTests {
    /// The description of the first of two values. The second one must still be read correctly, so the first has left
    /// nothing behind.
    private func first(protocol version: UInt8 = 4, _ body: (inout PickleAssembler) -> Void) throws -> String? {
        let pickle = PickleAssembler.pickle(protocol: version) {
            body(&$0)
            $0.integer(7)
            $0.tuple(2)
        }
        let document = try PickleReader.read(pickle, allowing: [])
        let items = try #require(document.tuple(document.root))
        #expect(items[1] == .integer(7))
        guard let opaque = document.opaque(items[0]) else { return nil }
        #expect(document.summary(of: items[0]) == opaque.description)
        #expect((2..<pickle.count).contains(document.offset(of: items[0])))
        return opaque.description
    }

    @Test("A class or function by itself")
    func name() throws {
        #expect(
            try first { $0.global("shop.models", "on_progress") }
                == "the class or function 'shop.models.on_progress'")
    }

    @Test("What a function makes, with arguments and a state of any kind")
    func call() throws {
        let text = try first {
            $0.global("numpy.random._pickle", "__randomstate_ctor")
            $0.global("numpy.random._pickle", "__bit_generator_ctor")
            $0.string("MT19937")
            $0.tuple(1)
            $0.reduce()
            $0.opcodes("}")
            $0.build()
            $0.tuple(1)
            $0.reduce()
            $0.opcodes("}")
            $0.string("pos")
            $0.integer(624)
            $0.opcodes("s")
            $0.build()
        }
        #expect(text == "a value made by 'numpy.random._pickle.__randomstate_ctor'")
    }

    @Test(
        "numpy's generators of random numbers, by the names of all its versions",
        arguments: [
            ("mtrand", "__RandomState_ctor"), ("numpy.random", "__RandomState_ctor"),
            ("numpy.random._pickle", "__randomstate_ctor"), ("numpy.random._pickle", "__generator_ctor"),
        ])
    func randomState(module: String, name: String) throws {
        let text = try first(protocol: 2) {
            $0.global(module, name)
            $0.tuple(0)
            $0.reduce()
            $0.opcodes("(")
            $0.string("MT19937")
            $0.arrayFromBuffer([1, 0, 0, 0], type: "u4", shape: [1])
            $0.integer(624)
            $0.integer(0)
            $0.opcodes("t")
            $0.build()
        }
        #expect(text == "a value made by '\(module).\(name)'")
    }

    @Test("An instance, with arguments or without, whatever its state")
    func instance() throws {
        let made = "a value made by 'shop.models.Item'"
        #expect(
            try first {
                $0.global("shop.models", "Item")
                $0.tuple(0)
                $0.newObj()
                $0.opcodes("NN")
                $0.tuple(2)
                $0.build()
            } == made)
        #expect(
            try first {
                $0.global("shop.models", "Item")
                $0.integer(1)
                $0.tuple(1)
                $0.opcodes("}")
                $0.raw([0x92])
            } == made)
    }

    @Test("Items and members of lists and dictionaries of another class")
    func containers() throws {
        #expect(
            try first {
                $0.global("collections", "deque")
                $0.tuple(0)
                $0.reduce()
                $0.opcodes("Na(NNeN")
                $0.opcodes("0")
            } == "a value made by 'collections.deque'")
        #expect(
            try first {
                $0.global("collections", "Counter")
                $0.tuple(0)
                $0.reduce()
                $0.opcodes("(NNNNuNNs")
            } == "a value made by 'collections.Counter'")
    }

    @Test("What else Python's and numpy's libraries make")
    func others() throws {
        for (module, name) in [
            ("__builtin__", "complex"), ("builtins", "getattr"), ("builtins", "range"), ("datetime", "datetime"),
            ("shop.models", "Color"), ("functools", "partial"), ("decimal", "Decimal"), ("pandas", "StringDtype"),
            ("numpy.ma.core", "_mareconstruct"), ("numpy._core", "_ufunc_reconstruct"),
        ] {
            let text = try first {
                $0.global(module, name)
                $0.integer(1)
                $0.tuple(1)
                $0.reduce()
                $0.opcodes("(NN}Nt")
                $0.build()
            }
            #expect(text == "a value made by '\(module).\(name)'")
        }
    }

    @Test("Integers of more than eight bytes")
    func hugeInteger() throws {
        #expect(try first { $0.raw([0x8A, 9] + [UInt8](repeating: 1, count: 9)) } == "an integer of 9 bytes")
    }

    @Test("Arrays of a class of numpy's own")
    func subclass() throws {
        #expect(
            try first {
                $0.global("numpy._core.multiarray", "_reconstruct")
                $0.global("numpy", "matrix")
                $0.shape([0])
                $0.bytesObject([98])
                $0.tuple(3)
                $0.reduce()
                $0.opcodes("N")
                $0.build()
            } == "a value made by 'numpy.matrix'")
    }

    @Test("A structure, in numpy's array or scalar")
    func structure() throws {
        func structure(_ assembler: inout PickleAssembler) {
            assembler.global("numpy", "dtype")
            assembler.string("V12")
            assembler.tuple(1)
            assembler.reduce()
            assembler.opcodes("(")
            assembler.integer(3)
            assembler.string("|")
            assembler.opcodes("NN}")
            assembler.integer(12)
            assembler.integer(1)
            assembler.integer(16)
            assembler.opcodes("t")
            assembler.build()
        }
        #expect(try first { structure(&$0) } == "the data type 'V12'")
        #expect(
            try first {
                $0.global("numpy._core.multiarray", "scalar")
                structure(&$0)
                $0.bytesObject([UInt8](repeating: 0, count: 12))
                $0.tuple(2)
                $0.reduce()
            } == "an array of the data type 'V12'")
    }

    @Test("A name that only a file which attacks its reader has is refused, needed or not")
    func alarm() {
        for (module, name) in [("posix", "system"), ("subprocess", "Popen"), ("builtins", "exec"), ("nt", "popen")] {
            #expect(
                throws: PickleError(
                    offset: 2, reason: .forbiddenGlobal(PythonName(module: module, name: name)))
            ) {
                try first { $0.global(module, name) }
            }
        }
    }

    @Test("A file of nothing else is refused, with the name and its place")
    func root() {
        #expect(
            throws: PickleError(
                offset: 21, reason: .forbiddenGlobal(PythonName(module: "shop.models", name: "Item")))
        ) {
            let pickle = PickleAssembler.pickle {
                $0.global("shop.models", "Item")
                $0.tuple(0)
                $0.newObj()
            }
            return try PickleReader.read(pickle, allowing: [])
        }
    }
}
