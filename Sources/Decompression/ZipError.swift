/// Why a zip archive is refused, and where in it the reason was found.
package struct ZipError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Offset from the beginning of the archive, in bytes.
    package let offset: Int

    /// What is wrong there.
    package let reason: Reason

    package init(offset: Int, reason: Reason) {
        self.offset = offset
        self.reason = reason
    }

    package enum Reason: Sendable, Equatable {
        /// There is no end of a central directory where the file ends: it is cut off, or something follows.
        case noEnd
        /// An archive of more than one file, or one with 64-bit sizes.
        case unsupportedArchive(String)
        /// The central directory isn't where the archive's end says, or isn't as long or of as many members.
        case wrongDirectory
        /// A member that only other programs write.
        case unsupportedMember(name: String, String)
        /// A member's own header says something else than the directory.
        case disagreement(name: String)
        /// A member lies where another one, or the directory, is.
        case overlap(name: String)
        /// Two members have this name.
        case duplicate(name: String)
        /// All members together would take more than this many bytes.
        case tooLarge(limit: Int)
        /// A member's content isn't as long as the directory says.
        case wrongSize(name: String)
        /// A member's content has another checksum than the directory says.
        case wrongChecksum(name: String)
        /// A member's compressed bytes are damaged.
        case damaged(name: String, DecompressionError.Reason)
        /// There is no such member.
        case noMember(name: String)
    }

    /// One sentence: `byte 489: …`.
    package var description: String { "byte \(offset): \(reason)" }
}

extension ZipError.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noEnd: "the file begins like a zip archive, but does not end like one"
        case .unsupportedArchive(let what): "\(what), which no supported zip archive has"
        case .wrongDirectory: "the zip archive's directory is not what the archive's end says"
        case .unsupportedMember(let name, let what):
            "the member \(Self.quoted(name)) has \(what), which is not supported"
        case .disagreement(let name): "the member \(Self.quoted(name)) is not what the zip archive's directory says"
        case .overlap(let name): "the member \(Self.quoted(name)) overlaps what follows it"
        case .duplicate(let name): "there are two members \(Self.quoted(name))"
        case .tooLarge(let limit):
            "the zip archive's members would take more than \(limit) bytes, which is more than a file of this size may hold"
        case .wrongSize(let name): "the member \(Self.quoted(name)) has another size than the directory says"
        case .wrongChecksum(let name): "the member \(Self.quoted(name)) is damaged: its checksum is wrong"
        case .damaged(let name, let reason): "the member \(Self.quoted(name)): \(reason)"
        case .noMember(let name): "the zip archive has no member \(Self.quoted(name))"
        }
    }

    /// The beginning of a name in quotation marks, for one line of a log.
    private static func quoted(_ name: String) -> String {
        let safe = name.unicodeScalars.prefix(100).map { (0x20..<0x7F).contains($0.value) ? Character($0) : "?" }
        return "'\(String(safe))'"
    }
}
