/// The most that reading one pickle may cost, whatever the file says.
///
/// An opcode adds at most one value to the stack or to the memo, so a limit on opcodes bounds everything except the
/// contents of strings and arrays. Strings are parts of the file and bounded by it; array contents, which one short
/// opcode can create again and again from the same bytes, have a limit of their own.
package struct PickleLimits: Sendable, Hashable {
    /// The largest number of opcodes that are executed.
    package var opcodes: Int

    /// The largest number of bytes that the decoded contents of all arrays together take in memory.
    package var decodedBytes: Int

    package init(opcodes: Int, decodedBytes: Int) {
        self.opcodes = opcodes
        self.decodedBytes = decodedBytes
    }

    /// 1,000,000 opcodes and 128 MiB: enough for models with millions of coefficients and a hundred thousand names.
    package static let standard = PickleLimits(opcodes: 1_000_000, decodedBytes: 128 << 20)
}
