import Pickle
import Testing

@Suite("Hostile pickles")
struct HostilePickleTests {
    private func failure(_ bytes: [UInt8], limits: PickleLimits = .standard) -> PickleError? {
        #expect(throws: PickleError.self) { try PickleReader.read(bytes, allowing: [], limits: limits) }
    }

    @Test("A function that runs commands is named with its place and not run")
    func systemCall() {
        let pickle = PickleAssembler.pickle(protocol: 2) {
            $0.global("posix", "system")
            $0.string("touch /tmp/owned")
            $0.tuple(1)
            $0.reduce()
        }
        let error = failure(pickle)
        #expect(error == PickleError(offset: 2, reason: .forbiddenGlobal(PythonName(module: "posix", name: "system"))))
        #expect(error?.description.hasPrefix("byte 2: the file names 'posix.system'") == true)
    }

    @Test("So is one that is named through the stack")
    func stackGlobal() {
        let pickle = PickleAssembler.pickle {
            $0.string("builtins")
            $0.string("eval")
            $0.raw([0x93])
        }
        #expect(
            failure(pickle)
                == PickleError(offset: 24, reason: .forbiddenGlobal(PythonName(module: "builtins", name: "eval"))))
    }

    @Test("So is one in protocol 0, which has no header")
    func protocolZero() {
        #expect(
            failure(Array("cposix\nsystem\n(S'true'\ntR.".utf8))
                == PickleError(offset: 0, reason: .forbiddenGlobal(PythonName(module: "posix", name: "system"))))
    }

    @Test(
        "Protocols 0 and 1 are called by their names",
        arguments: [
            "ccopy_reg\n_reconstructor\np0\n(csklearn.linear_model._logistic\nLogisticRegression\np1\n.",
            "ccopy_reg\n_reconstructor\nq\u{0}(cshop.models\nItem\nq\u{1}tR.", "(dp0\nS'a'\np1\nI1\ns.", "}q\u{0}.",
            "I7\n.", "(lp0\nN.",
        ])
    func oldProtocols(pickle: String) throws {
        let bytes = pickle.unicodeScalars.map { UInt8($0.value) }
        #expect(failure(bytes) == PickleError(offset: 0, reason: .oldProtocol))
        // Truncated, the file isn't taken for one of an old protocol.
        #expect(failure(bytes.dropLast())?.reason != .oldProtocol || bytes.first == UInt8(ascii: "c"))
    }

    @Test("A name of eight megabytes, named again and again, is neither looked up nor put together nor told whole")
    func endlessName() throws {
        let long = String(repeating: "é", count: 4 << 20)
        var assembler = PickleAssembler()
        assembler.opcodes("](")
        assembler.string("numpy")
        assembler.memoize()
        assembler.string(long)
        assembler.memoize()
        assembler.raw([0x93])
        // If the name were looked up each time, this would take hours.
        for _ in 0..<100_000 {
            assembler.get(0)
            assembler.get(1)
            assembler.raw([0x93])
        }
        assembler.opcodes("e")
        assembler.stop()
        let began = ContinuousClock.now
        let document = try PickleReader.read(assembler.bytes, allowing: [])
        #expect(began.duration(to: .now) < .seconds(30))
        let items = try #require(document.list(document.root))
        #expect(items.count == 100_001)
        #expect(document.summary(of: items[0]).utf8.count < 600)
        let alone = PickleAssembler.pickle {
            $0.string(long)
            $0.string(long)
            $0.raw([0x93])
        }
        let text = try #require(failure(alone)?.description)
        #expect(text.utf8.count < 800)
    }

    @Test("A name in an error message can't break the line or be endless")
    func nameInMessage() throws {
        let name = "a\n\u{1B}[31m" + String(repeating: "x", count: 10_000)
        let pickle = PickleAssembler.pickle {
            $0.string("module")
            $0.string(name)
            $0.raw([0x93])
        }
        let text = try #require(failure(pickle)?.description)
        #expect(text.utf8.count < 400)
        #expect(!text.contains("\n") && !text.contains("\u{1B}"))
    }

    @Test(
        "Opcodes that could name or fetch things in other ways are refused",
        arguments: [
            "P", "Q", "I", "L", "F", "S", "T", "U", "V", "g", "p", "l", "d", "i", "o", "\u{82}", "\u{83}", "\u{84}",
            "\u{97}", "\u{98}",
        ])
    func unsupportedOpcodes(opcode: String) {
        let byte = UInt8(opcode.unicodeScalars.first!.value)
        let error = failure([0x80, 4, 0x4E, byte, 0x2E])
        guard case .unsupportedOpcode = error?.reason, error?.offset == 3 else {
            Issue.record("\(byte): \(String(describing: error))")
            return
        }
    }

    @Test("Bytes that are no opcode")
    func unknownOpcode() {
        #expect(failure([0x80, 4, 0xFF, 0x2E]) == PickleError(offset: 2, reason: .unknownOpcode(0xFF)))
    }

    @Test("Files that are no pickles of protocol 2 to 5")
    func otherFiles() {
        #expect(failure([]) != nil)
        #expect(failure(Array("hello".utf8)) == PickleError(offset: 0, reason: .notAPickle(firstByte: 0x68)))
        #expect(failure([0x80, 1, 0x2E]) == PickleError(offset: 0, reason: .unsupportedProtocol(1)))
        #expect(failure([0x80, 6, 0x2E]) == PickleError(offset: 0, reason: .unsupportedProtocol(6)))
        #expect(failure([0x1F, 0x8B, 8, 0]) == PickleError(offset: 0, reason: .compressed("gzip")))
        #expect(failure([0x78, 0x9C, 0]) == PickleError(offset: 0, reason: .compressed("zlib")))
    }

    @Test("Bytes behind the end")
    func trailingBytes() {
        #expect(failure([0x80, 4, 0x4E, 0x2E, 0, 0]) == PickleError(offset: 4, reason: .trailingBytes(2)))
    }

    @Test("Every truncation of a pickle with everything in it is an error at or before its end")
    func truncations() {
        let pickle = PickleAssembler.pickle {
            $0.opcodes("](")
            $0.arrayFromBuffer([1, 2, 3, 4], type: "i1", shape: [2, 2], order: "F")
            $0.joblibWrapper(type: "i1", shape: [2])
            $0.raw([1, 0xFF, 5, 6])
            $0.string("text")
            $0.long(5)
            $0.long(5)
            $0.raw([0x8F] + Array("(NN".utf8) + [0x90, 0x28, 0x91])
            $0.global("shop.models", "Item")
            $0.opcodes(")")
            $0.opcodes("}")
            $0.raw([0x92])
            $0.opcodes("}b")
            $0.opcodes("e")
        }
        #expect(throws: Never.self) { try PickleReader.read(pickle, allowing: []) }
        for length in pickle.indices {
            let error = failure(Array(pickle[..<length]))
            #expect((error?.offset ?? .max) <= length, "\(length)")
        }
    }

    @Test("Absurd lengths are refused before anything is allocated")
    func absurdLengths() {
        let most = [UInt8](repeating: 0xFF, count: 8)
        for opcode: UInt8 in [0x8D, 0x8E, 0x96, 0x95] {
            let error = failure([0x80, 5, opcode] + most)
            guard case .truncated(_, let needed, 0) = error?.reason else {
                Issue.record("\(opcode): \(String(describing: error))")
                continue
            }
            #expect(needed == .max)
        }
        #expect(failure([0x80, 4, 0x58, 0xFF, 0xFF, 0xFF, 0xFF]) != nil)
        #expect(failure([0x80, 4, 0x8B, 0xFF, 0xFF, 0xFF, 0x7F]) != nil)
        #expect(
            failure(
                PickleAssembler.pickle {
                    $0.joblibWrapper(type: "f8", shape: [1 << 40, 1 << 10])
                    $0.raw([0])
                }) != nil)
        #expect(
            failure(
                PickleAssembler.pickle {
                    $0.joblibWrapper(type: "f8", shape: [1 << 62, 1 << 62])
                    $0.raw([0])
                }) != nil)
    }

    @Test("Text that is not UTF-8")
    func invalidText() {
        #expect(
            failure([0x80, 4, 0x8C, 2, 0xC3, 0x28, 0x2E])
                == PickleError(offset: 2, reason: .invalidText(encoding: "UTF-8")))
    }

    @Test("Stacks and marks that are not there", arguments: [".", "0", "2", "a", "s", "R", "b", "t", "e", "u", "1"])
    func underflow(opcode: String) {
        guard let error = failure(PickleAssembler.pickle { $0.opcodes(opcode) }) else { return }
        #expect(error.offset == 2)
    }

    @Test("No opcode reaches below a mark")
    func belowMark() {
        #expect(
            failure(PickleAssembler.pickle { $0.opcodes("](Na1") })
                == PickleError(offset: 5, reason: .stackUnderflow(opcode: "APPEND")))
        #expect(
            failure(PickleAssembler.pickle { $0.opcodes("](a") })
                == PickleError(offset: 4, reason: .stackUnderflow(opcode: "APPEND")))
    }

    @Test("Memo entries that were never made")
    func unknownMemo() {
        #expect(
            failure(PickleAssembler.pickle { $0.get(9) }) == PickleError(offset: 2, reason: .unknownMemo(9)))
        #expect(failure([0x80, 4, 0x6A, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E]) != nil)
    }

    @Test("A memo index of four billion takes no room")
    func hugeMemoIndex() {
        let pickle = PickleAssembler.pickle {
            $0.opcodes("N")
            $0.raw([0x72, 0xFF, 0xFF, 0xFF, 0xFF])
        }
        #expect(throws: Never.self) { try PickleReader.read(pickle, allowing: []) }
    }

    @Test("A dictionary with half a member")
    func halfMember() {
        #expect(failure(PickleAssembler.pickle { $0.opcodes("}(NNNu") }) != nil)
    }

    @Test("Values that can't be appended to, filled, built or called")
    func wrongTargets() {
        #expect(failure(PickleAssembler.pickle { $0.opcodes("NNa") }) != nil)
        #expect(failure(PickleAssembler.pickle { $0.opcodes("NNNs") }) != nil)
        #expect(failure(PickleAssembler.pickle { $0.opcodes("N}b") }) != nil)
        #expect(failure(PickleAssembler.pickle { $0.opcodes("N)R") }) != nil)
        #expect(
            failure(
                PickleAssembler.pickle {
                    $0.global("numpy", "dtype")
                    $0.opcodes("NR")
                }) != nil)
    }

    @Test("Tuples doubled forty times over stay as small as the file")
    func billionLaughs() throws {
        let pickle = PickleAssembler.pickle {
            $0.opcodes("N")
            for _ in 0..<40 {
                $0.opcodes("2")
                $0.tuple(2)
            }
        }
        let document = try PickleReader.read(pickle, allowing: [])
        #expect(document.tuple(document.root)?.count == 2)
    }

    @Test("Nesting a hundred thousand deep needs no stack of ours, neither to read nor to free")
    func deepNesting() throws {
        let pickle = PickleAssembler.pickle {
            $0.opcodes("N")
            $0.raw([UInt8](repeating: 0x85, count: 100_000))
        }
        #expect(throws: Never.self) { try PickleReader.read(pickle, allowing: []) }
    }

    @Test("More opcodes than the limit")
    func opcodeLimit() {
        let pickle = PickleAssembler.pickle { $0.raw([UInt8](repeating: 0x4E, count: 100)) }
        #expect(
            failure(pickle, limits: PickleLimits(opcodes: 50, decodedBytes: 0))
                == PickleError(offset: 51, reason: .limitExceeded(what: "opcodes", limit: 50)))
    }

    @Test("One buffer made into an array again and again runs into the limit on decoded bytes")
    func amplification() {
        var assembler = PickleAssembler(protocol: 5)
        assembler.global("numpy._core.numeric", "_frombuffer")
        assembler.memoize()
        assembler.opcodes("(")
        assembler.bytesObject([UInt8](repeating: 1, count: 1000))
        assembler.dataType("i1")
        assembler.shape([1000])
        assembler.string("C")
        assembler.opcodes("t")
        assembler.memoize()
        for _ in 0..<1000 {
            assembler.get(0)
            assembler.get(1)
            assembler.reduce()
        }
        assembler.stop()
        let error = failure(assembler.bytes, limits: PickleLimits(opcodes: 1_000_000, decodedBytes: 100_000))
        #expect(error?.reason == .limitExceeded(what: "bytes of decoded arrays", limit: 100_000))
    }

    @Test("A data type's name of half a megabyte, used again and again, is refused at its first use")
    func endlessDataTypeName() {
        var assembler = PickleAssembler(protocol: 4)
        assembler.global("numpy", "dtype")
        assembler.memoize()
        assembler.string("f" + String(repeating: "0", count: 500_000) + "8")
        assembler.tuple(1)
        assembler.memoize()
        for _ in 0..<100_000 {
            assembler.get(0)
            assembler.get(1)
            assembler.reduce()
        }
        assembler.stop()
        guard case .unexpected(_, "a supported numpy data type") = failure(assembler.bytes)?.reason else {
            Issue.record("it was read")
            return
        }
    }

    @Test("A pickle in a joblib array of objects may not hold another one")
    func nestedPickles() {
        let inner = PickleAssembler.pickle { $0.joblibWrapper(type: "O8", shape: [1]) }
        let outer = PickleAssembler.pickle {
            $0.joblibWrapper(type: "O8", shape: [1])
            $0.raw(inner)
        }
        guard let error = failure(outer) else { return }
        #expect(error.description.contains("pickle inside a pickle"))
    }

    @Test("A system call inside such an inner pickle is found, too")
    func nestedSystemCall() {
        let outer = PickleAssembler.pickle {
            $0.joblibWrapper(type: "O8", shape: [1])
            $0.raw(PickleAssembler.pickle { $0.global("posix", "system") })
        }
        #expect(failure(outer)?.reason == .forbiddenGlobal(PythonName(module: "posix", name: "system")))
    }
}
