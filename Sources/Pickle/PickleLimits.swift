/// What reading one pickle may cost at most, whatever the file says.
///
/// An opcode adds at most one value to the stack or to the memo, so that a limit on opcodes bounds everything but the
/// contents of strings and arrays. Strings are bounded by the file, of which they are parts; array contents, which one
/// short opcode can make again and again from the same bytes, have a limit of their own.
package struct PickleLimits: Sendable, Hashable {
    /// Largest number of opcodes that are carried out.
    package var opcodes: Int

    /// Largest number of bytes that decoded array contents take in memory, all arrays together.
    package var decodedBytes: Int

    package init(opcodes: Int, decodedBytes: Int) {
        self.opcodes = opcodes
        self.decodedBytes = decodedBytes
    }

    /// Room for models with millions of coefficients and a hundred thousand names: 1,000,000 opcodes and 128 MiB.
    package static let standard = PickleLimits(opcodes: 1_000_000, decodedBytes: 128 << 20)
}
