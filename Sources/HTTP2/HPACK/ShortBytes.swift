/// A few bytes, stored in place.
///
/// Soundness: the first `count` bytes, at most `most`, are those that were copied in.
struct ShortBytes {
    static let most = 64

    /// Room for `most` bytes.
    private var bytes = InlineArray<64, UInt8>(repeating: 0)
    private(set) var count = 0

    /// Makes an empty value.
    init() {}

    /// - Precondition: `fits` has said that there is room for the bytes.
    init(_ source: UnsafeRawBufferPointer) {
        unsafe precondition(Self.fits(source))
        count = source.count
        unsafe withUnsafeMutableBytes(of: &bytes) { unsafe $0.copyMemory(from: source) }
    }

    static func fits(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.count <= most }

    @inline(__always)
    func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count, let other = other.baseAddress else { return false }
        return unsafe withUnsafeBytes(of: bytes) { bytes in
            unsafe FieldBytes.areEqual(
                bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self),
                other.assumingMemoryBound(to: UInt8.self), count)
        }
    }

    /// - Precondition: the output has room for `count` bytes.
    @inline(__always)
    func write(to output: UnsafeMutableRawBufferPointer) {
        precondition(output.count >= count)
        unsafe withUnsafeBytes(of: bytes) { bytes in
            unsafe output.baseAddress.unsafelyUnwrapped.copyMemory(
                from: bytes.baseAddress.unsafelyUnwrapped, byteCount: count)
        }
    }
}
