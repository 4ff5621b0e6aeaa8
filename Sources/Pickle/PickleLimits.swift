/// The most that reading one file may cost, whatever it says.
///
/// An opcode adds at most one value to the stack or to the memo, so a limit on opcodes bounds everything except the
/// contents of strings and arrays. Strings are parts of the file and bounded by it; array contents, which one short
/// opcode can create again and again from the same bytes, have a limit of their own.
package struct PickleLimits: Sendable, Hashable {
    /// The largest number of opcodes that are executed, or of nodes that are made from another format.
    package var opcodes: Int

    /// The largest number of bytes that the decoded contents of all arrays together take in memory.
    package var decodedBytes: Int

    package init(opcodes: Int, decodedBytes: Int) {
        self.opcodes = opcodes
        self.decodedBytes = decodedBytes
    }

    /// What a file of this size may cost, in bytes.
    ///
    /// - Opcodes: one for every two bytes, but 1,000,000 for any file, and 16,000,000 at most. A forest has a few dozen a
    ///   tree, and nearly all of its bytes are arrays; a text vectorizer's vocabulary has 3 for each entry of a dozen
    ///   bytes or more, and 10 for 25 bytes if its numbers are numpy's. An opcode takes some 100 bytes of memory at most,
    ///   so 16,000,000 take 1.6 GB; real models' largest vocabularies, of a million entries, take a tenth.
    /// - Arrays: 8 times the file, but 128 MiB for any file, and 2 GiB at most. Numbers take 8 bytes here, however few the
    ///   file has for them; those of models are 4 or 8 bytes long there, except for masks and small tables.
    package init(fileSize: Int) {
        self.init(
            opcodes: min(16_000_000, max(1_000_000, fileSize / 2)),
            decodedBytes: 8 * min(256 << 20, max(16 << 20, fileSize)))
    }

    /// What the smallest file may cost: 1,000,000 opcodes and 128 MiB, enough for models with millions of coefficients and a
    /// hundred thousand names.
    package static let standard = PickleLimits(fileSize: 0)
}
