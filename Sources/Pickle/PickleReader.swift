/// Reads the pickles of protocol 2 to 5 that scikit-learn models are saved in, by `pickle` or by `joblib`, once they are
/// decompressed.
///
/// A pickle is a program for a small stack machine, and Python's own reader calls whatever that program names. This one
/// has no means to do so: it knows a handful of numpy functions by name and does their work itself, and keeps the
/// attributes of instances whose class the caller allows. Of any other value it keeps only what it was and where
/// (``OpaqueValue``): a model may have such attributes as long as nobody needs them. The cost of a file is limited by
/// ``PickleLimits``; no length in the file is believed before the bytes are there.
///
/// Sources: Python, `Lib/pickle.py` and `Lib/pickletools.py`; numpy, `numpy/_core/multiarray` and PEP 574 for arrays in
/// protocol 5; joblib, `numpy_pickle.NumpyArrayWrapper` for arrays that lie between the opcodes.
package enum PickleReader {
    /// Reads one pickle that fills all of `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: The file.
    ///   - classes: The classes whose instances may occur, besides numpy's arrays, types and scalars.
    ///   - limits: What reading may cost; nil for what the file's size allows.
    /// - Throws: ``PickleError`` with the offset of what is wrong.
    package static func read(
        _ bytes: [UInt8], allowing classes: Set<PythonName>, limits: PickleLimits? = nil
    ) throws(PickleError) -> PickledDocument {
        try checkBeginning(of: bytes)
        var machine = PickleMachine(
            bytes: bytes, allowing: classes, limits: limits ?? PickleLimits(fileSize: bytes.count))
        machine.document.root = try machine.run()
        if machine.cursor.remaining > 0 {
            throw PickleError(offset: machine.cursor.position, reason: .trailingBytes(machine.cursor.remaining))
        }
        let document = machine.document
        if let name = document.opaque(document.root)?.name {
            throw PickleError(offset: document.offset(of: document.root), reason: .forbiddenGlobal(name))
        }
        return document
    }

    /// Whether a name is one that no model is saved with, but that files contain which are meant to take over the process
    /// that loads them: such a file is refused as a whole.
    package static func isAlarming(_ name: PythonName) -> Bool {
        name.isPlausible && AlarmingNames.contain(name)
    }

    /// Reports what the file is instead, if it does not begin like a pickle of protocol 2 to 5.
    private static func checkBeginning(of bytes: [UInt8]) throws(PickleError) {
        guard let first = bytes.first else {
            throw PickleError(offset: 0, reason: .truncated(what: "an empty file", needed: 1, available: 0))
        }
        if first == Opcode.proto.rawValue { return }
        for (signature, format) in compressors where bytes.starts(with: signature) {
            throw PickleError(offset: 0, reason: .compressed(format))
        }
        // Protocols 0 and 1 have no signature. The first name in such a file says more about it than its first byte,
        // unless it is the one by which all instances are made.
        if first == Opcode.global.rawValue {
            var cursor = ByteCursor(bytes)
            _ = try? cursor.byte(of: "an opcode")
            if let module = try? cursor.line(of: "a module name"), let name = try? cursor.line(of: "a class name"),
                module != "copy_reg" && module != "copyreg"
            {
                throw PickleError(offset: 0, reason: .forbiddenGlobal(PythonName(module: module, name: name)))
            }
        }
        if bytes.last == Opcode.stop.rawValue && Opcode.oldBeginnings.contains(first) {
            throw PickleError(offset: 0, reason: .oldProtocol)
        }
        throw PickleError(offset: 0, reason: .notAPickle(firstByte: first))
    }

    /// The signatures of compressed files, for the compressors that joblib knows, and of archives.
    private static let compressors: [(signature: [UInt8], format: String)] = [
        ([0x1F, 0x8B], "gzip"),
        ([0x78], "zlib"),
        (Array("BZh".utf8), "bzip2"),
        ([0xFD] + Array("7zXZ".utf8), "xz"),
        ([0x5D, 0x00], "lzma"),
        ([0x04, 0x22, 0x4D, 0x18], "LZ4"),
        ([0x28, 0xB5, 0x2F, 0xFD], "zstandard"),
        (Array("PK".utf8), "zip"),
    ]
}
