import TestSupport

/// Random programs for the pickle machine. Most opcodes find what they need on the stack, so that the reader gets far;
/// some don't.
struct PickleSoup {
    private var assembler: PickleAssembler
    /// Approximate number of values on the stack; the programs need not be valid.
    private var height = 0
    private var memoized: UInt8 = 0

    /// A program of about `steps` opcodes.
    static func program(steps: Int, using random: inout SplitMix) -> [UInt8] {
        var soup = PickleSoup(assembler: PickleAssembler(protocol: UInt8.random(in: 2...5, using: &random)))
        for _ in 0..<steps { soup.step(using: &random) }
        soup.assembler.stop()
        return soup.assembler.bytes
    }

    private init(assembler: PickleAssembler) {
        self.assembler = assembler
    }

    private mutating func step(using random: inout SplitMix) {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<25: value(using: &random)
        case 25..<45: container(using: &random)
        case 45..<60: known(using: &random)
        case 60..<72: array(using: &random)
        case 72..<80: memo(using: &random)
        case 80..<90: assembler.opcodes(["(", "t", "e", "u", "a", "s", "1", "0", "2"].randomElement(using: &random)!)
        case 90..<97: assembler.raw([[0x52, 0x62, 0x81, 0x93, 0x8F, 0x90, 0x91, 0x92].randomElement(using: &random)!])
        default: assembler.raw((0..<3).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
    }

    private mutating func value(using random: inout SplitMix) {
        height += 1
        switch Int.random(in: 0..<7, using: &random) {
        case 0: assembler.opcodes("N")
        case 1: assembler.boolean(Bool.random(using: &random))
        case 2: assembler.integer(Int32.random(in: -3...20, using: &random))
        case 3: assembler.long(Self.numbers.randomElement(using: &random)!)
        case 4: assembler.string(Self.texts.randomElement(using: &random)!)
        case 5: assembler.bytesObject((0..<Int.random(in: 0..<40, using: &random)).map { UInt8($0) })
        default: assembler.raw([0x47] + (0..<8).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
    }

    private mutating func container(using random: inout SplitMix) {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: assembler.opcodes("]")
        case 1: assembler.opcodes("}")
        case 2 where height >= 3: assembler.tuple(UInt8.random(in: 0...3, using: &random))
        case 3:
            assembler.opcodes("](")
            for _ in 0..<Int.random(in: 0..<6, using: &random) { value(using: &random) }
            assembler.opcodes("e")
        default:
            assembler.opcodes("}(")
            for _ in 0..<Int.random(in: 0..<6, using: &random) { value(using: &random) }
            assembler.opcodes("u")
        }
    }

    private mutating func known(using random: inout SplitMix) {
        let (module, name) = Self.names.randomElement(using: &random)!
        assembler.global(module, name)
        height += 1
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            assembler.tuple(0)
            assembler.newObj()
        case 1:
            assembler.opcodes("(")
            for _ in 0..<Int.random(in: 0..<5, using: &random) { value(using: &random) }
            assembler.opcodes("tR")
        case 2:
            assembler.tuple(0)
            assembler.newObj()
            assembler.opcodes("}(")
            for _ in 0..<Int.random(in: 0..<4, using: &random) {
                assembler.string(Self.texts.randomElement(using: &random)!)
                value(using: &random)
            }
            assembler.opcodes("ub")
        default: break
        }
    }

    private mutating func array(using random: inout SplitMix) {
        let type = Self.types.randomElement(using: &random)!
        let shape = (0..<Int.random(in: 0..<4, using: &random)).map { _ in
            Int.random(in: 0..<10, using: &random) == 0
                ? Self.numbers.randomElement(using: &random)! : Int64.random(in: 0..<4, using: &random)
        }
        let order = ["C", "F", "A"].randomElement(using: &random)!
        let itemSize = Int(type.dropFirst()) ?? 1
        let wanted = shape.reduce(1) { $0.multipliedReportingOverflow(by: Int($1)).partialValue }
            .multipliedReportingOverflow(by: type.hasPrefix("U") ? 4 * itemSize : itemSize).partialValue
        let length = (0...4_096).contains(wanted) ? wanted : 16
        let content = (0..<length).map { _ in
            // Random bytes are rarely valid characters, so some of the text is zeros.
            type.hasPrefix("U") && Bool.random(using: &random) ? 0 : UInt8.random(in: 0...255, using: &random)
        }
        height += 1
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            assembler.joblibWrapper(type: type, shape: shape, order: order)
            assembler.raw([UInt8.random(in: 0..<4, using: &random)])
            assembler.raw(content)
        case 1:
            assembler.joblibWrapper(type: "O8", shape: shape, order: order)
            assembler.raw(Self.program(steps: 3, using: &random))
        default:
            assembler.arrayFromBuffer(
                content, type: type, byteOrder: ["<", ">", "|", "!"].randomElement(using: &random)!,
                itemSize: type.hasPrefix("U") ? Int32(4 * itemSize) : -1, shape: shape, order: order)
        }
    }

    private mutating func memo(using random: inout SplitMix) {
        if memoized == 0 || Bool.random(using: &random) {
            assembler.memoize()
            memoized = memoized == 255 ? 255 : memoized + 1
        } else {
            assembler.get(UInt8.random(in: 0..<memoized, using: &random))
            height += 1
        }
    }

    private static let numbers: [Int64] = [0, 1, -1, 255, 1 << 31, 1 << 40, 1 << 62, .max, .min]
    private static let types = ["f8", "f4", "i1", "i4", "i8", "u2", "u8", "b1", "U1", "U7", "U0", "O8", "c16", "x", ""]
    private static let texts = [
        "", "shape", "dtype", "order", "subclass", "latin1", "f8", "<", "C", "coef_", "data", "indices", "indptr",
        "_shape", "é", "numpy", "ndarray", "\u{0}",
    ]
    private static let names = [
        ("numpy", "ndarray"), ("numpy", "dtype"), ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"), ("numpy._core.numeric", "_frombuffer"), ("_codecs", "encode"),
        ("joblib.numpy_pickle", "NumpyArrayWrapper"), ("builtins", "bytes"), ("test", "Model"), ("posix", "system"),
        ("collections", "OrderedDict"), ("numpy", "matrix"), ("shop.models", "Item"), ("collections", "defaultdict"),
        ("builtins", "set"), ("builtins", "slice"), ("builtins", "bytearray"), ("copyreg", "_reconstructor"),
        ("copyreg", "__newobj__"), ("pandas.core.indexes.base", "_new_Index"),
        ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"), ("pandas.arrays", "StringArray"),
        ("scipy.sparse._csr", "csr_matrix"),
    ]
}
