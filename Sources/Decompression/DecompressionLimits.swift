/// The most that may come out of a compressed file.
///
/// A few kilobytes can be a "bomb" that decompresses to gigabytes: deflate shortens what repeats itself by up to 1,032
/// times, the others by a million. Models shorten by 2 to 10 times. The largest factor of a real one is that of
/// coefficients that are nearly all zero, which the least limit allows for.
package struct DecompressionLimits: Sendable, Hashable {
    /// The most bytes, whatever the size of the file.
    package var most: Int

    /// The most bytes for each byte of the file.
    package var ratio: Int

    /// The bytes that any file may decompress to.
    package var least: Int

    package init(most: Int, ratio: Int, least: Int) {
        self.most = most
        self.ratio = ratio
        self.least = least
    }

    /// The most bytes that may come out of a file of `size` bytes.
    package func bytes(from size: Int) -> Int {
        let (scaled, overflow) = size.multipliedReportingOverflow(by: ratio)
        return min(most, max(least, overflow ? .max : scaled))
    }

    /// 1 GiB, and 100 times the file's size if that is less, but 32 MiB from any file.
    package static let standard = DecompressionLimits(most: 1 << 30, ratio: 100, least: 32 << 20)
}
