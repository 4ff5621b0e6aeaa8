/// Why a file can't be read as a pickle, and where in the file the reason was found.
package struct PickleError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Offset from the beginning of the file, in bytes.
    package let offset: Int

    /// What is wrong there.
    package let reason: Reason

    package init(offset: Int, reason: Reason) {
        self.offset = offset
        self.reason = reason
    }

    /// What can be wrong with a file.
    package enum Reason: Error, Sendable, Equatable {
        /// The bytes begin like the output of this compressor.
        case compressed(String)
        /// The file looks like a pickle of protocol 0 or 1, which have no signature.
        case oldProtocol
        /// The file does not begin with the PROTO opcode that every pickle of protocol 2 to 5 begins with.
        case notAPickle(firstByte: UInt8)
        /// A pickle of a protocol other than 2 to 5.
        case unsupportedProtocol(Int)
        /// A byte that is not an opcode in any protocol.
        case unknownOpcode(UInt8)
        /// An opcode that pickles of supported models never contain.
        case unsupportedOpcode(String)
        /// The file ends inside something; `needed` bytes should follow, but only `available` do.
        case truncated(what: String, needed: UInt64, available: Int)
        /// The pickle holds a value of a class or function that models don't consist of, or a name that only a
        /// malicious file contains. Nothing has been called.
        case forbiddenGlobal(PythonName)
        /// An opcode takes a value from an empty stack or from below the last mark.
        case stackUnderflow(opcode: String)
        /// An opcode needs a mark, but there is none.
        case noMark(opcode: String)
        /// A memo entry is read that was never written.
        case unknownMemo(UInt64)
        /// Bytes that should be text are not.
        case invalidText(encoding: String)
        /// Reading on would exceed the `PickleLimits`.
        case limitExceeded(what: String, limit: Int)
        /// Something other than the expected was found.
        case unexpected(found: String, expected: String)
        /// The pickle ends, but the file goes on.
        case trailingBytes(Int)
    }

    /// One sentence: `byte 489: …`.
    package var description: String { "byte \(offset): \(reason)" }
}

extension PickleError.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .compressed(let format):
            "this is no pickle, but compressed (\(format))"
        case .notAPickle(let firstByte):
            "this is no pickle of protocol 2 to 5: it begins with 0x\(hexadecimal(firstByte)) instead of 0x80"
        case .oldProtocol:
            "this looks like a pickle of protocol 0 or 1, which are not supported; allowed are 2 to 5: "
                + "save the model anew, for example by pickle.dump(model, file, protocol=5)"
        case .unsupportedProtocol(let version):
            "pickle protocol \(version) is not supported; allowed are 2 to 5"
        case .unknownOpcode(let byte):
            "0x\(hexadecimal(byte)) is not a pickle opcode"
        case .unsupportedOpcode(let name):
            "opcode \(name) does not occur in pickles of supported models"
        case .truncated(let what, let needed, let available):
            "the file ends inside \(what): \(needed) bytes are needed, \(available) are left"
        case .forbiddenGlobal(let name):
            "the file names \(quoted(name)), which is none of the classes that a model may be made of; "
                + "nothing was run"
        case .stackUnderflow(let opcode):
            "opcode \(opcode) finds too few values on the stack"
        case .noMark(let opcode):
            "opcode \(opcode) finds no mark on the stack"
        case .unknownMemo(let index):
            "memo entry \(index) is used but was never stored"
        case .invalidText(let encoding):
            "text is not valid \(encoding)"
        case .limitExceeded(let what, let limit):
            "more than \(limit) \(what)"
        case .unexpected(let found, let expected):
            "found \(found) where \(expected) is expected"
        case .trailingBytes(let count):
            "\(count) bytes follow the end of the pickle"
        }
    }
}

/// Two hexadecimal digits.
private func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.utf8.count == 1 ? "0" + digits : digits
}

/// The beginning of a name from a file, in quotation marks; see `quoted(_:)` for text.
func quoted(_ name: PythonName) -> String {
    // Each part may be as long as the file, and so would be their combination.
    let longest = 200
    let module = String(String.UnicodeScalarView(name.module.unicodeScalars.prefix(longest)))
    let last = String(String.UnicodeScalarView(name.name.unicodeScalars.prefix(longest)))
    return quoted("\(module).\(last)")
}

/// Text from a file in quotation marks, made safe for one line of a log: shortened, and without control characters.
package func quoted(_ text: String) -> String {
    let longest = 200
    let longestInBytes = 500
    var result = "'"
    for scalar in text.unicodeScalars.prefix(longest) {
        if result.utf8.count > longestInBytes { return result + "…'" }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default:
            result.unicodeScalars.append(scalar)
        }
    }
    if text.unicodeScalars.dropFirst(longest).first != nil { result += "…" }
    return result + "'"
}
