/// Assembles pickles opcode by opcode, valid or not.
struct PickleAssembler {
    private(set) var bytes: [UInt8] = []

    init(protocol version: UInt8 = 4) {
        bytes = [0x80, version]
    }

    /// Appends bytes as they are.
    mutating func raw(_ bytes: some Sequence<UInt8>) {
        self.bytes += bytes
    }

    /// Opcodes without arguments, as characters: `".`, `)` and so on.
    mutating func opcodes(_ opcodes: String) {
        bytes += opcodes.utf8
    }

    mutating func stop() { opcodes(".") }
    mutating func memoize() { bytes.append(0x94) }
    mutating func get(_ index: UInt8) { bytes += [0x68, index] }
    mutating func tuple(_ count: UInt8) { bytes.append(count == 0 ? 0x29 : 0x84 + count) }
    mutating func newObj() { bytes.append(0x81) }
    mutating func reduce() { opcodes("R") }
    mutating func build() { opcodes("b") }
    mutating func boolean(_ value: Bool) { bytes.append(value ? 0x88 : 0x89) }

    mutating func integer(_ value: Int32) {
        bytes.append(0x4A)
        bytes += littleEndian(UInt32(bitPattern: value))
    }

    /// Appends an integer as LONG1.
    mutating func long(_ value: Int64) {
        bytes += [0x8A, 8]
        bytes += littleEndian(UInt64(bitPattern: value))
    }

    mutating func string(_ text: String) {
        bytes.append(0x58)
        bytes += littleEndian(UInt32(text.utf8.count))
        bytes += text.utf8
    }

    mutating func bytesObject(_ content: [UInt8]) {
        bytes.append(0x42)
        bytes += littleEndian(UInt32(content.count))
        bytes += content
    }

    /// Appends a name as GLOBAL.
    mutating func global(_ module: String, _ name: String) {
        opcodes("c\(module)\n\(name)\n")
    }

    /// Appends a numpy data type with its state, as numpy pickles it.
    mutating func dataType(_ name: String, byteOrder: String = "<", itemSize: Int32 = -1) {
        global("numpy", "dtype")
        string(name)
        boolean(false)
        boolean(true)
        tuple(3)
        reduce()
        opcodes("(")
        integer(3)
        string(byteOrder)
        opcodes("NNN")
        integer(itemSize)
        integer(-1)
        integer(0)
        opcodes("t")
        build()
    }

    mutating func shape(_ lengths: [Int64]) {
        opcodes("(")
        for length in lengths { long(length) }
        opcodes("t")
    }

    /// Appends an array as protocol 5 writes it.
    mutating func arrayFromBuffer(
        _ content: [UInt8], type: String, byteOrder: String = "<", itemSize: Int32 = -1, shape lengths: [Int64],
        order: String = "C"
    ) {
        global("numpy._core.numeric", "_frombuffer")
        opcodes("(")
        bytesObject(content)
        dataType(type, byteOrder: byteOrder, itemSize: itemSize)
        shape(lengths)
        string(order)
        opcodes("t")
        reduce()
    }

    /// Appends a joblib array wrapper up to its BUILD; the array's bytes have to follow.
    mutating func joblibWrapper(type: String, shape lengths: [Int64], order: String = "C", alignment: Int32? = 16) {
        global("joblib.numpy_pickle", "NumpyArrayWrapper")
        tuple(0)
        newObj()
        opcodes("}(")
        string("subclass")
        global("numpy", "ndarray")
        string("shape")
        shape(lengths)
        string("order")
        string(order)
        string("dtype")
        dataType(type)
        if let alignment {
            string("numpy_array_alignment_bytes")
            integer(alignment)
        }
        opcodes("u")
        build()
    }

    /// The pickle assembled by `body`, ended by STOP.
    static func pickle(protocol version: UInt8 = 4, _ body: (inout PickleAssembler) -> Void) -> [UInt8] {
        var assembler = PickleAssembler(protocol: version)
        body(&assembler)
        assembler.stop()
        return assembler.bytes
    }
}

/// The bytes of an integer, lowest first.
func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    unsafe withUnsafeBytes(of: number.littleEndian) { unsafe Array($0) }
}
